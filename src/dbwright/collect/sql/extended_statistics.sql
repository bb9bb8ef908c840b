-- what: CREATE STATISTICS objects
-- why: the phantom needs them, and advice must not repeat them
-- privileges: none
select
    s.oid,
    s.stxrelid as table_oid,
    n.nspname as schema,
    s.stxname as name,
    array(select a.attname::text from unnest(s.stxkeys::int2[]) k join pg_attribute a on a.attrelid = s.stxrelid and a.attnum = k) as columns,
    array(select case k when 'd' then 'ndistinct' when 'f' then 'dependencies' when 'm' then 'mcv' else 'expressions' end
          from unnest(s.stxkind) k) as kinds,
    pg_get_statisticsobjdef(s.oid) as definition
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
where not s.stxrelid = any(%(locked)s)
order by s.oid
