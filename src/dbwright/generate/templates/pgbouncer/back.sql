-- Takes back what pgbouncer.sql has made. Stop PgBouncer first.
BEGIN;
DROP SCHEMA IF EXISTS pgbouncer CASCADE;
DO $role$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgbouncer') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM pgbouncer', current_database());
        DROP ROLE pgbouncer;
    END IF;
END
$role$;
ALTER ROLE {{ role | name }} RESET statement_timeout;
ALTER ROLE {{ role | name }} RESET lock_timeout;
ALTER ROLE {{ role | name }} RESET idle_in_transaction_session_timeout;
COMMIT;
