-- what: databases of the cluster
-- why: transaction ids, collation versions, encodings, limits
-- privileges: none
-- note: how large the current one is, database_size.sql asks: that may take long; columns of newer versions are read through to_jsonb, which knows only those that exist
select
    d.oid,
    d.datname as name,
    r.rolname as owner,
    r.rolsuper as owner_is_superuser,
    d.datname = current_database() as is_current,
    d.datistemplate as is_template,
    d.datallowconn as allows_connections,
    d.datconnlimit as connection_limit,
    pg_encoding_to_char(d.encoding) as encoding,
    coalesce(d.datcollate, '') as "collate",
    coalesce(d.datctype, '') as ctype,
    case to_jsonb(d) ->> 'datlocprovider' when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end as provider,
    to_jsonb(d) ->> 'datcollversion' as collation_version,
    null::text as actual_collation_version,  -- from 15: pg_database_collation_actual_version(d.oid) as actual_collation_version,
    age(d.datfrozenxid) as frozen_xid_age,
    mxid_age(d.datminmxid) as multixact_age,
    null::int8 as bytes,
    coalesce((select s.setconfig from pg_db_role_setting s where s.setdatabase = d.oid and s.setrole = 0), '{}') as settings
from pg_database d
join pg_roles r on r.oid = d.datdba
order by d.oid
