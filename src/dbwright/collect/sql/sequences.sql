-- what: sequences, the columns that own them, and how far they have come
-- why: overflow, and sequences that are behind their data
-- note: pg_sequence_last_value, and pg_sequences that calls it, would take the lock of a writer (RowExclusiveLock) on each sequence until
--       the end of the transaction; selecting from the sequence takes a reader's (AccessShareLock). Its name is known only when the row
--       is, and ts_stat is the one function that runs a query given as text on every server, also on one built without libxml.
-- privileges: SELECT on the sequence and USAGE on its schema (pg_read_all_data has both), else last_value is not readable
select
    c.oid,
    n.nspname as schema,
    c.relname as name,
    r.rolname as owner,
    case c.relpersistence when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary' end as persistence,
    format_type(s.seqtypid, null) as type,
    s.seqstart as start_value,
    s.seqmin as min_value,
    s.seqmax as max_value,
    s.seqincrement as increment,
    s.seqcycle as cycle,
    case when v.readable then (
        select w.word::int8
        from ts_stat(format('select array_to_tsvector(array[last_value::text]) from %%I.%%I where is_called', n.nspname, c.relname)) w
    ) end as last_value,
    v.readable,
    d.refobjid as table_oid,
    a.attname as "column",
    e.extname as extension
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.oid = c.relowner
cross join lateral (
    select has_sequence_privilege(c.oid, 'SELECT')
        and has_schema_privilege(n.oid, 'USAGE')
        and not c.oid = any(%(locked)s)
        and c.oid not in (
            select l.relation from pg_locks l
            where l.mode = 'AccessExclusiveLock'
              and l.relation is not null
              and l.database = (select oid from pg_database where datname = current_database())
        )
        and not (c.relpersistence = 'u' and pg_is_in_recovery()) as readable
) v
left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
    and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
left join pg_depend de on de.classid = 'pg_class'::regclass and de.objid = c.oid and de.objsubid = 0 and de.deptype = 'e'
left join pg_extension e on e.oid = de.refobjid
where n.nspname !~ '^pg_(toast|temp)'
  and c.oid > %(after)s
order by c.oid
limit %(limit)s
