-- what: WAL archiving counters
-- why: archiving that fails leaves no way back to a point in time
-- privileges: none
select
    archived_count as archived,
    failed_count as failed,
    last_archived_time as last_archived_at,
    last_failed_time as last_failed_at,
    last_failed_wal,
    stats_reset as reset_at
from pg_stat_archiver
