-- Three roles for {{ database }}, each with no more than it needs. Run it as a superuser (or a role with CREATEROLE that owns the schema),
-- connected to the database: psql -d {{ database }} -v ON_ERROR_STOP=1 -f roles.sql. It can be run again.
--
-- {{ prefix }}_migrate  owns the schema and what is in it; migrations connect as this role, nothing else does
-- {{ prefix }}_app      reads and writes rows; makes, changes and drops nothing
-- {{ prefix }}_read     reads rows
--
-- Passwords are set afterwards, so that they stand in no file: \password {{ prefix }}_app
BEGIN;

DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[{{ (prefix ~ '_migrate') | literal }}, {{ (prefix ~ '_app') | literal }}, {{ (prefix ~ '_read') | literal }}] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
    END LOOP;
    -- Nobody else comes in, and nobody but migrations makes tables.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO {{ app | name }}, {{ read | name }}', current_database());
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO {{ migrate | name }}', current_database());
END
$roles$;
ALTER ROLE {{ migrate | name }} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE {{ app | name }} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE {{ read | name }} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE {{ read | name }} SET default_transaction_read_only = on;

{% for schema in schemas %}
REVOKE ALL ON SCHEMA {{ schema | name }} FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA {{ schema | name }} TO {{ migrate | name }};
GRANT USAGE ON SCHEMA {{ schema | name }} TO {{ app | name }}, {{ read | name }};
{% endfor %}

-- What is there already becomes the migrations' own: the tables of the models, with what belongs to them.
DO $owner$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT c.oid::regclass AS relation FROM pg_class c
        WHERE relnamespace::regnamespace::text = ANY (ARRAY[{% for schema in schemas %}{{ ', ' if not loop.first }}{{ schema | name | literal }}{% endfor %}])
            AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('e', 'i', 'a') AND relkind = 'S')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {{ migrate | name }}', item.relation);
    END LOOP;
END
$owner$;

{% for schema in schemas %}
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {{ schema | name }} TO {{ app | name }};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {{ schema | name }} TO {{ app | name }};
GRANT SELECT ON ALL TABLES IN SCHEMA {{ schema | name }} TO {{ read | name }};
-- And the same for what migrations will make.
ALTER DEFAULT PRIVILEGES FOR ROLE {{ migrate | name }} IN SCHEMA {{ schema | name }}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{ app | name }};
ALTER DEFAULT PRIVILEGES FOR ROLE {{ migrate | name }} IN SCHEMA {{ schema | name }} GRANT USAGE, SELECT ON SEQUENCES TO {{ app | name }};
ALTER DEFAULT PRIVILEGES FOR ROLE {{ migrate | name }} IN SCHEMA {{ schema | name }} GRANT SELECT ON TABLES TO {{ read | name }};
{% endfor %}
{% if history %}

-- What is applied is the migrations' to write.
DO $history$
BEGIN
    IF to_regclass({{ history | literal }}) IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON {{ history }} FROM {{ app | name }};
    END IF;
END
$history$;
{% endif %}

COMMIT;
