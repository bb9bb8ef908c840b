-- what: logical replication publications with their tables
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
    array(select r.prrelid from pg_publication_rel r where r.prpubid = p.oid order by 1) as table_oids
from pg_publication p
order by p.oid
