-- what: counters of each database
-- why: cache hits, rollbacks, temporary files, deadlocks, checksum failures
-- privileges: none
-- note: columns of newer versions are read through to_jsonb, which knows only those that exist
select
    s.datid as oid,
    coalesce(s.datname::text, '') as name,
    s.numbackends as connections,
    s.xact_commit as commits,
    s.xact_rollback as rollbacks,
    s.blks_read as blocks_read,
    s.blks_hit as blocks_hit,
    s.tup_returned as rows_returned,
    s.tup_fetched as rows_fetched,
    s.tup_inserted as rows_inserted,
    s.tup_updated as rows_updated,
    s.tup_deleted as rows_deleted,
    s.conflicts as recovery_conflicts,
    s.temp_files as temporary_files,
    s.temp_bytes as temporary_bytes,
    s.deadlocks,
    s.checksum_failures,
    s.blk_read_time as read_milliseconds,
    s.blk_write_time as write_milliseconds,
    (to_jsonb(s) ->> 'sessions')::int8 as sessions,
    (to_jsonb(s) ->> 'sessions_abandoned')::int8 as sessions_abandoned,
    (to_jsonb(s) ->> 'sessions_fatal')::int8 as sessions_fatal,
    (to_jsonb(s) ->> 'sessions_killed')::int8 as sessions_killed,
    s.stats_reset as reset_at
from pg_stat_database s
where s.datid <> 0
order by s.datid
