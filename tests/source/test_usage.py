"""Which columns a statement reads of each table: what an index must hold to answer it alone."""

import pytest

from dbwright.source.sql import CannotTakeApart
from dbwright.source.usage import usage_of

SCHEMA = {"t": frozenset("abcd"), "u": frozenset(("id", "t_a", "x", "y"))}
VIEWS = {"v": "SELECT t.a AS z, t.b, t.c FROM t WHERE t.d > 1;", "w": "SELECT * FROM v", "loop": "SELECT a FROM loop"}

READ = {
    "everywhere": (
        "SELECT a, sum(b) FROM t WHERE c = 1 GROUP BY a HAVING max(d) > 3",
        {"t.a", "t.b", "t.c", "t.d"},
    ),
    "nothing but rows": ("SELECT count(*) FROM t", set()),
    "the star": ("SELECT * FROM t", {"t.*"}),
    "the star of one": ("SELECT u.* FROM t JOIN u ON t_a = a", {"u.*", "t.a", "u.t_a"}),
    "a whole row": ("SELECT count(t) FROM t", {"t.*"}),
    "a whole row as an argument": ("SELECT row_to_json(t.*) FROM t", {"t.*"}),
    "a star that EXISTS does not read": (
        "SELECT a FROM t WHERE EXISTS (SELECT * FROM u WHERE u.t_a = t.a)",
        {"t.a", "u.t_a"},
    ),
    "a star of which one column is asked for": ("SELECT s.a FROM (SELECT * FROM t) s WHERE s.b = 1", {"t.a", "t.b"}),
    "a column that a sub-select hands on in vain": ("SELECT s.a FROM (SELECT a, b, c + 1 FROM t) s", {"t.a", "t.c"}),
    "what IN gives": ("SELECT a FROM t WHERE b IN (SELECT x FROM u)", {"t.a", "t.b", "u.x"}),
    "what a value gives": ("SELECT (SELECT x FROM u LIMIT 1) FROM t", {"u.x"}),
    "a common table expression read once": ("WITH w AS (SELECT a, b FROM t) SELECT a FROM w", {"t.a"}),
    "a common table expression read twice": (
        "WITH w AS (SELECT a, b FROM t) SELECT one.a FROM w one JOIN w two ON one.a = two.a",
        {"t.a", "t.b"},
    ),
    "a common table expression made whole": (
        "WITH w AS MATERIALIZED (SELECT a, b FROM t) SELECT a FROM w",
        {"t.a", "t.b"},
    ),
    "a recursive one": (
        "WITH RECURSIVE w AS (SELECT a, b FROM t UNION ALL SELECT t_a, x FROM u JOIN w ON w.a = u.id) SELECT a FROM w",
        {"t.a", "t.b", "u.t_a", "u.x", "u.id"},
    ),
    "different rows": ("SELECT s.a FROM (SELECT DISTINCT a, b FROM t) s", {"t.a", "t.b"}),
    "columns under new names through two sub-selects": (
        "SELECT n FROM (SELECT n, m FROM (SELECT a AS n, b AS m FROM t) one) two WHERE n > 1",
        {"t.a"},
    ),
    "an order in a sub-select": ("SELECT s.a FROM (SELECT a, b FROM t ORDER BY b LIMIT 3) s", {"t.a", "t.b"}),
    "both branches of a UNION ALL": (
        "SELECT s.a FROM (SELECT a, b FROM t UNION ALL SELECT x, y FROM u) s",
        {"t.a", "u.x"},
    ),
    "a column beside an expression": (
        "SELECT s.n FROM (SELECT a, 0 AS n FROM t UNION ALL SELECT x, y FROM u) s",
        {"u.y"},
    ),
    "a UNION, which compares whole rows": (
        "SELECT s.a FROM (SELECT a, b FROM t UNION SELECT x, y FROM u) s",
        {"t.a", "t.b", "u.x", "u.y"},
    ),
    "rows that are inserted": ("INSERT INTO u SELECT a, b FROM t", {"t.a", "t.b"}),
    "whole rows that are inserted": ("INSERT INTO u SELECT * FROM t", {"t.a", "t.b", "t.c", "t.d"}),
    "a view": ("SELECT z FROM v", {"t.a", "t.d"}),
    "a view of a view under another name": ("SELECT one.b FROM w one WHERE one.z = 1", {"t.a", "t.b", "t.d"}),
    "a window with a name": (
        "SELECT a, rank() OVER x FROM t WINDOW x AS (PARTITION BY b ORDER BY c)",
        {"t.a", "t.b", "t.c"},
    ),
    "a join by USING": ("SELECT one.b FROM t one JOIN t two USING (a)", {"one.a", "one.b", "two.a"}),
    "rows that are changed": ("UPDATE t SET a = b + 1 WHERE c = 2 RETURNING d", {"t.b", "t.c", "t.d"}),
}


@pytest.mark.parametrize("case", READ)
def test_columns_that_are_read(case: str) -> None:
    sql, expected = READ[case]
    assert {f"{column.alias}.{column.column}" for column in usage_of(sql, SCHEMA, views=VIEWS).columns} == expected


def test_expressions_are_written_as_an_index_needs_them() -> None:
    schema = {"Odd": frozenset(("user", "Ünï", "n"))}
    usage = usage_of(
        'SELECT 1 FROM "Odd" o WHERE lower(o."user"::varchar(10)) = $1 AND o.n % $2 = 3 AND substr(o."Ünï", $3) = $4',
        schema,
        {2: 7, 3: "it's"},
    )
    assert set(usage.expressions.values()) == {
        'lower("user"::varchar(10))',
        "n % 7",
        "substr(\"Ünï\", 'it''s')",
    }


@pytest.mark.parametrize(
    "sql", ["SELECT FROM WHERE", "SELECT 1; SELECT 2", "", "SELECT a FROM (", "SELECT a FROM not_one"]
)
def test_what_cannot_be_read_is_refused(sql: str) -> None:
    with pytest.raises(CannotTakeApart):
        usage_of(sql, SCHEMA, views={"not_one": "DROP TABLE t"})


def test_a_view_that_reads_itself_is_a_table_there() -> None:
    assert {column.table for column in usage_of("SELECT a FROM loop", SCHEMA, views=VIEWS).columns} == {"loop"}


def test_a_statement_of_very_many_selects_is_refused() -> None:
    with pytest.raises(CannotTakeApart, match="500"):
        usage_of("SELECT a FROM t WHERE " + " OR ".join(["a IN (SELECT x FROM u)"] * 600), SCHEMA)
    with pytest.raises(CannotTakeApart, match="nested"):
        usage_of(" UNION ALL ".join(["SELECT a FROM t"] * 5000), SCHEMA)
