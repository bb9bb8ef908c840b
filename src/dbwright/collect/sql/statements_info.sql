-- what: how long statements have been recorded and how many were thrown out
-- why: a short window or evictions make shares unreliable
-- privileges: none
-- note: the schema is where the extension lives; exists from version 1.9 (PostgreSQL 14)
select dealloc as evicted, stats_reset as collected_from
from {schema}.pg_stat_statements_info
