-- what: standbys that this server feeds
-- why: lag, state
-- privileges: pg_read_all_stats (pg_monitor), else the rows are there without their state
select
    coalesce(application_name, '') as application,
    coalesce(usename::text, '') as "user",
    coalesce(state, 'hidden') as state,
    coalesce(sync_state, 'hidden') as sync_state,
    pg_wal_lsn_diff(
        case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
             else pg_current_wal_lsn() end, replay_lsn)::int8 as lag_bytes,
    extract(epoch from replay_lag)::float8 as replay_lag_seconds
from pg_stat_replication
order by application_name
