-- what: the size of this database
-- why: what share of it a finding is about; on its own, since the server asks every file for its size
-- privileges: CONNECT on the database
select d.oid, case when has_database_privilege(d.oid, 'CONNECT') then pg_database_size(d.oid) end as bytes
from pg_database d
where d.datname = current_database()
