-- what: nothing before PostgreSQL 16
-- why: pg_stat_io does not exist
-- privileges: none
select
    '' as backend_type, '' as object, '' as context, 0 as reads, 0 as read_milliseconds, 0 as writes, 0 as write_milliseconds,
    0 as extends, 0 as hits, 0 as evictions, 0 as fsyncs
where false
