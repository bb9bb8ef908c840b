-- what: how role passwords are stored; never the stored text itself
-- why: missing, md5 or guessable passwords
-- privileges: superuser (pg_authid)
select
    a.oid,
    a.rolpassword is not null as has_password,
    case when a.rolpassword like 'SCRAM-SHA-256$%%' then 'scram-sha-256'
         when a.rolpassword ~ '^md5[0-9a-f]{32}$' then 'md5' end as method,
    case when a.rolpassword ~ '^md5[0-9a-f]{32}$'
         then a.rolpassword = 'md5' || md5(a.rolname::text || a.rolname::text) end as equals_name
from pg_authid a
