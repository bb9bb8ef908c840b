-- what: foreign keys as rows of pg_constraint
-- why: the planner estimates joins by them (get_foreign_key_join_selectivity); it reads these rows only, and no trigger is wanted
insert into pg_constraint (
    oid, conname, connamespace, contype, condeferrable, condeferred, convalidated, conrelid, contypid, conindid, conparentid,
    confrelid, confupdtype, confdeltype, confmatchtype, conislocal, coninhcount, connoinherit, conkey, confkey,
    conpfeqop, conppeqop, conffeqop  -- from 18: conpfeqop, conppeqop, conffeqop, conenforced, conperiod
)
select
    k.oid, k.name, c.relnamespace, 'f', false, false, true, c.oid, 0, 0, 0,
    p.oid, 'a', 'a', 's', true, 0, true, k.columns, k.parents,
    k.operators, k.operators, k.operators  -- from 18: k.operators, k.operators, k.operators, true, false
from (
    select
        (4000000000 + f.id)::oid as oid,
        f.name,
        f.schema,
        f.relation_name,
        f.parent_schema,
        f.parent_name,
        array_agg(a.attnum order by u.position) as columns,
        array_agg(b.attnum order by u.position) as parents,
        array_agg(
            (
                select o.amopopr
                from pg_opclass oc
                join pg_amop o on o.amopfamily = oc.opcfamily and o.amopmethod = oc.opcmethod and o.amopstrategy = 3
                join pg_type pt on pt.oid = b.atttypid
                join pg_type ct on ct.oid = a.atttypid
                where oc.opcmethod = 403 and oc.opcdefault
                  and oc.opcintype = o.amoplefttype
                  and o.amoplefttype = case when b.atttypid = 'varchar'::regtype then 'text'::regtype::oid
                      when pt.typtype = 'd' then pt.typbasetype when pt.typtype = 'e' then 'anyenum'::regtype::oid else pt.oid end
                  and o.amoprighttype = case when a.atttypid = 'varchar'::regtype then 'text'::regtype::oid
                      when ct.typtype = 'd' then ct.typbasetype when ct.typtype = 'e' then 'anyenum'::regtype::oid else ct.oid end
                limit 1
            )
            order by u.position
        ) as operators
    from dbwright_keys f
    cross join unnest(f.columns, f.parent_columns) with ordinality as u (child, parent, position)
    join pg_attribute a on a.attrelid = to_regclass(format('%I.%I', f.schema, f.relation_name)) and a.attname = u.child
    join pg_attribute b on b.attrelid = to_regclass(format('%I.%I', f.parent_schema, f.parent_name)) and b.attname = u.parent
    group by f.id, f.name, f.schema, f.relation_name, f.parent_schema, f.parent_name
) k
join pg_class c on c.oid = to_regclass(format('%I.%I', k.schema, k.relation_name))
join pg_class p on p.oid = to_regclass(format('%I.%I', k.parent_schema, k.parent_name))
where array_position(k.operators, null) is null
