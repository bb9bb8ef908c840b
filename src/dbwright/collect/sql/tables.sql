-- what: tables, partitioned tables, views, materialized views, foreign tables
-- why: the backbone of the catalog
-- privileges: none
select
    c.oid,
    n.nspname as schema,
    c.relname as name,
    case c.relkind
        when 'r' then 'table'
        when 'p' then 'partitioned table'
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'f' then 'foreign table'
    end as kind,
    r.rolname as owner,
    case c.relpersistence when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary' end as persistence,
    am.amname as access_method,
    ts.spcname as tablespace,
    coalesce(c.reloptions, '{}') as options,
    c.relispartition as is_partition,
    coalesce((select array_agg(i.inhparent order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid), '{}') as parents,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
    case p.partstrat when 'r' then 'range' when 'l' then 'list' when 'h' then 'hash' end as partition_strategy,
    case when c.relispartition and not c.oid = any(%(locked)s) then pg_get_expr(c.relpartbound, c.oid) end as partition_bound,
    c.relrowsecurity as row_security,
    c.relforcerowsecurity as force_row_security,
    case c.relreplident when 'd' then 'default' when 'n' then 'nothing' when 'f' then 'full' else 'index' end as replica_identity,
    c.relispopulated as is_populated,
    case when c.relkind in ('v', 'm') and not c.oid = any(%(locked)s) then pg_get_viewdef(c.oid) end as definition,
    obj_description(c.oid, 'pg_class') as comment,
    e.extname as extension,
    case when c.relfrozenxid <> '0' then
        greatest(age(c.relfrozenxid), coalesce(age(nullif(t.relfrozenxid, '0')), 0)) end as frozen_xid_age,
    case when c.relminmxid <> '0' then
        greatest(mxid_age(c.relminmxid), coalesce(mxid_age(nullif(t.relminmxid, '0')), 0)) end as multixact_age,
    (select count(*) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and a.attisdropped)::int as dropped_columns,
    case when c.relkind in ('v', 'm') then coalesce((
        select array_agg(distinct dr.refobjid)
        from pg_rewrite w
        join pg_depend dr on dr.classid = 'pg_rewrite'::regclass and dr.objid = w.oid
            and dr.refclassid = 'pg_class'::regclass and dr.refobjid <> c.oid
        where w.ev_class = c.oid
    ), '{}') else '{}' end as reads
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.oid = c.relowner
left join pg_class t on t.oid = c.reltoastrelid
left join pg_am am on am.oid = c.relam
left join pg_tablespace ts on ts.oid = c.reltablespace
left join pg_partitioned_table p on p.partrelid = c.oid
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e'
left join pg_extension e on e.oid = d.refobjid
where c.oid = any(%(oids)s)
order by c.oid
