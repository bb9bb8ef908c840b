-- The partitions live in one schema, the table as it was goes to another when the two are exchanged; so all names stay.
CREATE SCHEMA {{ parts | name }}
-- then
CREATE SCHEMA {{ before | name }}
-- then
CREATE TABLE {{ parts | name }}.batches (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    after_key text,
    to_key text,
    rows bigint,
    is_checked boolean NOT NULL DEFAULT false
)
-- then
-- The partitioned table: beside the other one until they are exchanged, in its place from then on.
CREATE FUNCTION {{ parts | name }}.parent() RETURNS regclass LANGUAGE sql STABLE AS $parent$
    SELECT coalesce(to_regclass({{ twin | literal }}), to_regclass({{ source | literal }}))
$parent$
-- then
-- Makes the partition of a month, unless it is there. Attaching lets others read and write.
CREATE FUNCTION {{ parts | name }}.make_month(month date) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '2s' AS $make_month$
DECLARE
    parent regclass := {{ parts | name }}.parent();
    partition text := format('%I.%I', {{ parts | literal }}, {{ (table ~ '_') | literal }} || to_char(month, 'YYYY_MM'));
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY)', partition, parent)
        || coalesce((SELECT format(' WITH (%s)', array_to_string(reloptions, ', ')) FROM pg_class -- as the default partition has them
                     WHERE oid = to_regclass({{ (parts | name ~ '.' ~ (table ~ '_default') | name) | literal }}) AND reloptions IS NOT NULL), '');
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, partition,
                   month || {{ midnight | literal }}, (month + interval '1 month')::date || {{ midnight | literal }});
    RETURN true;
END
$make_month$
-- then
-- Makes the partitions of this month and of some months to come; returns how many were missing.
CREATE FUNCTION {{ parts | name }}.ahead(months integer) RETURNS bigint LANGUAGE sql AS $ahead$
    SELECT count(*) FILTER (WHERE {{ parts | name }}.make_month((date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month')::date))
    FROM generate_series(0, months) n
$ahead$
-- then
-- Detaches the partitions that end before a day; they stay in the schema as tables of their own. Returns their names.
CREATE FUNCTION {{ parts | name }}.detach_before(day date) RETURNS SETOF text
LANGUAGE plpgsql SET lock_timeout = '2s' AS $detach$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN
        SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
        WHERE inhparent = {{ parts | name }}.parent() AND relname ~ '_\d{4}_\d{2}$'
            AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= day
        ORDER BY relname
    LOOP
        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', {{ parts | name }}.parent(), partition);
        RETURN NEXT partition::text;
    END LOOP;
END
$detach$
-- then
-- The columns that rows are copied with.
CREATE FUNCTION {{ parts | name }}.columns(prefix text DEFAULT '') RETURNS text LANGUAGE sql STABLE AS $columns$
    SELECT string_agg(prefix || quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = {{ source | literal }}::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
$columns$
-- then
DO $refusals$
DECLARE
    source regclass := {{ source | literal }};
    found text;
BEGIN
    SELECT string_agg(reason, '; ') INTO found FROM (
        SELECT format('foreign key %I of %s points at it', conname, conrelid::regclass) FROM pg_constraint
        WHERE confrelid = source AND contype = 'f'
        UNION ALL SELECT format('unique index %s lacks {{ column }}', indexrelid::regclass) FROM pg_index
        WHERE indrelid = source AND indisunique AND NOT indisprimary
            AND NOT (SELECT attnum FROM pg_attribute WHERE attrelid = source AND attname = {{ column | literal }}) = ANY (indkey)
        UNION ALL SELECT format('constraint %I cannot be carried over', conname) FROM pg_constraint
        WHERE conrelid = source AND (contype = 'x' OR contype = 'f' AND NOT convalidated)
        UNION ALL SELECT format('trigger %I is not carried over', tgname) FROM pg_trigger WHERE tgrelid = source AND NOT tgisinternal
        UNION ALL SELECT DISTINCT format('view %s reads it', ev_class::regclass) FROM pg_depend
        JOIN pg_rewrite r ON r.oid = objid WHERE classid = 'pg_rewrite'::regclass AND refobjid = source AND ev_class <> source
        UNION ALL SELECT 'its row security is not carried over' FROM pg_class WHERE oid = source AND relrowsecurity
        UNION ALL SELECT 'it is no plain table' FROM pg_class WHERE oid = source AND (relkind <> 'r' OR relispartition)
        UNION ALL SELECT 'it takes part in inheritance' FROM pg_inherits WHERE source IN (inhrelid, inhparent)
        UNION ALL SELECT 'a publication names it' FROM pg_publication_rel WHERE prrelid = source
        UNION ALL SELECT '{{ column }} may be NULL' FROM pg_attribute
        WHERE attrelid = source AND attname = {{ column | literal }} AND NOT attnotnull
    ) reasons (reason);
    IF found IS NOT NULL THEN
        RAISE EXCEPTION '% cannot become partitioned: %', source, found;
    END IF;
END
$refusals$
-- then
DO $twin$
DECLARE
    source regclass := {{ source | literal }};
    first date;
    final date;
    month date;
    item record;
BEGIN
    SET LOCAL lock_timeout = '2s';
    EXECUTE 'CREATE TABLE {{ twin }} (LIKE {{ source }} INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE ({{ column | name }})';
    -- What belongs to no month is kept here, so that no write ever fails.
    CREATE TABLE {{ parts | name }}.{{ (table ~ '_default') | name }} PARTITION OF {{ twin }} DEFAULT;
    EXECUTE coalesce((SELECT format('ALTER TABLE {{ parts | name }}.{{ (table ~ '_default') | name }} SET (%s)', array_to_string(reloptions, ', '))
             FROM pg_class WHERE oid = source AND reloptions IS NOT NULL), 'SELECT');
    SELECT date_trunc('month', min({{ column | name }}){{ in_utc }}), date_trunc('month', max({{ column | name }}){{ in_utc }})
        INTO first, final FROM {{ source }};
    FOR month IN SELECT generate_series(greatest(first, current_date - interval '50 years'),
                                        least(final, current_date + interval '10 years'), '1 month')
    LOOP
        PERFORM {{ parts | name }}.make_month(date_trunc('month', month)::date);
    END LOOP;
    PERFORM {{ parts | name }}.ahead({{ ahead }});
    FOR item IN SELECT conname, contype, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE conrelid = source AND contype IN ('p', 'u', 'f') ORDER BY contype = 'f'
    LOOP
        IF item.contype = 'p' THEN
            item.definition := 'PRIMARY KEY ({{ key | names }})';
        END IF;
        EXECUTE format('ALTER TABLE {{ twin }} ADD CONSTRAINT %I %s', item.conname, item.definition);
    END LOOP;
    FOR item IN SELECT relname, indisunique, pg_get_indexdef(indexrelid) AS definition FROM pg_index JOIN pg_class c ON c.oid = indexrelid
        WHERE indrelid = source AND indisvalid AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = source)
    LOOP
        EXECUTE format('CREATE %sINDEX %I ON {{ twin }}', CASE WHEN item.indisunique THEN 'UNIQUE ' END, item.relname)
            || substring(item.definition FROM position(' USING ' IN item.definition));
    END LOOP;
    EXECUTE format('COMMENT ON TABLE {{ twin }} IS %L', obj_description(source, 'pg_class'));
    FOR item IN SELECT privilege_type, grantee FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = source LOOP
        EXECUTE format('GRANT %s ON {{ twin }} TO %s', item.privilege_type,
                       CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END);
    END LOOP;
END
$twin$
-- then
-- Functions that write to one table what is written to the other, as the owner, whoever writes.
DO $mirrors$
DECLARE
    target record;
BEGIN
    FOR target IN VALUES ('mirror', {{ twin | literal }}), ('mirror_back', {{ old | literal }}) LOOP
        EXECUTE format($format$
            CREATE FUNCTION {{ parts | name }}.%1$I() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $mirror$
            BEGIN
                IF TG_OP = 'TRUNCATE' THEN
                    TRUNCATE %2$s;
                    RETURN NULL;
                END IF;
                IF TG_OP <> 'INSERT' THEN
                    DELETE FROM %2$s WHERE {% for one in key %}{{ ' AND ' if not loop.first }}{{ one | name }} = OLD.{{ one | name }}{% endfor %};
                    IF NOT FOUND AND current_setting('transaction_isolation') <> 'read committed' THEN
                        -- A row that was copied since this transaction's snapshot: an error that is tried again, instead of a row that stays.
                        INSERT INTO %2$s (%3$s) OVERRIDING SYSTEM VALUE VALUES (%4$s) ON CONFLICT DO NOTHING;
                        DELETE FROM %2$s WHERE {% for one in key %}{{ ' AND ' if not loop.first }}{{ one | name }} = OLD.{{ one | name }}{% endfor %};
                    END IF;
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    INSERT INTO %2$s (%3$s) OVERRIDING SYSTEM VALUE VALUES (%5$s) ON CONFLICT DO NOTHING;
                END IF;
                RETURN NULL;
            END
            $mirror$
        $format$, target.column1, target.column2,
            {{ parts | name }}.columns(), {{ parts | name }}.columns('OLD.'), {{ parts | name }}.columns('NEW.'));
    END LOOP;
END
$mirrors$
-- then
-- From here on both tables get each write.
DO $trigger$
BEGIN
    SET LOCAL lock_timeout = '2s';
    CREATE TRIGGER partition_mirror AFTER INSERT OR UPDATE OR DELETE ON {{ source }}
        FOR EACH ROW EXECUTE FUNCTION {{ parts | name }}.mirror();
    CREATE TRIGGER partition_mirror_truncate AFTER TRUNCATE ON {{ source }}
        FOR EACH STATEMENT EXECUTE FUNCTION {{ parts | name }}.mirror();
END
$trigger$
-- then
-- Copies the rows that were there before, in batches by key, each its own transaction: what was interrupted goes on where it was.
-- Rows are locked while they are copied, so that none is changed or deleted between being read and being written.
CREATE PROCEDURE {{ parts | name }}.copy_rows(size integer) LANGUAGE plpgsql AS $copy$
DECLARE
    last text := (SELECT to_key FROM {{ parts | name }}.batches ORDER BY number DESC LIMIT 1);
    upto text;
    span text;
    copied bigint;
    columns text := {{ parts | name }}.columns();
    failures integer := 0;
BEGIN
    LOOP
        span := CASE WHEN last IS NULL THEN 'true' ELSE format('{{ id | name }} > %L', last) END;
        EXECUTE format('SELECT w.key::text FROM (SELECT {{ id | name }} AS key FROM {{ source }} WHERE %s ORDER BY 1 LIMIT %s) w'
                       ' ORDER BY w.key DESC LIMIT 1', span, size) INTO upto;
        EXIT WHEN upto IS NULL;
        BEGIN
            SET LOCAL lock_timeout = '500ms'; -- less than deadlock_timeout: it is this one that gives way
            EXECUTE format('INSERT INTO {{ twin }} (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM {{ source }}'
                           ' WHERE %s AND {{ id | name }} <= %L FOR SHARE ON CONFLICT DO NOTHING', columns, columns, span, upto);
            GET DIAGNOSTICS copied = ROW_COUNT;
            INSERT INTO {{ parts | name }}.batches (after_key, to_key, rows) VALUES (last, upto, copied);
            last := upto;
            failures := 0;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            failures := failures + 1;
            IF failures > 120 THEN
                RAISE;
            END IF;
        END;
        COMMIT;
        IF failures > 0 THEN
            PERFORM pg_sleep(0.2 + random() * 0.8);
        END IF;
    END LOOP;
END
$copy$
-- then
-- Count and hash of the rows of one batch.
CREATE FUNCTION {{ parts | name }}.fingerprint(relation text, after_key text, to_key text) RETURNS text
LANGUAGE plpgsql STABLE AS $fingerprint$
DECLARE
    found text;
BEGIN
    EXECUTE format('SELECT count(*) || '' rows, hash '' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM %s t WHERE true', relation)
        || coalesce(format(' AND {{ id | name }} > %L', after_key), '') || coalesce(format(' AND {{ id | name }} <= %L', to_key), '')
        INTO found;
    RETURN found;
END
$fingerprint$
-- then
-- Compares both tables batch by batch, each in one snapshot. The last batch is what came since.
CREATE PROCEDURE {{ parts | name }}.check_rows() LANGUAGE plpgsql AS $check$
DECLARE
    batch record;
    one text;
    other text;
BEGIN
    DELETE FROM {{ parts | name }}.batches WHERE to_key IS NULL;
    INSERT INTO {{ parts | name }}.batches (after_key)
    SELECT (SELECT to_key FROM {{ parts | name }}.batches ORDER BY number DESC LIMIT 1);
    COMMIT;
    FOR batch IN SELECT * FROM {{ parts | name }}.batches WHERE NOT is_checked ORDER BY number LOOP
        WITH compared AS MATERIALIZED (
            SELECT {{ parts | name }}.fingerprint({{ source | literal }}, batch.after_key, batch.to_key) AS one,
                {{ parts | name }}.fingerprint({{ twin | literal }}, batch.after_key, batch.to_key) AS other
        )
        SELECT compared.one, compared.other INTO one, other FROM compared;
        IF one <> other THEN
            RAISE EXCEPTION 'batch % differs: {{ source }} has %, {{ twin }} %', batch.number, one, other
                USING HINT = 'Take this migration back and run it again: all rows are copied anew.';
        END IF;
        UPDATE {{ parts | name }}.batches SET is_checked = true WHERE number = batch.number;
        COMMIT;
    END LOOP;
END
$check$
-- then
-- Puts one table in the place of the other in one short transaction. Whoever waits behind this waits half a second at most.
CREATE FUNCTION {{ parts | name }}.exchange(leaves_to text, comes_from text, mirror text) RETURNS void
LANGUAGE plpgsql AS $exchange$
DECLARE
    coming text := format('%I.%I', comes_from, {{ table | literal }});
    has_lock boolean := false;
    item record;
    owned text[] := '{}';
    sequence text;
BEGIN
    FOR attempt IN 1..60 LOOP
        BEGIN
            SET LOCAL lock_timeout = '500ms';
            EXECUTE format('LOCK TABLE {{ source }}, %s IN ACCESS EXCLUSIVE MODE', coming);
            has_lock := true;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.2 + random() * 0.8);
        END;
        EXIT WHEN has_lock;
    END LOOP;
    IF NOT has_lock THEN
        RAISE EXCEPTION '{{ source }} was in use by a long transaction' USING ERRCODE = 'lock_not_available', HINT = 'Run it again.';
    END IF;
    DROP TRIGGER partition_mirror ON {{ source }};
    DROP TRIGGER partition_mirror_truncate ON {{ source }};
    FOR item IN SELECT attname, pg_get_serial_sequence({{ source | literal }}, attname) AS own,
            pg_get_serial_sequence(coming, attname) AS others
        FROM pg_attribute WHERE attrelid = {{ source | literal }}::regclass AND attnum > 0 AND NOT attisdropped
    LOOP
        IF item.own IS NOT NULL AND item.others IS NOT NULL THEN
            EXECUTE format('SELECT setval(%L, last_value, is_called) FROM %s', item.others, item.own) INTO sequence;
        ELSIF item.own IS NOT NULL THEN
            EXECUTE format('ALTER SEQUENCE %s OWNED BY NONE', item.own);
            owned := owned || format('ALTER SEQUENCE %s OWNED BY {{ source }}.%I', item.own, item.attname);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE {{ source }} SET SCHEMA %I', leaves_to);
    EXECUTE format('ALTER TABLE %s SET SCHEMA {{ schema | name }}', coming);
    FOREACH sequence IN ARRAY owned LOOP
        EXECUTE sequence;
    END LOOP;
    EXECUTE format('CREATE TRIGGER partition_mirror AFTER INSERT OR UPDATE OR DELETE ON {{ source }}'
                   ' FOR EACH ROW EXECUTE FUNCTION {{ parts | name }}.%I()', mirror);
    EXECUTE format('CREATE TRIGGER partition_mirror_truncate AFTER TRUNCATE ON {{ source }}'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION {{ parts | name }}.%I()', mirror);
END
$exchange$
-- then
-- The partitioned table takes the other's place, if all rows were compared.
CREATE FUNCTION {{ parts | name }}.swap() RETURNS void LANGUAGE plpgsql AS $swap$
BEGIN
    IF NOT EXISTS (SELECT FROM {{ parts | name }}.batches WHERE to_key IS NULL)
        OR EXISTS (SELECT FROM {{ parts | name }}.batches WHERE NOT is_checked)
    THEN
        RAISE EXCEPTION 'not all rows are copied and compared' USING HINT = 'Run the migration before this one.';
    END IF;
    PERFORM {{ parts | name }}.exchange({{ before | literal }}, {{ parts | literal }}, 'mirror_back');
END
$swap$
