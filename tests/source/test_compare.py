"""The measure of the reader: two texts are the same query, or the part that differs is named."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.reader.compare import NotSql, compare

EQUAL = {
    "values, parameters and drivers' placeholders": (
        'SELECT "a"."x" FROM "a" WHERE "a"."y" = %s AND "a"."z" LIKE %(z)s',
        "SELECT a.x FROM a WHERE a.y = 7 AND a.z LIKE $1",
    ),
    "a doubled percent sign": ("SELECT x FROM a WHERE y LIKE '50%%'", "SELECT x FROM a WHERE y LIKE '50%'"),
    "casts of values": ("SELECT x FROM a WHERE y = $1::VARCHAR", "SELECT x FROM a WHERE y = $1"),
    "the length of a list": ("SELECT x FROM a WHERE y IN ($1, $2, $3)", "SELECT x FROM a WHERE y IN ($1)"),
    "a list and an array": ("SELECT x FROM a WHERE y IN (1, 2)", "SELECT x FROM a WHERE y = ANY($1)"),
    "negated lists": ("SELECT x FROM a WHERE NOT (y IN (1, 2))", "SELECT x FROM a WHERE y NOT IN (3)"),
    "aliases": (
        "SELECT T1.x FROM a T1 LEFT OUTER JOIN b T2 ON (T1.b_id = T2.id) WHERE T2.n = 1",
        "SELECT a.x FROM a LEFT JOIN b ON b.id = a.b_id WHERE b.n = 5",
    ),
    "the order of inner joins and of conditions": (
        "SELECT a.x FROM a JOIN b ON a.b_id = b.id JOIN c ON c.id = b.c_id WHERE a.y = 1 AND c.z > 2",
        "SELECT a.x FROM c JOIN b ON b.c_id = c.id JOIN a ON b.id = a.b_id WHERE 2 < c.z AND a.y = 1",
    ),
    "a comma and a join": (
        "SELECT a.x FROM a, b WHERE a.b_id = b.id AND b.n = 1",
        "SELECT a.x FROM a JOIN b ON a.b_id = b.id WHERE b.n = 1",
    ),
    "a table joined with itself, occurrences swapped": (
        "SELECT 1 FROM p c JOIN p m ON c.parent_id = m.id WHERE m.name = 'x'",
        "SELECT 1 FROM p m JOIN p c ON c.parent_id = m.id WHERE m.name = 'x'",
    ),
    "an only table's name left out": (
        "SELECT a.x FROM a WHERE a.y = 1 ORDER BY a.z",
        "SELECT x FROM a WHERE y = 1 ORDER BY z",
    ),
    "BETWEEN taken apart": ("SELECT x FROM a WHERE y BETWEEN 1 AND 2", "SELECT x FROM a WHERE y >= 1 AND y <= 2"),
    "positions and output names": (
        "SELECT a.k AS k, COUNT(*) AS n FROM a GROUP BY 1 ORDER BY 2 DESC",
        "SELECT a.k, COUNT(*) AS total FROM a GROUP BY a.k ORDER BY total DESC",
    ),
    "what stands in limit": ("SELECT x FROM a LIMIT 21", "SELECT x FROM a LIMIT $1"),
    "what an EXISTS selects": (
        "SELECT x FROM a WHERE EXISTS(SELECT 1 AS q FROM b U0 WHERE U0.a_id = a.id LIMIT 1)",
        "SELECT x FROM a WHERE EXISTS(SELECT b.id FROM b WHERE b.a_id = a.id)",
    ),
    "rows of an insert": (
        "INSERT INTO a (x, y) VALUES ($1, $2), ($3, $4) RETURNING id",
        "INSERT INTO a (y, x) VALUES ($1, $2) RETURNING id",
    ),
    "rows of an insert as arrays": (
        "INSERT INTO a (x, y) SELECT * FROM UNNEST(($1)::integer[], ($2)::text[]) ON CONFLICT DO NOTHING",
        "INSERT INTO a (x, y) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    ),
    "rows of a bulk update": (
        "UPDATE a SET x = (CASE WHEN id = 1 THEN 2 WHEN id = 3 THEN 4 ELSE NULL END) WHERE id IN (1, 3)",
        "UPDATE a SET x = (CASE WHEN id = $1 THEN $2 ELSE NULL END) WHERE id IN ($3)",
    ),
    "nulls where they are anyway": ("SELECT x FROM a ORDER BY x DESC NULLS FIRST", "SELECT x FROM a ORDER BY x DESC"),
    "names of common tables": (
        "WITH q AS (SELECT id FROM a WHERE x = 1) SELECT b.y FROM b JOIN q ON q.id = b.a_id",
        "WITH w AS (SELECT id FROM a WHERE x = 2) SELECT b.y FROM b JOIN w ON w.id = b.a_id",
    ),
}

DIFFERENT = {
    "another table": ("SELECT x FROM a", "SELECT x FROM b", "tables"),
    "a table more": ("SELECT a.x FROM a", "SELECT a.x FROM a JOIN b ON a.b_id = b.id", "tables"),
    "the kind of a join": (
        "SELECT a.x FROM a JOIN b ON a.b_id = b.id",
        "SELECT a.x FROM a LEFT JOIN b ON a.b_id = b.id",
        "joins",
    ),
    "the column of a join": (
        "SELECT a.x FROM a JOIN b ON a.b_id = b.id",
        "SELECT a.x FROM a JOIN b ON a.c_id = b.id",
        "joins",
    ),
    "a condition of an outer join is none of WHERE": (
        "SELECT a.x FROM a LEFT JOIN b ON a.b_id = b.id AND b.n = 1",
        "SELECT a.x FROM a LEFT JOIN b ON a.b_id = b.id WHERE b.n = 1",
        "predicates",
    ),
    "the occurrence that is asked": (
        "SELECT 1 FROM p c JOIN p m ON c.parent_id = m.id WHERE m.name = 'x'",
        "SELECT 1 FROM p c JOIN p m ON c.parent_id = m.id WHERE c.name = 'x'",
        "predicates",
    ),
    "an operator": ("SELECT x FROM a WHERE y > 1", "SELECT x FROM a WHERE y >= 1", "predicates"),
    "the direction of an operator": ("SELECT x FROM a WHERE y > z", "SELECT x FROM a WHERE z > y", "predicates"),
    "a function around a column": (
        "SELECT x FROM a WHERE UPPER(y::text) = UPPER($1)",
        "SELECT x FROM a WHERE y = $1",
        "predicates",
    ),
    "a cast of a column": ("SELECT x FROM a WHERE y::date = $1", "SELECT x FROM a WHERE y = $1", "predicates"),
    "a condition left out": ("SELECT x FROM a WHERE y = 1 AND z = 1", "SELECT x FROM a WHERE y = 1", "predicates"),
    "AND and OR": ("SELECT x FROM a WHERE y = 1 AND z = 1", "SELECT x FROM a WHERE y = 1 OR z = 1", "predicates"),
    "a negation": ("SELECT x FROM a WHERE NOT y = 1", "SELECT x FROM a WHERE y = 1", "predicates"),
    "NULL is no value": ("SELECT x FROM a WHERE y IS NULL", "SELECT x FROM a WHERE y = $1", "predicates"),
    "LIKE and ILIKE": ("SELECT x FROM a WHERE y LIKE $1", "SELECT x FROM a WHERE y ILIKE $1", "predicates"),
    "grouping": ("SELECT COUNT(*) FROM a GROUP BY x", "SELECT COUNT(*) FROM a GROUP BY y", "grouping"),
    "having": ("SELECT x FROM a GROUP BY x HAVING COUNT(*) > 1", "SELECT x FROM a GROUP BY x", "having"),
    "the order of an order": ("SELECT 1 FROM a ORDER BY x, y", "SELECT 1 FROM a ORDER BY y, x", "order"),
    "descending": ("SELECT 1 FROM a ORDER BY x DESC", "SELECT 1 FROM a ORDER BY x", "order"),
    "a limit": ("SELECT x FROM a LIMIT 1", "SELECT x FROM a", "limit"),
    "an offset": ("SELECT x FROM a LIMIT 1 OFFSET 5", "SELECT x FROM a LIMIT 1", "limit"),
    "distinct": ("SELECT DISTINCT x FROM a", "SELECT x FROM a", "distinct"),
    "a lock": ("SELECT x FROM a FOR UPDATE", "SELECT x FROM a", "locking"),
    "skipping locked rows": ("SELECT x FROM a FOR UPDATE", "SELECT x FROM a FOR UPDATE SKIP LOCKED", "locking"),
    "the verb": ("DELETE FROM a WHERE x = 1", "SELECT x FROM a WHERE x = 1", "statement, written"),
    "a column written": ("UPDATE a SET x = 1 WHERE id = 1", "UPDATE a SET y = 1 WHERE id = 1", "written"),
    "rows of a query": ("INSERT INTO a (x) SELECT x FROM b", "INSERT INTO a (x) VALUES ($1)", "joins"),
    "what a CASE asks": (
        "UPDATE a SET x = (CASE WHEN y = 1 THEN 2 ELSE 3 END)",
        "UPDATE a SET x = (CASE WHEN z = 1 THEN 2 ELSE 3 END)",
        "written",
    ),
    "a column computed": ("UPDATE a SET x = x + 1", "UPDATE a SET x = 1", "written"),
    "what an IN selects": (
        "SELECT x FROM a WHERE id IN (SELECT U0.a_id FROM b U0)",
        "SELECT x FROM a WHERE id IN (SELECT U0.c_id FROM b U0)",
        "predicates",
    ),
    "inside of a counted select": (
        "SELECT COUNT(*) FROM (SELECT DISTINCT a.id FROM a WHERE a.x = 1) s",
        "SELECT COUNT(*) FROM (SELECT DISTINCT a.id FROM a WHERE a.y = 1) s",
        "joins",
    ),
    "UNION and UNION ALL": (
        "SELECT x FROM a UNION SELECT x FROM b",
        "SELECT x FROM a UNION ALL SELECT x FROM b",
        "statement",
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_queries_differ_in_nothing_that_counts(name: str) -> None:
    first, second = EQUAL[name]
    assert compare(first, second).reason == ""
    assert compare(second, first).reason == ""


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_queries_name_the_part(name: str) -> None:
    first, second, part = DIFFERENT[name]
    if name == "the verb":
        assert compare(first, second).reason.startswith("statement")
        assert compare(second, first).reason.startswith("statement")
    else:
        assert part in compare(first, second).reason.split(", ")
        assert part in compare(second, first).reason.split(", ")


def test_the_select_list_is_compared_apart() -> None:
    found = compare("SELECT a.x, a.y FROM a", "SELECT a.x FROM a")
    assert found.equal
    assert not found.same_select
    assert [str(d) for d in found.differences] == ["select: a.y <> -"]
    assert compare("SELECT a.x, a.y FROM a", "SELECT a.y, a.x FROM a").same_select


def test_a_difference_reads_as_what_each_side_alone_has() -> None:
    (difference,) = compare(
        "SELECT 1 FROM a WHERE x = 1 AND y > 2", "SELECT 1 FROM a WHERE x = 1 AND z > 2"
    ).differences
    assert (difference.expected, difference.actual) == (("a.y > ?",), ("a.z > ?",))


@pytest.mark.parametrize("text", ["SELECT FROM WHERE", "SELECT 1; SELECT 2", "", "\udc80"])
def test_what_is_no_statement_is_refused(text: str) -> None:
    with pytest.raises(NotSql):
        compare("SELECT 1", text)


def test_an_empty_list_is_a_list() -> None:
    assert compare("SELECT x FROM a WHERE x IN (NULL) AND (1 != 1)", "SELECT x FROM a WHERE x IN ($1)").equal
    assert compare("SELECT x FROM a WHERE (x NOT IN (NULL) OR (1 = 1))", "SELECT x FROM a WHERE x NOT IN ($1)").equal
    assert not compare("SELECT x FROM a WHERE x = 1 AND (1 != 1)", "SELECT x FROM a WHERE x = 1").equal
