-- what: replication slots
-- why: slots without a consumer keep WAL until the disk is full
-- privileges: none
-- note: columns of newer versions are read through to_jsonb, which knows only those that exist
select
    s.slot_name as name,
    s.slot_type as kind,
    s.plugin::text,
    s.database::text,
    s.active,
    s.temporary,
    s.wal_status,
    pg_wal_lsn_diff(
        case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
             else pg_current_wal_lsn() end, s.restart_lsn)::int8 as retained_bytes,
    age(s.xmin) as xmin_age,
    age(s.catalog_xmin) as catalog_xmin_age,
    (to_jsonb(s) ->> 'conflicting')::bool as conflicting,
    to_jsonb(s) ->> 'invalidation_reason' as invalidation_reason,
    extract(epoch from clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8 as inactive_seconds
from pg_replication_slots s
order by s.slot_name
