-- what: functions and procedures that are not the system's nor an extension's
-- why: SECURITY DEFINER, search_path, volatility, triggers
-- privileges: none
select
    p.oid,
    n.nspname as schema,
    p.proname as name,
    pg_get_function_identity_arguments(p.oid) as arguments,
    case p.prokind when 'f' then 'function' when 'p' then 'procedure' when 'a' then 'aggregate' else 'window' end as kind,
    l.lanname as language,
    r.rolname as owner,
    r.rolsuper as owner_is_superuser,
    p.prosecdef as security_definer,
    p.proleakproof as leakproof,
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
    case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end as parallel,
    coalesce(p.proconfig, '{}') as settings,
    p.procost::float8 as cost,
    p.prorows::float8 as rows,
    p.prorettype = 'trigger'::regtype as returns_trigger,
    exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where a.grantee = 0 and a.privilege_type = 'EXECUTE'
    ) as public_execute,
    case when l.lanname not in ('c', 'internal') then left(p.prosrc, 20000) end as source,
    null::text as extension
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
join pg_roles r on r.oid = p.proowner
where n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp)'
  and not exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
  and p.oid > %(after)s
order by p.oid
limit %(limit)s
