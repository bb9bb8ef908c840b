-- what: logical replication publications with the tables they name, one by one or by schema
-- why: published tables without a usable replica identity
-- privileges: none
select
    p.oid,
    p.pubname as name,
    p.puballtables as all_tables,
    p.pubinsert as inserts,
    p.pubupdate as updates,
    p.pubdelete as deletes,
    p.pubtruncate as truncates,
    array(
        select r.prrelid from pg_publication_rel r where r.prpubid = p.oid
        union
        select c.oid from pg_publication_namespace n join pg_class c on c.relnamespace = n.pnnspid
        where n.pnpubid = p.oid and c.relkind in ('r', 'p') and c.relpersistence = 'p'
        order by 1
    ) as table_oids
from pg_publication p
order by p.oid
