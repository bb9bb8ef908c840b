-- what: locks on relations that are waited for, and those that shut out every reader
-- why: who blocks whom
-- privileges: none
select l.pid, l.relation as table_oid, l.mode, l.granted
from pg_locks l
where l.relation is not null
  and l.database = (select oid from pg_database where datname = current_database())
  and (not l.granted or l.mode = 'AccessExclusiveLock')
order by l.pid, l.relation, l.mode
