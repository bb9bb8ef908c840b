-- what: the state of a standby
-- why: replay that stopped or lags
-- privileges: pg_read_all_stats to see the WAL receiver
select
    pg_is_in_recovery() as in_recovery,
    case when pg_is_in_recovery() then exists (select from pg_stat_wal_receiver where pid is not null) end as receiver_running,
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() end as replay_paused,
    case when pg_is_in_recovery() then
        case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
             else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end
    end::float8 as replay_seconds,
    (select system_identifier::text from pg_control_system()) as system_identifier
