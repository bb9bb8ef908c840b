-- what: the revisions at which Alembic has left this schema
-- why: which of the project's migrations this database has
-- privileges: SELECT on the table
select
    'alembic'::text as framework,
    ''::text as "group",
    m.version_num::text as name,
    null::timestamptz as applied_at,
    %(schema)s::text as schema
from {schema}.{table} m
limit 1000
