-- what: schemas that are not the system's
-- why: ownership, and who may create objects in them
-- privileges: none
select
    n.oid,
    n.nspname as name,
    r.rolname as owner,
    r.rolsuper as owner_is_superuser,
    exists (
        select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
        where a.grantee = 0 and a.privilege_type = 'CREATE'
    ) as public_create,
    (select e.extname
     from pg_depend d join pg_extension e on e.oid = d.refobjid
     where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e') as extension
from pg_namespace n
join pg_roles r on r.oid = n.nspowner
where n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp)'
order by n.oid
