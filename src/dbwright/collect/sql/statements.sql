-- what: recorded statements of this database, the costliest first
-- why: what the time goes to
-- privileges: pg_read_all_stats (pg_monitor), else other roles' texts are hidden
-- note: the schema is where the extension lives; the version in the file's name is that of the server
--       whose extension first has these columns (1.8 came with 13)
select
    coalesce(s.queryid, 0) as query_id,
    r.rolname::text as "user",
    left(s.query, 20000) as query,
    s.calls,
    s.total_exec_time as total_milliseconds,
    s.mean_exec_time as mean_milliseconds,
    s.min_exec_time as min_milliseconds,
    s.max_exec_time as max_milliseconds,
    s.stddev_exec_time as stddev_milliseconds,
    s.total_plan_time as plan_milliseconds,
    s.rows,
    s.shared_blks_hit as shared_blocks_hit,
    s.shared_blks_read as shared_blocks_read,
    s.shared_blks_dirtied as shared_blocks_dirtied,
    s.temp_blks_read as temporary_blocks_read,
    s.temp_blks_written as temporary_blocks_written,
    s.blk_read_time as read_milliseconds,  -- from 17: s.shared_blk_read_time as read_milliseconds,
    s.blk_write_time as write_milliseconds,  -- from 17: s.shared_blk_write_time as write_milliseconds,
    s.wal_bytes::int8 as wal_bytes,
    null::float8 as jit_milliseconds  -- from 15: s.jit_generation_time + s.jit_inlining_time + s.jit_optimization_time + s.jit_emission_time as jit_milliseconds
from {schema}.pg_stat_statements s
left join pg_roles r on r.oid = s.userid
where s.dbid = (select oid from pg_database where datname = current_database())
order by s.total_exec_time desc
limit 2000
