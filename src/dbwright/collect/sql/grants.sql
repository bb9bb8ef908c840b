-- what: privileges on tables, views, sequences, schemas, the database and SECURITY DEFINER functions
-- why: who may do what, and what everybody may do
-- privileges: none
with objects as (
    select case c.relkind when 'S' then 'sequence' else 'table' end as kind, c.oid, n.nspname || '.' || c.relname as name,
           c.relacl as acl
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relacl is not null and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    union all
    select 'schema', n.oid, n.nspname, coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_namespace n
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    union all
    select 'database', d.oid, d.datname, coalesce(d.datacl, acldefault('d', d.datdba))
    from pg_database d where d.datname = current_database()
    union all
    select 'function', p.oid, n.nspname || '.' || p.proname, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')
)
select
    o.kind as object_kind,
    o.oid as object_oid,
    o.name as object_name,
    case when a.grantee = 0 then 'PUBLIC' else coalesce(g.rolname::text, a.grantee::text) end as grantee,
    coalesce(b.rolname::text, a.grantor::text) as grantor,
    array_agg(a.privilege_type order by a.privilege_type) as privileges,
    bool_or(a.is_grantable) as grantable
from objects o
cross join lateral aclexplode(o.acl) a
left join pg_roles g on g.oid = a.grantee
left join pg_roles b on b.oid = a.grantor
group by o.kind, o.oid, o.name, a.grantee, g.rolname, a.grantor, b.rolname
order by o.oid, grantee, grantor
