-- What PgBouncer and the application behind it need of {{ database }}. As a superuser:
-- psql -d {{ database }} -v ON_ERROR_STOP=1 -f pgbouncer.sql. It can be run again.
BEGIN;

-- PgBouncer logs in with a password of its own and asks for the secrets of those who come through it: of no superuser, and of
-- nobody whose password has expired.
DO $role$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgbouncer') THEN
        CREATE ROLE pgbouncer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO pgbouncer', current_database());
END
$role$;
CREATE SCHEMA IF NOT EXISTS pgbouncer;
CREATE OR REPLACE FUNCTION pgbouncer.secret_of(INOUT role text, OUT secret text) LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog AS $$
    SELECT rolname::text, rolpassword FROM pg_authid
    WHERE rolname = $1 AND rolcanlogin AND NOT rolsuper AND NOT rolreplication AND coalesce(rolvaliduntil > now(), true)
$$;
REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;
REVOKE ALL ON FUNCTION pgbouncer.secret_of(text) FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;
GRANT EXECUTE ON FUNCTION pgbouncer.secret_of(text) TO pgbouncer;

-- In transaction mode a SET of the client is no longer its own, and what it asks for when it connects is lost. So the server knows.
ALTER ROLE {{ role | name }} SET statement_timeout = {{ statement | literal }};
ALTER ROLE {{ role | name }} SET lock_timeout = {{ lock | literal }};
ALTER ROLE {{ role | name }} SET idle_in_transaction_session_timeout = {{ idle | literal }};

COMMIT;
