-- what: sizes and counters of the indexes of the given tables
-- why: use, size and cache hits of each index
-- privileges: none
select
    i.indexrelid as oid,
    i.indrelid as table_oid,
    coalesce(case when l.locked then c.relpages::int8 * 8192 else pg_relation_size(c.oid) end, 0) as bytes,
    c.relpages as pages,
    c.reltuples::float8 as rows,
    pg_stat_get_numscans(c.oid) as scans,
    pg_stat_get_tuples_returned(c.oid) as rows_read,
    pg_stat_get_tuples_fetched(c.oid) as rows_fetched,
    null::timestamptz as last_scan,  -- from 16: pg_stat_get_lastscan(c.oid) as last_scan,
    pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) as blocks_read,
    pg_stat_get_blocks_hit(c.oid) as blocks_hit
from pg_index i
join pg_class c on c.oid = i.indexrelid
cross join lateral (select i.indrelid = any(%(locked)s) or i.indexrelid = any(%(locked)s) as locked) l
where i.indrelid = any(%(oids)s)
order by i.indexrelid
