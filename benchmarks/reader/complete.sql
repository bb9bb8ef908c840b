-- What the fillers leave empty or choose at random, put in states that the applications know, so that their pages open.
-- A row that a constraint refuses stays as it was.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.table_name, c.column_name, CASE
                WHEN c.column_name = 'workspace' THEN '''default'''
                WHEN c.column_name = 'lifecycle_stage' THEN '''active'''
                WHEN c.column_name IN ('changed_on', 'created_on') THEN 'now()'
                WHEN c.column_name IN ('artifact_location', 'artifact_uri') THEN '''file:///nowhere'''
                WHEN c.column_name = 'source_type' THEN '''LOCAL'''
            END AS value
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
          AND c.column_name IN ('workspace', 'lifecycle_stage', 'changed_on', 'created_on', 'artifact_location', 'artifact_uri', 'source_type')
    LOOP
        BEGIN
            EXECUTE format('UPDATE %I SET %I = %s', item.table_name, item.column_name, item.value);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '%.%: %', item.table_name, item.column_name, sqlerrm;
        END;
    END LOOP;
    -- The fillers choose keys themselves.
    PERFORM setval(format('%I.%I', schemaname, sequencename), 1000000) FROM pg_sequences WHERE max_value > 1000000;
END
$$;
