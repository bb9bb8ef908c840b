"""SQL of migrations carried out on tables of the source, against what PostgreSQL makes of the same SQL."""

import psycopg
import pytest

from dbwright.collect.postgres import collect
from dbwright.model.drift import differences
from dbwright.model.migration_state import as_source
from dbwright.model.source import Place, SourceTable
from dbwright.postgres import connect, parse_address
from dbwright.source import ddl
from dbwright.source.schema_edits import SchemaEdits, Tables

SCRIPT = """
CREATE TABLE people (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, born date, code char(3));
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY, owner_id integer REFERENCES people (id) ON DELETE CASCADE, note text,
    total numeric(10,2) DEFAULT 0,
    old_name varchar(20), gone text, tags varchar(10)[], at timestamptz NOT NULL, PRIMARY KEY (id), CONSTRAINT positive CHECK (total >= 0)
);
CREATE TABLE short_lived (id int);
CREATE INDEX orders_note ON orders (note) WHERE note IS NOT NULL;
CREATE UNIQUE INDEX orders_code ON orders (owner_id, at DESC) INCLUDE (total);
CREATE INDEX orders_gone ON orders (gone);
CREATE INDEX orders_lower ON orders (lower(note));
ALTER TABLE orders DROP COLUMN gone, ADD COLUMN IF NOT EXISTS size integer NOT NULL DEFAULT 1, ALTER COLUMN note SET NOT NULL;
ALTER TABLE ONLY orders RENAME COLUMN old_name TO new_name;
ALTER TABLE orders ALTER COLUMN new_name TYPE varchar(80), ALTER total DROP DEFAULT;
ALTER TABLE orders ADD CONSTRAINT one_note UNIQUE (owner_id, note);
ALTER TABLE orders RENAME CONSTRAINT positive TO not_negative;
ALTER TABLE orders ADD CONSTRAINT self_fk FOREIGN KEY (size) REFERENCES people (id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT self_fk;
ALTER INDEX orders_note RENAME TO orders_note_there;
DROP INDEX orders_lower;
DROP TABLE short_lived;
ALTER TABLE people RENAME TO persons;
ALTER TABLE persons DROP CONSTRAINT people_name_key;
ALTER TABLE persons ADD COLUMN email text CONSTRAINT one_email UNIQUE;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE orders DROP COLUMN note; RETURN NEW; END $$;
COMMENT ON TABLE orders IS 'ALTER TABLE orders DROP COLUMN note';
INSERT INTO persons (name) VALUES ('DROP TABLE orders;');
"""


def run(script: str) -> tuple[Tables, list[ddl.Statement]]:
    tables: Tables = {}
    return tables, list(ddl.statements(script, SchemaEdits(tables, Place("m.py", 3))))


def test_the_same_as_the_server_makes(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCRIPT)
    parameters = parse_address(database)
    with connect(parameters) as connection:
        catalog = collect(connection, parameters).catalog
    tables, statements = run(SCRIPT)
    assert all(statement.is_followed for statement in statements)
    there = list(as_source(catalog, {"persons", "orders", "people", "short_lived"}, types=True))
    assert {t.name for t in there} == {"persons", "orders"}
    assert [one.detail for one in differences(tables.values(), there, "migrations", "database")] == []
    (orders,) = [t for t in tables.values() if t.name == "orders"]
    owner = orders.column("owner_id")
    assert owner is not None
    assert owner.references is not None
    assert (owner.references.table, owner.references.database_on_delete) == ("persons", "cascade")


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("CREATE INDEX i ON t (a)", "long lock"),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "none"),
        ("ALTER TABLE t ADD COLUMN a int", "brief lock"),
        ("ALTER TABLE t DROP COLUMN a, ADD b int", "data loss"),
        ("ALTER TABLE t ALTER a TYPE bigint", "table rewrite"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "long lock"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "brief lock"),
        ("ALTER TABLE t RENAME a TO b", "breaks running code"),
        ("DROP TABLE t", "data loss"),
        ("UPDATE t SET a = 1 WHERE b = :b", "runs code"),
        ("CREATE TABLE u (id int)", "none"),
    ],
)
def test_risk(text: str, risk: str) -> None:
    (statement,) = run(text)[1]
    assert statement.risk == risk
    assert statement.is_followed


def test_what_cannot_be_followed_is_said() -> None:
    for text in ("ALTER TABLE t MODIFY COLUMN a int", "CREATE TABLE t (LIKE u)", "CREATE TABLE t AS SELECT 1"):
        (statement,) = run(text)[1]
        assert not statement.is_followed, text
    # MySQL's, but of rows only.
    (statement,) = run("INSERT INTO `t` VALUES (1)")[1]
    assert statement.is_followed


def test_a_table_that_is_not_there_changes_nothing() -> None:
    tables, statements = run("ALTER TABLE nobody DROP COLUMN a; ALTER TABLE nobody RENAME TO somebody; DROP INDEX i")
    assert tables == {}
    assert [statement.is_followed for statement in statements] == [True, True, True]


def test_lines_of_columns() -> None:
    tables, _ = run("CREATE TABLE t (a int); ALTER TABLE t ADD b text")
    (table,) = tables.values()
    assert isinstance(table, SourceTable)
    assert [(c.name, c.type, c.file, c.line) for c in table.columns] == [
        ("a", "integer", "m.py", 3),
        ("b", "text", "m.py", 3),
    ]
