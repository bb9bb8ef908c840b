-- what: sizes and counters of the given tables
-- why: every judgement is made on real sizes and real use
-- note: each file is asked for its size once: pg_table_size is the sum of the forks and of TOAST with its index
-- note: index_bytes is added up from index_statistics afterwards, so that no file is asked for its size twice
-- privileges: none
select
    c.oid,
    c.reltuples::float8 as rows,
    c.relpages as pages,
    c.relallvisible as all_visible_pages,
    z.heap_bytes,
    z.table_bytes,
    z.toast_bytes,
    0::int8 as index_bytes,
    coalesce(s.seq_scan, 0) as sequential_scans,
    coalesce(s.seq_tup_read, 0) as sequential_rows,
    coalesce(s.idx_scan, 0) as index_scans,
    coalesce(s.idx_tup_fetch, 0) as index_rows,
    coalesce(s.n_tup_ins, 0) as inserted,
    coalesce(s.n_tup_upd, 0) as updated,
    coalesce(s.n_tup_del, 0) as deleted,
    coalesce(s.n_tup_hot_upd, 0) as hot_updated,
    0::int8 as newpage_updated,  -- from 16: pg_stat_get_tuples_newpage_updated(c.oid) as newpage_updated,
    coalesce(s.n_live_tup, 0) as live_rows,
    coalesce(s.n_dead_tup, 0) as dead_rows,
    coalesce(s.n_mod_since_analyze, 0) as modified_since_analyze,
    coalesce(s.n_ins_since_vacuum, 0) as inserted_since_vacuum,
    s.last_vacuum,
    s.last_autovacuum,
    s.last_analyze,
    s.last_autoanalyze,
    null::timestamptz as last_sequential_scan,  -- from 16: pg_stat_get_lastscan(c.oid) as last_sequential_scan,
    x.last_scan as last_index_scan,
    coalesce(s.vacuum_count, 0) as vacuums,
    coalesce(s.autovacuum_count, 0) as autovacuums,
    coalesce(s.analyze_count, 0) as analyzes,
    coalesce(s.autoanalyze_count, 0) as autoanalyzes,
    coalesce(io.heap_blks_read, 0) as heap_blocks_read,
    coalesce(io.heap_blks_hit, 0) as heap_blocks_hit,
    coalesce(io.idx_blks_read, 0) as index_blocks_read,
    coalesce(io.idx_blks_hit, 0) as index_blocks_hit,
    coalesce(io.toast_blks_read, 0) as toast_blocks_read,
    coalesce(io.toast_blks_hit, 0) as toast_blocks_hit
from pg_class c
left join lateral (
    select
        sum(pg_stat_get_numscans(i.indexrelid))::int8 as scans,
        sum(pg_stat_get_tuples_fetched(i.indexrelid))::int8 as fetched,
        sum(pg_stat_get_blocks_fetched(i.indexrelid))::int8 as blocks_fetched,
        sum(pg_stat_get_blocks_hit(i.indexrelid))::int8 as blocks_hit,
        null::timestamptz as last_scan  -- from 16: max(pg_stat_get_lastscan(i.indexrelid)) as last_scan
    from pg_index i
    where i.indrelid = c.oid
) x on true
cross join lateral (
    select
        f.main as heap_bytes,
        f.main + f.others + f.toast as table_bytes,
        f.toast as toast_bytes
    from (select c.oid = any(%(locked)s) or c.reltoastrelid = any(%(locked)s) as locked) l
    cross join lateral (
        select
            coalesce(case when l.locked then c.relpages::int8 * 8192 else pg_relation_size(c.oid) end, 0) as main,
            coalesce(case when not l.locked then
                pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm') + pg_relation_size(c.oid, 'init') end, 0) as others,
            coalesce(case when not l.locked and c.reltoastrelid <> 0 then pg_total_relation_size(c.reltoastrelid) end, 0) as toast
        offset 0
    ) f
) z
cross join lateral (
    select
        pg_stat_get_numscans(c.oid) as seq_scan,
        pg_stat_get_tuples_returned(c.oid) as seq_tup_read,
        x.scans as idx_scan,
        x.fetched + pg_stat_get_tuples_fetched(c.oid) as idx_tup_fetch,
        pg_stat_get_tuples_inserted(c.oid) as n_tup_ins,
        pg_stat_get_tuples_updated(c.oid) as n_tup_upd,
        pg_stat_get_tuples_deleted(c.oid) as n_tup_del,
        pg_stat_get_tuples_hot_updated(c.oid) as n_tup_hot_upd,
        pg_stat_get_live_tuples(c.oid) as n_live_tup,
        pg_stat_get_dead_tuples(c.oid) as n_dead_tup,
        pg_stat_get_mod_since_analyze(c.oid) as n_mod_since_analyze,
        pg_stat_get_ins_since_vacuum(c.oid) as n_ins_since_vacuum,
        pg_stat_get_last_vacuum_time(c.oid) as last_vacuum,
        pg_stat_get_last_autovacuum_time(c.oid) as last_autovacuum,
        pg_stat_get_last_analyze_time(c.oid) as last_analyze,
        pg_stat_get_last_autoanalyze_time(c.oid) as last_autoanalyze,
        pg_stat_get_vacuum_count(c.oid) as vacuum_count,
        pg_stat_get_autovacuum_count(c.oid) as autovacuum_count,
        pg_stat_get_analyze_count(c.oid) as analyze_count,
        pg_stat_get_autoanalyze_count(c.oid) as autoanalyze_count
) s
cross join lateral (
    select
        pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) as heap_blks_read,
        pg_stat_get_blocks_hit(c.oid) as heap_blks_hit,
        x.blocks_fetched - x.blocks_hit as idx_blks_read,
        x.blocks_hit as idx_blks_hit,
        case when c.reltoastrelid <> 0
            then pg_stat_get_blocks_fetched(c.reltoastrelid) - pg_stat_get_blocks_hit(c.reltoastrelid) end as toast_blks_read,
        case when c.reltoastrelid <> 0 then pg_stat_get_blocks_hit(c.reltoastrelid) end as toast_blks_hit
) io
where c.oid = any(%(oids)s)
  and c.relkind in ('r', 'm', 'p', 'f')
order by c.oid
