-- what: subscriptions of this database, without their connection strings
-- why: workers that stopped, tables that were never synchronised
-- privileges: none
select
    s.oid,
    s.subname as name,
    s.subenabled as enabled,
    exists (select from pg_stat_subscription w where w.subid = s.oid and w.pid is not null) as worker_running,
    s.subslotname as slot_name,
    (select count(*) from pg_subscription_rel r where r.srsubid = s.oid and r.srsubstate not in ('r', 's'))::int as tables_not_ready
from (select oid, subname, subenabled, subslotname, subdbid from pg_subscription) s
where s.subdbid = (select oid from pg_database where datname = current_database())
order by s.oid
