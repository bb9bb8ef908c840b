-- what: triggers of the given tables, and internal ones that were switched off
-- why: disabled triggers, foreign keys that are not enforced, audit triggers
-- privileges: none
select
    t.oid,
    t.tgrelid as table_oid,
    t.tgname as name,
    t.tgfoid as function_oid,
    p.proname as function,
    case t.tgenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end as enabled,
    t.tgisinternal as is_internal,
    (t.tgtype & 1) = 1 as for_each_row,
    pg_get_triggerdef(t.oid) as definition
from pg_trigger t
join pg_proc p on p.oid = t.tgfoid
where t.tgrelid = any(%(oids)s)
  and not t.tgrelid = any(%(locked)s)
  and (not t.tgisinternal or t.tgenabled <> 'O')
order by t.oid
