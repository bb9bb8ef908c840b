-- what: vacuums and index builds in progress
-- why: vacuums that need several index passes, builds that wait
-- privileges: pg_read_all_stats to see other roles'
select
    p.pid,
    'vacuum' as command,
    p.relid as table_oid,
    p.phase,
    case when p.heap_blks_total > 0 then p.heap_blks_scanned::float8 / p.heap_blks_total end as share,
    p.index_vacuum_count::int as index_passes,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
from pg_stat_progress_vacuum p
left join pg_stat_activity a on a.pid = p.pid
where p.datname = current_database() and p.relid is not null
union all
select
    p.pid,
    lower(p.command),
    p.relid,
    p.phase,
    case when p.blocks_total > 0 then p.blocks_done::float8 / p.blocks_total end,
    0,
    extract(epoch from clock_timestamp() - a.xact_start)::float8
from pg_stat_progress_create_index p
left join pg_stat_activity a on a.pid = p.pid
where p.datname = current_database() and p.relid is not null
