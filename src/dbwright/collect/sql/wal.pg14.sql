-- what: WAL written
-- why: volume, share of full-page images
-- privileges: none
select wal_bytes::int8 as wal_bytes, wal_fpi as full_page_images, stats_reset as reset_at
from pg_stat_wal
