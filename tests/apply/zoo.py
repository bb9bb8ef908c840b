"""A database with one change of every kind that rules make, and what is to be seen of them afterwards."""

from __future__ import annotations

from typing import Any

import psycopg

from dbwright.apply.plan import Part, part_of_change
from dbwright.model import change as c

DDL = """
CREATE TABLE store (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE item (id int PRIMARY KEY, store_id int NOT NULL REFERENCES store(id), price int, code text, tags int[], note varchar(20),
  flag boolean, amount int NOT NULL, CONSTRAINT item_amount CHECK (amount >= 0) NOT VALID, CONSTRAINT item_code UNIQUE (code));
CREATE INDEX item_old ON item (amount, price);
CREATE INDEX item_worn ON item (price);
CREATE TABLE plain (id int NOT NULL, other int, label text);
CREATE UNIQUE INDEX plain_id ON plain (id);
CREATE TABLE ledger (line text);
CREATE TABLE part (day int, x int) PARTITION BY RANGE (day);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (50);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (50) TO (100);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON ledger FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE ledger DISABLE TRIGGER touched;
CREATE SEQUENCE numbers AS int;
INSERT INTO store SELECT i, 'store ' || i FROM generate_series(1, 200) i;
INSERT INTO item SELECT i, 1 + i % 200, nullif(i % 10, 3), 'c' || i, array[i % 7, i % 11], 'n' || i % 5, i % 2 = 0, i % 100
  FROM generate_series(1, {rows}) i;
INSERT INTO plain SELECT i, i % 100, 'l' || i FROM generate_series(1, {rows}) i;
INSERT INTO part SELECT i % 100, i FROM generate_series(1, {rows}) i;
INSERT INTO ledger VALUES ('first')
"""

_KEY = "FOREIGN KEY (store_id) REFERENCES public.store(id)"
CHANGES: dict[str, tuple[c.Operation, ...]] = {
    "an index": (c.CreateIndex("public", "item", "item_store", (c.IndexKey("store_id"), c.IndexKey("price", descending=True))),),
    "a unique index": (c.CreateIndex("public", "plain", "plain_label", (c.IndexKey("label"),), unique=True),),
    "a partial index on an expression": (
        c.CreateIndex("public", "item", "item_lower", (c.IndexKey(expression="lower(code)"),), predicate="price > 5"),
    ),
    "an index on elements": (c.CreateIndex("public", "item", "item_tags", (c.IndexKey("tags"),), method="gin"),),
    "an index on partitions": (c.CreateIndex("public", "part", "part_x", (c.IndexKey("x"),), on_partitioned=True),),
    "an index dropped": (
        c.DropIndex("public", "item_old", "CREATE INDEX item_old ON public.item USING btree (amount, price)"),
    ),
    "an index built anew": (c.Reindex("public", "item_worn"),),
    "rows filled, then required": (
        c.Backfill("public", "item", "id", "price = 3", "price IS NULL", "price = NULL", "price = 3"),
        c.SetNotNull("public", "item", "price"),
    ),
    "a foreign key": (
        c.AddConstraint("public", "plain", "plain_store", "FOREIGN KEY (other) REFERENCES public.store(id) NOT VALID"),
    ),
    "a check": (c.AddConstraint("public", "plain", "plain_check", "CHECK (other < 1000)", validate=True),),
    "a range": (c.AddRangeCheck("public", "plain", "plain_range", "other", 0, 100),),
    "a unique key": (c.AddConstraint("public", "plain", "plain_pair", "UNIQUE (other, id)"),),
    "another unique key": (c.AddUnique("public", "plain", "plain_label_id", ("label", "id")),),
    "a key dropped": (c.DropConstraint("public", "item", "item_code", "UNIQUE (code)"),),
    "a primary key": (
        c.PromoteToPrimaryKey(
            "public", "plain", "plain_pkey", "plain_id", "CREATE UNIQUE INDEX plain_id ON public.plain USING btree (id)"
        ),
    ),
    "a check validated": (
        c.ValidateConstraint("public", "item", "item_amount", "CHECK ((amount >= 0)) NOT VALID"),
    ),
    "what deletes do": (
        c.SetOnDelete("public", "item", "item_store_id_fkey", _KEY, _KEY + " ON DELETE CASCADE"),
    ),
    "a wider type": (c.AlterColumnType("public", "item", "amount", "integer", "bigint"),),
    "a longer text": (c.AlterColumnType("public", "item", "note", "character varying(20)", "text"),),
    "a default": (c.SetDefault("public", "item", "flag", None, "false"),),
    "a target of statistics": (c.AlterColumn("public", "item", "store_id", "STATISTICS", "-1", "500"),),
    "a parameter of a table": (c.SetStorageParameter("public", "item", "fillfactor", None, "90"),),
    "a parameter of the server": (c.SetServerParameter("work_mem", None, "6MB"),),
    "a parameter of the database": (c.SetRoleParameter(None, "{database}", "statement_timeout", None, "1h"),),
    "a grant": (c.ChangePrivileges(True, ("SELECT",), "TABLE", ("public", "item"), "PUBLIC"),),
    "an extension": (c.CreateExtension("pg_trgm"),),
    "maintenance": (c.Maintain("public", "item", vacuum=True, analyze=True),),
    "a new column": (c.Verbatim("ALTER TABLE public.item ADD COLUMN extra text", "ALTER TABLE public.item DROP COLUMN extra"),),
    "a role": (c.Verbatim("CREATE ROLE zoo_reader NOLOGIN", "DROP ROLE zoo_reader"),),
    "a trigger enabled": (
        c.Verbatim("ALTER TABLE public.ledger ENABLE TRIGGER touched", "ALTER TABLE public.ledger DISABLE TRIGGER touched"),
    ),
    "row security": (
        c.Verbatim("ALTER TABLE public.store ENABLE ROW LEVEL SECURITY", "ALTER TABLE public.store DISABLE ROW LEVEL SECURITY"),
    ),
    "a sequence": (c.Verbatim("ALTER SEQUENCE public.numbers AS bigint", "ALTER SEQUENCE public.numbers AS integer"),),
    "a row that must come once": (
        c.Verbatim("INSERT INTO public.ledger VALUES ('once')", "DELETE FROM public.ledger WHERE line = 'once'"),
    ),
}  # fmt: skip


def make(conninfo: str, rows: int) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in DDL.format(rows=rows).split(";\n"):
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")


def parts(database: str, major: int, names: list[str] | None = None) -> tuple[Part, ...]:
    """The changes as parts of a run, in this order."""
    found = []
    for name in names or CHANGES:
        operations = CHANGES[name]
        if name == "a parameter of the database":
            operations = (c.SetRoleParameter(None, database, "statement_timeout", None, "1h"),)
        found.append(part_of_change(c.Change(operations), name, major))
    return tuple(found)


_SEEN = {
    "indexes": "SELECT x.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready FROM pg_index i "
    "JOIN pg_class x ON x.oid = i.indexrelid WHERE x.relnamespace = 'public'::regnamespace",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace AND contype <> 'n'",
    "columns": "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), "
    "coalesce(attstattarget, -1) FROM pg_attribute a JOIN pg_class r ON r.oid = attrelid LEFT JOIN pg_attrdef d "
    "ON d.adrelid = attrelid AND adnum = attnum WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p') "
    "AND relnamespace = 'public'::regnamespace",
    "relations": "SELECT relname, relkind, (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(reloptions) o), "
    "relpersistence, relrowsecurity, relforcerowsecurity, "
    "relreplident, (SELECT string_agg(g::text, ',' ORDER BY g::text) FROM aclexplode(coalesce(relacl, acldefault('r', relowner))) g) "
    "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v', 'm')",
    "triggers": "SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal",
    "sequences": "SELECT seqrelid::regclass::text, format_type(seqtypid, -1), seqmax FROM pg_sequence",
    "extensions": "SELECT extname, extversion FROM pg_extension",
    "policies": "SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy",
    "functions": "SELECT proname, proconfig::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "database": "SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase "
    "WHERE datname = current_database()",
    "server": "SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'",
    "roles": "SELECT rolname, rolsuper, rolcreaterole, rolbypassrls, rolconnlimit, rolconfig::text FROM pg_roles WHERE rolname !~ '^pg_'",
    "publications": "SELECT pubname, puballtables FROM pg_publication",
}


def seen(conninfo: str) -> dict[str, Any]:
    """Everything that a change can be seen by, and of each table a hash of its rows."""
    found: dict[str, Any] = {}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for name, query in _SEEN.items():
            found[name] = sorted(map(repr, connection.execute(query.encode())))
        tables = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition"
        ).fetchall()
        for (table,) in tables:
            query = f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {table} t"
            found[f"rows of {table}"] = repr(connection.execute(query.encode()).fetchone())
    return found


def difference(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What differs, for people."""
    told = []
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if a != b:
            if isinstance(a, list) and isinstance(b, list):
                told += [f"{name}: only first {line}" for line in a if line not in b]
                told += [f"{name}: only second {line}" for line in b if line not in a]
            else:
                told.append(f"{name}: {a} / {b}")
    return told
