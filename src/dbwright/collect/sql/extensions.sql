-- what: installed extensions and the newest version that the server could install
-- why: outdated or misplaced extensions; which functions can be relied upon
-- privileges: none
select
    e.oid,
    e.extname as name,
    n.nspname as schema,
    e.extversion as version,
    (select a.default_version from pg_available_extensions() a where a.name = e.extname) as available_version,
    e.extrelocatable as relocatable
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
order by e.oid
