-- what: live columns of the given tables
-- why: types, nullability, defaults, identity and generated columns
-- note: conditions inside the joins' keys give a null key, which is not looked up
-- privileges: none
select
    a.attrelid as table_oid,
    a.attnum::int as number,
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type,
    coalesce(bt.typname, t.typname) as base_type,
    case t.typtype when 'b' then 'base' when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite'
        when 'r' then 'range' when 'm' then 'multirange' else 'pseudo' end as type_kind,
    t.typlen::int as type_length,
    case when coalesce(bt.typname, t.typname) in ('varchar', 'bpchar') and a.atttypmod > 4 then a.atttypmod - 4 end as max_length,
    a.attnotnull as not_null,
    case when a.attgenerated = '' and a.atthasdef then pg_get_expr(ad.adbin, ad.adrelid) end as "default",
    case a.attidentity when 'a' then 'always' when 'd' then 'by default' else '' end as identity,
    case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' else '' end as generated,
    co.collname as collation,
    case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end as storage,
    '' as compression,  -- from 14: case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' else '' end as compression,
    nullif(a.attstattarget, -1)::int as statistics_target,
    (select d.description from pg_description d where d.objoid = a.attrelid and d.classoid = 'pg_class'::regclass and d.objsubid = a.attnum) as comment
from pg_attribute a
join pg_type t on t.oid = a.atttypid
left join pg_type bt on bt.oid = case t.typtype when 'd' then t.typbasetype end
left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = case when a.atthasdef then a.attnum end
left join pg_collation co on co.oid = nullif(a.attcollation, t.typcollation)
where a.attrelid = any(%(oids)s)
  and not a.attrelid = any(%(locked)s)
  and a.attnum > 0
  and not a.attisdropped
order by a.attrelid, a.attnum
