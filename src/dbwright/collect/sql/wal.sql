-- what: nothing before PostgreSQL 14
-- why: pg_stat_wal does not exist
-- privileges: none
select 0::int8 as wal_bytes, 0::int8 as full_page_images, now() as reset_at where false
