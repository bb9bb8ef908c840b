-- what: the planner's statistics of columns (pg_stats)
-- why: null share, distinct values, skew, correlation
-- note: offset 0 keeps the look-up by name inside the view, which is a security barrier; a join would read all of it for each batch
-- privileges: SELECT on the columns (pg_read_all_data covers all); values are left out where %(values)s is false
--             and for columns whose name says that they hold a secret (sqltext.SECRET_COLUMNS)
select
    c.oid as table_oid,
    s.attname as "column",
    s.inherited,
    s.null_frac::float8 as null_fraction,
    s.avg_width as average_width,
    s.n_distinct::float8 as distinct,
    s.correlation::float8 as correlation,
    case when v.allowed then s.most_common_vals::text::text[] end as common_values,
    coalesce(s.most_common_freqs::float8[], '{}') as common_frequencies,
    case when v.allowed then s.histogram_bounds::text::text[] end as histogram,
    coalesce(case when v.allowed then s.most_common_elems::text::text[] end, '{}') as common_elements,
    coalesce(s.most_common_elem_freqs::float8[], '{}') as common_element_frequencies,
    coalesce(s.elem_count_histogram::float8[], '{}') as element_count_histogram,
    '{}'::text[] as range_length_histogram,  -- from 17: coalesce(case when v.allowed then s.range_length_histogram::text::text[] end, '{}') as range_length_histogram,
    null::float8 as range_empty_fraction,  -- from 17: s.range_empty_frac::float8 as range_empty_fraction,
    '{}'::text[] as range_bounds_histogram  -- from 17: coalesce(case when v.allowed then s.range_bounds_histogram::text::text[] end, '{}') as range_bounds_histogram
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select * from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname offset 0
) s
cross join lateral (
    select %(values)s and s.attname !~* %(secret)s as allowed
) v
where (
        c.oid = any(%(oids)s)
        or c.oid in (select i.indexrelid from pg_index i where i.indrelid = any(%(oids)s) and i.indexprs is not null)
    )
  and (c.reltuples > 0 or c.relkind = 'p')
order by c.oid, s.attname, s.inherited
