-- what: the planner's statistics of columns, from what pg_stats shows, into pg_statistic
-- why: PostgreSQL before 18 has no function for it; operators and collations are found as ANALYZE finds them (compute_scalar_stats)
-- note: array_in makes an array of whatever element type the slot has
with base as (
    select
        f.*,
        c.oid as relation,
        a.attnum,
        a.attcollation,
        b.oid as base_type,
        case
            when b.typname = 'tsvector' then 'text'::regtype::oid
            when b.typsubscript_is_array then b.typelem
        end as element_type
    from dbwright_columns f
    join pg_namespace n on n.nspname = f.schema
    join pg_class c on c.relnamespace = n.oid and c.relname = f.relation_name
    join pg_attribute a on a.attrelid = c.oid and a.attname = f.column_name and not a.attisdropped and a.attnum > 0
    join pg_type t on t.oid = a.atttypid
    join (
        select oid, typname, typelem, typlen = -1 and typelem <> 0 and typcategory = 'A' as typsubscript_is_array from pg_type
    ) b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
), operators as (
    select k.type, k.operators[1] as less, k.operators[2] as equal
    from (
        select
            t.oid as type,
            (
                select array_agg(o.amopopr order by o.amopstrategy)
                from pg_opclass p
                join pg_amop o on o.amopfamily = p.opcfamily and o.amopmethod = p.opcmethod
                    and o.amoplefttype = p.opcintype and o.amoprighttype = p.opcintype and o.amopstrategy in (1, 3)
                where p.opcmethod = (select oid from pg_am where amname = 'btree')
                  and p.opcdefault
                  and p.opcintype = case
                      when t.oid = 'varchar'::regtype then 'text'::regtype::oid
                      when t.typtype = 'e' then 'anyenum'::regtype::oid
                      when t.typtype = 'r' then 'anyrange'::regtype::oid
                      when t.typtype = 'c' then 'record'::regtype::oid
                      when t.typlen = -1 and t.typelem <> 0 and t.typcategory = 'A' then 'anyarray'::regtype::oid
                      else t.oid
                  end
            ) as operators
        from pg_type t
        where t.oid in (select base_type from base union select element_type from base)
    ) k
), slots as (
    select
        b.*,
        coalesce(o.less, 0) as less,
        coalesce(o.equal, 0) as equal,
        coalesce(e.equal, 0) as element_equal,
        o.equal is not null and cardinality(b.common_values) > 0
            and cardinality(b.common_values) = cardinality(b.common_frequencies) as has_common,
        o.less is not null and cardinality(b.histogram) > 1 as has_histogram,
        o.less is not null and b.correlation is not null as has_correlation,
        e.equal is not null and cardinality(b.common_elements) > 0
            and cardinality(b.common_element_frequencies) > cardinality(b.common_elements) as has_elements,
        cardinality(b.element_count_histogram) > 1 as has_counts,
        cardinality(b.range_length_histogram) > 1 as has_lengths,
        cardinality(b.range_bounds_histogram) > 1 as has_bounds
    from base b
    left join operators o on o.type = b.base_type
    left join operators e on e.type = b.element_type
)
insert into pg_statistic (
    starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
    stakind1, stakind2, stakind3, stakind4, stakind5,
    staop1, staop2, staop3, staop4, staop5,
    stacoll1, stacoll2, stacoll3, stacoll4, stacoll5,
    stanumbers1, stanumbers2, stanumbers3, stanumbers4, stanumbers5,
    stavalues1, stavalues2, stavalues3, stavalues4, stavalues5
)
select
    relation, attnum, inherited, null_fraction, average_width, n_distinct,
    case when has_common then 1 else 0 end,
    case when has_histogram then 2 when has_bounds then 7 else 0 end,
    case when has_correlation then 3 else 0 end,
    case when has_elements then 4 when has_lengths then 6 else 0 end,
    case when has_counts then 5 else 0 end,
    case when has_common then equal else 0 end,
    case when has_histogram then less else 0 end,
    case when has_correlation then less else 0 end,
    case when has_elements then element_equal when has_lengths then 672 else 0 end,  -- 672: float8 < float8
    case when has_counts then element_equal else 0 end,
    case when has_common then attcollation else 0 end,
    case when has_histogram then attcollation else 0 end,
    case when has_correlation then attcollation else 0 end,
    case when has_elements then case when base_type = 'tsvector'::regtype then 100 else attcollation end else 0 end,
    case when has_counts then attcollation else 0 end,
    case when has_common then common_frequencies end,
    null,
    case when has_correlation then array[correlation]::float4[] end,
    case when has_elements then common_element_frequencies when has_lengths then array[range_empty_fraction]::float4[] end,
    case when has_counts then element_count_histogram end,
    case when has_common then array_in(common_values::text::cstring, base_type, -1) end,
    case when has_histogram then array_in(histogram::text::cstring, base_type, -1)
         when has_bounds then array_in(range_bounds_histogram::text::cstring, base_type, -1) end,
    null,
    case when has_elements then array_in(common_elements::text::cstring, element_type, -1)
         when has_lengths then array_in(range_length_histogram::text::cstring, 'float8'::regtype, -1) end,
    null
from slots
