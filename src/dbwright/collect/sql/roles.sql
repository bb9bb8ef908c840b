-- what: roles without their passwords
-- why: too much power, roles that bypass row-level security, per-role settings
-- privileges: none (passwords are looked at by another query, and only for whether they are there)
select
    r.oid,
    r.rolname as name,
    r.rolsuper as is_superuser,
    r.rolinherit as inherits,
    r.rolcreaterole as can_create_role,
    r.rolcreatedb as can_create_database,
    r.rolcanlogin as can_login,
    r.rolreplication as replication,
    r.rolbypassrls as bypass_row_security,
    r.rolconnlimit as connection_limit,
    r.rolvaliduntil::text as valid_until,
    null::bool as has_password,
    null::text as password_method,
    null::bool as password_equals_name,
    coalesce(r.rolconfig, '{}') || coalesce(
        (select s.setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
         where s.setrole = r.oid and d.datname = current_database()),
        '{}'
    ) as settings,
    array(
        select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid order by 1
    ) as member_of,
    coalesce(o.owned, 0)::int as owned_objects,
    r.rolname = current_user as is_current
from pg_roles r
left join (
    select c.relowner, count(*) as owned
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    group by c.relowner
) o on o.relowner = r.oid
where r.rolname !~ '^pg_'
order by r.oid
