-- The proof, through PgBouncer, as the application:
-- psql -h {{ listen }} -p {{ listen_port }} -U {{ role }} -d {{ database }} -v ON_ERROR_STOP=1 -f pgbouncer_check.sql
DO $check$
DECLARE
    asked record;
BEGIN
    FOR asked IN SELECT name, wanted, current_setting(name) AS found FROM (VALUES
        ('statement_timeout', {{ statement | literal }}),
        ('lock_timeout', {{ lock | literal }}),
        ('idle_in_transaction_session_timeout', {{ idle | literal }})) AS of(name, wanted)
    LOOP
        IF asked.found::interval <> asked.wanted::interval THEN
            RAISE EXCEPTION '% is % and not %', asked.name, asked.found, asked.wanted;
        END IF;
    END LOOP;
    BEGIN
        PERFORM pgbouncer.secret_of(current_user);
        RAISE EXCEPTION '% may read secrets', current_user;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    RAISE NOTICE 'PgBouncer serves % as it should', current_user;
END
$check$;
