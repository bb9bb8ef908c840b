-- what: identifiers and names of all relations with rows that are not the system's
-- why: the other catalog queries read them in batches, so that no statement runs long
-- privileges: none
select c.oid, n.nspname || '.' || c.relname as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp)'
order by c.oid
