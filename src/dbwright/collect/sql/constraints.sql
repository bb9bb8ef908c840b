-- what: constraints of the given tables
-- why: keys, checks, foreign keys with their actions, and whether they were validated
-- privileges: none
select
    co.oid,
    co.conrelid as table_oid,
    co.conname as name,
    case co.contype when 'p' then 'primary key' when 'u' then 'unique' when 'f' then 'foreign key' when 'c' then 'check'
        when 'x' then 'exclusion' when 'n' then 'not null' else 'trigger' end as kind,
    coalesce((select array_agg(a.attname::text order by k.position)
     from unnest(co.conkey) with ordinality as k (attnum, position)
     join pg_attribute a on a.attrelid = co.conrelid and a.attnum = k.attnum), '{}') as columns,
    pg_get_constraintdef(co.oid) as definition,
    co.convalidated as is_validated,
    true as is_enforced,  -- from 18: co.conenforced as is_enforced,
    co.condeferrable as is_deferrable,
    co.condeferred as is_deferred,
    co.coninhcount > 0 as is_inherited,
    co.connoinherit as no_inherit,
    nullif(co.conindid, '0') as index_oid,
    nullif(co.confrelid, '0') as foreign_table_oid,
    coalesce((select array_agg(a.attname::text order by k.position)
     from unnest(co.confkey) with ordinality as k (attnum, position)
     join pg_attribute a on a.attrelid = co.confrelid and a.attnum = k.attnum), '{}') as foreign_columns,
    case when co.contype = 'f' then case co.confdeltype when 'a' then 'no action' when 'r' then 'restrict'
        when 'c' then 'cascade' when 'n' then 'set null' else 'set default' end end as on_delete,
    case when co.contype = 'f' then case co.confupdtype when 'a' then 'no action' when 'r' then 'restrict'
        when 'c' then 'cascade' when 'n' then 'set null' else 'set default' end end as on_update,
    co.confmatchtype = 'f' as match_full
from pg_constraint co
where co.conrelid = any(%(oids)s)
  and not co.conrelid = any(%(locked)s)
order by co.oid
