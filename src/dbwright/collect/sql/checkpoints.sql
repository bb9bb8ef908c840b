-- what: checkpoints and the background writer
-- why: forced checkpoints, buffers written by backends
-- privileges: none
-- note: split into two views in PostgreSQL 17 (sibling file)
select
    checkpoints_timed as timed,
    checkpoints_req as requested,
    checkpoint_write_time as write_milliseconds,
    checkpoint_sync_time as sync_milliseconds,
    buffers_checkpoint,
    buffers_clean,
    buffers_backend,
    maxwritten_clean as max_written_clean,
    buffers_alloc as buffers_allocated,
    stats_reset as reset_at
from pg_stat_bgwriter
