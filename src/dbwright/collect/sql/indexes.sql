-- what: indexes of the given tables
-- why: which queries they serve, which constraints they carry, whether they are usable
-- note: pg_get_indexdef opens the table and is half of the cost, so that what it says of a plain B-tree index is put together here
-- privileges: none
select
    i.indexrelid as oid,
    i.indrelid as table_oid,
    n.nspname as schema,
    c.relname as name,
    am.amname as access_method,
    i.indisunique as is_unique,
    i.indisprimary as is_primary,
    i.indisexclusion as is_exclusion,
    i.indisvalid as is_valid,
    i.indisready as is_ready,
    i.indislive as is_live,
    i.indisclustered as is_clustered,
    i.indisreplident as is_replica_identity,
    false as nulls_not_distinct,  -- from 15: i.indnullsnotdistinct as nulls_not_distinct,
    k.keys,
    k.is_expression,
    k.descending,
    k.nulls_first,
    k.opclasses,
    k.default_opclass,
    k.collations,
    k.include,
    pg_get_expr(i.indpred, i.indrelid) as predicate,
    case when i.indexprs is null and i.indpred is null then '{}' else coalesce((
        select array_agg(distinct a.attname::text)
        from pg_depend d
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.objsubid = 0
          and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid and d.refobjsubid > 0
    ), '{}') end as referenced_columns,
    coalesce(c.reloptions, '{}') as options,
    ts.spcname as tablespace,
    case when i.indisunique or i.indisexclusion then
        (select con.conname from pg_constraint con
         where con.conindid = i.indexrelid and con.contype in ('p', 'u', 'x') and con.conrelid = i.indrelid limit 1)
    end as "constraint",
    case when c.relispartition then (select h.inhparent from pg_inherits h where h.inhrelid = i.indexrelid limit 1) end as parent_oid,
    e.extname as extension,
    case when k.is_plain and am.amname = 'btree' and c.relkind = 'i' and i.indpred is null and c.reloptions is null
        and i.indnatts = i.indnkeyatts  -- from 15: and i.indnatts = i.indnkeyatts and not i.indnullsnotdistinct
    then concat('CREATE ', case when i.indisunique then 'UNIQUE ' end, 'INDEX ', quote_ident(c.relname), ' ON ',
        i.indrelid::regclass, ' USING btree (', k.plain_keys, ')')
    else pg_get_indexdef(i.indexrelid) end as definition
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_am am on am.oid = c.relam
left join pg_tablespace ts on ts.oid = c.reltablespace
left join pg_depend de on de.classid = 'pg_class'::regclass and de.objid = c.oid and de.objsubid = 0 and de.deptype = 'e'
left join pg_extension e on e.oid = de.refobjid
cross join lateral (
    select
        array_agg(p.key) filter (where p.is_key) as keys,
        array_agg(p.is_expression) filter (where p.is_key) as is_expression,
        array_agg(p.descending) filter (where p.is_key) as descending,
        array_agg(p.nulls_first) filter (where p.is_key) as nulls_first,
        array_agg(p.opclass) filter (where p.is_key) as opclasses,
        array_agg(p.default_opclass) filter (where p.is_key) as default_opclass,
        array_agg(p.collation) filter (where p.is_key) as collations,
        coalesce(array_agg(p.key) filter (where not p.is_key), '{}') as include,
        bool_and(p.is_plain) as is_plain,
        string_agg(quote_ident(p.key), ', ') as plain_keys
    from (
        select
            k.position <= i.indnkeyatts as is_key,
            case when k.attnum = 0 then pg_get_indexdef(i.indexrelid, k.position::int, true) else a.attname::text end as key,
            k.attnum = 0 as is_expression,
            (i.indoption[k.position - 1] & 1) = 1 as descending,
            (i.indoption[k.position - 1] & 2) = 2 as nulls_first,
            o.opcname::text as opclass,
            o.opcdefault as default_opclass,
            nullif(co.collname::text, 'default') as collation,
            coalesce(o.opcdefault and i.indoption[k.position - 1] = 0 and i.indcollation[k.position - 1] = a.attcollation
                and (o.opcintype = a.atttypid or o.opcintype = 'text'::regtype and a.atttypid = 'varchar'::regtype), false) as is_plain
        from unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
        left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0
        left join pg_opclass o on o.oid = i.indclass[k.position - 1]
        left join pg_collation co on co.oid = i.indcollation[k.position - 1]
        order by k.position
    ) p
) k
where i.indrelid = any(%(oids)s)
  and not i.indrelid = any(%(locked)s)
  and not i.indexrelid = any(%(locked)s)
order by i.indexrelid
