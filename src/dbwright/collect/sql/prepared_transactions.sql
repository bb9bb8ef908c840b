-- what: prepared transactions
-- why: forgotten ones hold locks and the xmin horizon
-- privileges: none
select
    gid as name,
    database::text,
    owner::text,
    extract(epoch from clock_timestamp() - prepared)::float8 as age_seconds,
    age(transaction) as xid_age
from pg_prepared_xacts
order by gid
