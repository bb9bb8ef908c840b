-- What a generic filler gets wrong, put right before the snapshot, so that no rule speaks of the filler instead of the application:
-- passwords become salted hashes, places get possible coordinates, and references that were empty because the table they point at
-- was filled later get a row to point at (three rows of four). A row that a constraint refuses stays as it was.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.table_name, c.column_name, c.data_type
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
          AND ((c.column_name ~ '(^|_)(password|passwd)$' AND c.character_maximum_length >= 88 OR c.column_name = 'password' AND c.data_type = 'text')
               OR c.column_name ~ '(^|_)(lat|lon|lng|latitude|longitude)$' AND c.data_type IN ('double precision', 'numeric', 'real'))
    LOOP
        BEGIN
            IF item.column_name ~ 'pass' THEN
                EXECUTE format('UPDATE %I SET %2$I = %3$L || encode(sha256(random()::text::bytea), ''hex'') WHERE %2$I <> ''''',
                               item.table_name, item.column_name, 'pbkdf2_sha256$1000000$');
            ELSE
                EXECUTE format('UPDATE %I SET %2$I = mod(%2$I::numeric, 90)', item.table_name, item.column_name);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '%.%: %', item.table_name, item.column_name, sqlerrm;
        END;
    END LOOP;

    FOR item IN
        SELECT k.conrelid::regclass AS child, k.confrelid::regclass AS parent, a.attname AS reference, b.attname AS key
        FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
        JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND NOT a.attnotnull AND k.connamespace = 'public'::regnamespace
          AND c.reltuples > 0 AND k.conrelid <> k.confrelid
          AND NOT EXISTS (SELECT FROM pg_stats s WHERE s.tablename = c.relname AND s.attname = a.attname AND s.null_frac < 1)
    LOOP
        BEGIN
            EXECUTE format('WITH pick AS (SELECT array_agg(%1$I) AS ids FROM (SELECT %1$I FROM %2$s LIMIT 2000) p)
                            UPDATE %3$s SET %4$I = ids[1 + floor(random() * cardinality(ids))::int] FROM pick
                            WHERE %4$I IS NULL AND random() < 0.75',
                           item.key, item.parent, item.child, item.reference);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '%.%: %', item.child, item.reference, sqlerrm;
        END;
    END LOOP;
END
$$;
VACUUM ANALYZE;
