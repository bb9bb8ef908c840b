-- what: checkpoints and the background writer
-- why: forced checkpoints, buffers written by backends
-- privileges: none
select
    c.num_timed as timed,
    c.num_requested as requested,
    c.write_time as write_milliseconds,
    c.sync_time as sync_milliseconds,
    c.buffers_written as buffers_checkpoint,
    b.buffers_clean,
    null::int8 as buffers_backend,
    b.maxwritten_clean as max_written_clean,
    b.buffers_alloc as buffers_allocated,
    c.stats_reset as reset_at
from pg_stat_checkpointer c
cross join pg_stat_bgwriter b
