-- what: enums and domains of the users
-- why: value lists kept in the database, checks on domains
-- privileges: none
select
    t.oid,
    n.nspname as schema,
    t.typname as name,
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' else 'composite' end as kind,
    array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels,
    case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base_type,
    array(select pg_get_constraintdef(c.oid) from pg_constraint c where c.contypid = t.oid order by c.conname) as checks,
    x.extname as extension
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_depend d on d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
left join pg_extension x on x.oid = d.refobjid
where t.typtype in ('e', 'd', 'r')
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp)'
order by t.oid
