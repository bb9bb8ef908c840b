-- what: row-level security policies
-- why: policies that do nothing, allow everything, or are evaluated per row
-- privileges: none
select
    p.oid,
    p.polrelid as table_oid,
    p.polname as name,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
    p.polpermissive as permissive,
    array(
        select case when o.oid = 0 then 'PUBLIC' else coalesce(r.rolname::text, o.oid::text) end
        from unnest(p.polroles) as o (oid)
        left join pg_roles r on r.oid = o.oid
        order by 1
    ) as roles,
    pg_get_expr(p.polqual, p.polrelid) as using,
    pg_get_expr(p.polwithcheck, p.polrelid) as with_check
from pg_policy p
where not p.polrelid = any(%(locked)s)
  and not exists (
    select from pg_depend d
    where d.classid = 'pg_policy'::regclass and d.objid = p.oid
      and d.refclassid = 'pg_class'::regclass and d.refobjid = any(%(locked)s)
  )
order by p.oid
