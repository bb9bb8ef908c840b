CREATE SCHEMA IF NOT EXISTS audit
-- then
CREATE TABLE audit.log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction bigint NOT NULL DEFAULT txid_current(),
    role text NOT NULL DEFAULT session_user,
    actor text,
    table_name text NOT NULL,
    row_key text NOT NULL,
    action text NOT NULL,
    before jsonb,
    after jsonb
)
-- then
CREATE INDEX log_of_row ON audit.log (table_name, row_key, id)
-- then
CREATE INDEX log_at ON audit.log USING brin (at)
-- then
-- Writes what a statement did to a row, of an update only what changed. Arguments of the trigger: the key, then what is left out.
-- It writes as its owner, so that nobody needs a right on the log.
CREATE FUNCTION audit.record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $record$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    now_is jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    key text := coalesce(now_is, was) ->> TG_ARGV[0];
    secret text[] := TG_ARGV[1:];
    changed text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(a.key) INTO changed FROM jsonb_each(now_is) a WHERE a.value IS DISTINCT FROM was -> a.key;
        IF changed IS NULL THEN
            RETURN NULL;
        END IF;
        SELECT jsonb_object_agg(name, was -> name), jsonb_object_agg(name, now_is -> name) INTO was, now_is FROM unnest(changed) name;
    END IF;
    -- That a secret changed is told, not what it was or is.
    SELECT was || coalesce(jsonb_object_agg(name, '"***"'::jsonb), '{}') INTO was FROM unnest(secret) name WHERE was ? name;
    SELECT now_is || coalesce(jsonb_object_agg(name, '"***"'::jsonb), '{}') INTO now_is FROM unnest(secret) name WHERE now_is ? name;
    INSERT INTO audit.log (actor, table_name, row_key, action, before, after)
    VALUES (nullif(current_setting('app.actor', true), ''), TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, key, lower(TG_OP), was, now_is);
    RETURN NULL;
END
$record$
-- then
CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END
$refuse$
-- then
CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE ON audit.log FOR EACH ROW EXECUTE FUNCTION audit.refuse()
