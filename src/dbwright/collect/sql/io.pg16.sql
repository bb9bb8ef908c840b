-- what: I/O by kind of process and context
-- why: latency of reads, buffers evicted by backends
-- privileges: none
select
    backend_type,
    object,
    context,
    coalesce(reads, 0) as reads,
    coalesce(read_time, 0) as read_milliseconds,
    coalesce(writes, 0) as writes,
    coalesce(write_time, 0) as write_milliseconds,
    coalesce(extends, 0) as extends,
    coalesce(hits, 0) as hits,
    coalesce(evictions, 0) as evictions,
    coalesce(fsyncs, 0) as fsyncs
from pg_stat_io
where coalesce(reads, 0) + coalesce(writes, 0) + coalesce(extends, 0) + coalesce(hits, 0) > 0
order by backend_type, object, context
