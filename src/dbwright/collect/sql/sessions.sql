-- what: backends
-- why: idle transactions, blocked sessions, connections near the limit, unencrypted clients
-- privileges: pg_read_all_stats (pg_monitor) to see other roles' sessions
select
    a.pid,
    a.datname::text as database,
    a.usename::text as "user",
    coalesce(a.application_name, '') as application,
    case when a.backend_type in ('client backend', 'walsender') then a.client_addr is not null and host(a.client_addr) not in ('127.0.0.1', '::1') end as is_remote,
    coalesce(a.backend_type, 'hidden') as backend_type,
    a.state,
    a.wait_event_type,
    a.wait_event,
    extract(epoch from clock_timestamp() - a.backend_start)::float8 as connected_seconds,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as transaction_seconds,
    extract(epoch from clock_timestamp() - a.query_start)::float8 as query_seconds,
    extract(epoch from clock_timestamp() - a.state_change)::float8 as state_seconds,
    greatest(age(a.backend_xmin), age(a.backend_xid)) as xmin_age,
    case when a.client_addr is not null then s.ssl end as encrypted,
    case when a.wait_event_type = 'Lock' then pg_blocking_pids(a.pid) else '{}' end as blocked_by,
    coalesce(left(a.query, 4000), '') as query,
    case when a.backend_type in ('client backend', 'walsender') then a.client_addr is not null and not a.client_addr <<= any (
        '{127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,::1/128,fc00::/7,fe80::/10}'::inet[]
    ) end as from_internet
from pg_stat_activity a
left join pg_stat_ssl s on s.pid = a.pid
where a.pid <> pg_backend_pid()
order by a.pid
