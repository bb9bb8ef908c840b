-- what: the migrations that Django has recorded, the newest 20,000
-- why: which of the project's migrations this database has
-- privileges: SELECT on the table
select
    'django'::text as framework,
    m.app::text as "group",
    m.name::text as name,
    m.applied as applied_at,
    %(schema)s::text as schema
from {schema}.{table} m
order by m.id desc
limit 20000
