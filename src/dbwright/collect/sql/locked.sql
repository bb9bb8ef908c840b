-- what: relations that readers have to wait for, since somebody has or awaits a lock against every reader, and the views over them
-- why: functions such as pg_relation_size and pg_get_viewdef would wait too; such relations are skipped and reported as a Gap
-- privileges: none
with recursive locked (oid, pid) as (
    select l.relation, l.pid
    from pg_locks l
    where l.mode = 'AccessExclusiveLock'
      and l.relation is not null
      and l.pid is not null
      and l.database = (select oid from pg_database where datname = current_database())
    union
    select w.ev_class, k.pid
    from locked k
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = k.oid and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite w on w.oid = d.objid
)
select k.oid, (select c.relname::text from pg_class c where c.oid = k.oid) as name, min(k.pid) as pid
from locked k
group by k.oid
order by k.oid
