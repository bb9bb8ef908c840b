"""SQL taken apart: what each part of a statement becomes, and what must not be mistaken for something else."""

from __future__ import annotations

import pytest

from dbwright.model.query import NO_COLUMN, Predicate, Query
from dbwright.source.placeholders import numbered
from dbwright.source.sql import CannotTakeApart, take_apart, take_apart_all

SCHEMA = {
    "orders": ("id", "customer_id", "total", "placed"),
    "customers": ("id", "name", "email"),
    "lines": ("id", "order_id", "price"),
}


def only(sql: str) -> Predicate:
    (predicate,) = take_apart(sql).predicates
    return predicate


def tables(query: Query) -> list[tuple[str, str, str, int]]:
    return [(t.name, t.alias, t.join, t.depth) for t in query.tables]


def columns(query: Query) -> list[str]:
    return [f"{p.column.table}.{p.column.column} {p.operator}" for p in query.predicates]


# Tables


def test_joins_keep_their_kind_and_a_comma_is_a_join_when_a_condition_ties_it():
    query = take_apart(
        "SELECT * FROM a JOIN b ON b.a_id = a.id LEFT JOIN c ON c.b_id = b.id RIGHT JOIN d ON true CROSS JOIN e, f, g WHERE f.a_id = a.id"
    )
    assert [(t.name, t.join) for t in query.tables] == [
        ("a", "from"), ("b", "inner"), ("c", "left"), ("d", "right"), ("e", "cross"), ("f", "inner"), ("g", "cross"),
    ]  # fmt: skip


def test_sub_selects_have_their_depth_and_number_and_an_alias_used_twice_is_told_apart():
    query = take_apart(
        "SELECT 1 FROM a WHERE a.x IN (SELECT u0.a_id FROM b u0 WHERE u0.y = 1) AND EXISTS (SELECT 1 FROM c u0 WHERE u0.a_id = a.id)"
    )
    assert tables(query) == [("a", "a", "from", 0), ("b", "u0", "sub-select", 1), ("c", "u0#2", "sub-select", 1)]
    assert [t.select for t in query.tables] == [0, 1, 2]
    assert [level.correlated for level in query.inner] == [False, True]
    assert query.has_sub_select


def test_the_name_of_a_cte_is_no_table_and_its_columns_lead_to_the_table_behind():
    query = take_apart(
        "WITH recent AS (SELECT id, placed AS at FROM orders) SELECT r.id FROM recent r WHERE r.at > $1 ORDER BY r.at"
    )
    assert [t.name for t in query.tables] == ["orders"]
    assert columns(query) == ["orders.placed >"]
    assert query.order_by[0].column is not None
    assert query.order_by[0].column.column == "placed"


def test_a_table_that_has_the_name_of_another_statements_cte_is_a_table():
    assert [t.name for t in take_apart("WITH r AS (SELECT 1) SELECT 1 FROM s.r").tables] == ["r"]


def test_a_recursive_cte_ends():
    query = take_apart(
        "WITH RECURSIVE t AS (SELECT id FROM node WHERE id = $1 UNION ALL SELECT n.id FROM node n JOIN t ON n.up = t.id) SELECT * FROM t"
    )
    assert [t.name for t in query.tables] == ["node", "node"]
    assert query.has_union


# Columns


def test_bare_names_find_their_table_through_the_schema_only():
    sql = "SELECT name FROM orders JOIN customers ON customers.id = customer_id WHERE total > 5"
    assert [p.column.table for p in take_apart(sql, SCHEMA).predicates] == ["customers", "orders"]
    assert [p.column.table for p in take_apart(sql).predicates] == ["customers", ""]


def test_a_bare_name_in_a_correlated_sub_select_is_the_inner_tables_first():
    query = take_apart(
        "SELECT 1 FROM customers WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = customers.id AND email = 'x')",
        SCHEMA,
    )
    assert columns(query) == ["orders.customer_id =", "customers.email =", ". exists"]
    assert query.inner[0].correlated


def test_one_table_needs_no_schema():
    assert only("SELECT a FROM t WHERE b = 1").column.table == "t"


def test_using_is_a_join_on_both_tables_columns():
    predicate = only("SELECT 1 FROM a JOIN b USING (id)")
    assert (predicate.column.table, predicate.other and predicate.other.table, predicate.clause) == ("a", "b", "on")


# Conditions


@pytest.mark.parametrize(
    ("condition", "operator", "value", "negated"),
    [
        ("x = $1", "=", "parameter", False),
        ("$1 < x", ">", "parameter", False),
        ("x", "=", "true", False),
        ("NOT x", "=", "false", False),
        ("x IS NULL", "is null", "", False),
        ("NOT (x IS NULL)", "is not null", "", False),
        ("x IN (1, 2)", "in", "(1, 2)", False),
        ("x NOT IN (1, 2)", "in", "(1, 2)", True),
        ("x = ANY ($1)", "in", "parameter", False),
        ("x <> ALL ($1)", "in", "parameter", True),
        ("$1 = ANY (x)", "any", "parameter", False),
        ("x BETWEEN 1 AND 2", "between", "(1, 2)", False),
        ("x = 1 OR x = 2", "in", "(1, 2)", False),
        ("NOT (x <> 1)", "<>", "1", True),
        ("x IS NOT TRUE", "is", "true", True),
        ("x = 'it''s'::text", "=", "'it''s'", False),
        ("x > now() - interval '1 day'", ">", "expression", False),
        ("x = -5", "=", "-5", False),
        ("x IN (SELECT y FROM u)", "in", "sub-select", False),
        ("x @> $1", "@>", "parameter", False),
        ("x NOT LIKE 'a%'", "like", "'a%'", True),
        ("x IS DISTINCT FROM 3", "is not distinct from", "3", True),
    ],
)
def test_a_condition_on_one_column(condition: str, operator: str, value: str, negated: bool):
    predicate = only(f"SELECT 1 FROM t WHERE {condition}")
    assert (predicate.operator, predicate.value, predicate.negated) == (operator, value, negated)
    assert predicate.column.column == "x"
    assert predicate.wrapped == ""
    assert predicate.narrows


@pytest.mark.parametrize(
    ("condition", "wrapped", "wrapper"),
    [
        ("upper(t.x::text) = $1", "upper(x::text)", "upper"),
        ("x::date = $1", "x::date", "::date"),
        ("x AT TIME ZONE 'UTC' > $1", "x AT TIME ZONE 'UTC'", "at time zone"),
        ("date_trunc('day', x) = $1", "date_trunc('day', x)", "date_trunc"),
        ("x ->> 'k' = 'v'", "x ->> 'k'", "->>"),
        ("x COLLATE \"C\" = 'v'", 'x COLLATE "C"', "collate"),
        ("EXTRACT(YEAR FROM x) = 2020", "extract(year from x)", "extract"),
        ("x + 1 > $1", "x + 1", "+"),
        ("coalesce(x, 0) = 0", "coalesce(x, 0)", "coalesce"),
    ],
)
def test_what_is_wrapped_around_a_column(condition: str, wrapped: str, wrapper: str):
    predicate = only(f"SELECT 1 FROM t WHERE {condition}")
    assert (predicate.column.column, predicate.wrapped, predicate.wrapper) == ("x", wrapped, wrapper)


def test_a_function_around_the_value_leaves_the_column_bare():
    assert only("SELECT 1 FROM t WHERE x = lower($1)").wrapped == ""


def test_the_wrapped_side_of_a_join_is_told_from_the_bare_one():
    predicate = only("SELECT 1 FROM a, b WHERE lower(a.x) = b.y")
    assert (predicate.column.column, predicate.wrapped, predicate.other_wrapped) == ("y", "", "lower(x)")


def test_or_groups_share_a_number_and_differ_in_branch():
    predicates = take_apart(
        "SELECT 1 FROM t WHERE a = 1 AND (b = 2 OR (c = 3 AND d = 4)) AND (e = 5 OR f = 6)"
    ).predicates
    groups = {p.column.column: (p.alternative, p.branch) for p in predicates}
    assert groups["a"] == (0, 0)
    assert groups["b"][0] == groups["c"][0] == groups["d"][0] != groups["e"][0] == groups["f"][0]
    assert groups["b"][1] != groups["c"][1] == groups["d"][1]


def test_not_over_or_narrows_and_not_over_and_does_not():
    assert all(p.narrows and p.negated for p in take_apart("SELECT 1 FROM t WHERE NOT (a = 1 OR b = 2)").predicates)
    assert not any(p.narrows for p in take_apart("SELECT 1 FROM t WHERE NOT (a = 1 AND b = 2)").predicates)


def test_an_or_over_two_columns_or_with_a_range_is_no_list():
    assert {p.operator for p in take_apart("SELECT 1 FROM t WHERE a = 1 OR b = 2").predicates} == {"="}
    assert not any(p.narrows for p in take_apart("SELECT 1 FROM t WHERE a = 1 OR a > 5").predicates)
    assert not any(p.narrows for p in take_apart("SELECT 1 FROM t WHERE a = 1 OR (a = 2 AND b = 3)").predicates)


def test_row_comparisons_keep_the_place_of_each_column():
    predicates = take_apart("SELECT 1 FROM t WHERE (a, b) < ($1, $2)").predicates
    assert [(p.column.column, p.operator, p.row, p.parameter) for p in predicates] == [
        ("a", "<", 1, 1),
        ("b", "<", 2, 2),
    ]
    assert [p.operator for p in take_apart("SELECT 1 FROM t WHERE (a, b) IN ((1, 2))").predicates] == ["in", "in"]


@pytest.mark.parametrize(
    ("pattern", "values", "leading"),
    [
        ("'%x'", None, True),
        ("'_x'", None, True),
        ("'x%'", None, False),
        ("'%' || $1", None, True),
        ("concat('%', $1)", None, True),
        ("upper('%x')", None, True),
        ("$1", None, None),
        ("$1 || '%'", None, None),
        ("$1", {1: "%x%"}, True),
        ("$1", {1: "x%"}, False),
        ("UPPER($1)", {1: "%x"}, True),
        ("$1", {2: "%x"}, None),
    ],
)
def test_patterns_that_begin_with_a_wildcard(pattern: str, values: dict[int, str] | None, leading: bool | None):
    (predicate,) = take_apart(f"SELECT 1 FROM t WHERE x LIKE {pattern}", values=values).predicates
    assert predicate.leading_wildcard is leading


def test_a_column_used_as_pattern_is_not_searched():
    assert only("SELECT 1 FROM t WHERE $1 LIKE x").operator == "like of"


def test_values_of_the_source_become_literals():
    query = take_apart("SELECT 1 FROM t WHERE a = %s AND b = %s AND c = %s", values={1: True, 2: "o'k", 3: object()})
    assert [p.value for p in query.predicates] == ["true", "'o''k'", "parameter"]


def test_exists_has_no_column_and_having_does_not_narrow():
    query = take_apart("SELECT a FROM t GROUP BY a HAVING count(b) > 3 AND EXISTS (SELECT 1)")
    assert [(p.column == NO_COLUMN, p.clause, p.narrows) for p in query.predicates] == [
        (False, "having", False),
        (True, "having", False),
    ]
    assert query.aggregates == ("count",)


# Order, groups, limits


def test_order_through_names_and_numbers_of_the_select_list():
    query = take_apart("SELECT a AS x, lower(b) AS y, c FROM t ORDER BY x DESC NULLS LAST, y, 3 NULLS FIRST, random()")
    assert [(k.column and k.column.column, k.descending, k.nulls_first, k.expression) for k in query.order_by] == [
        ("a", True, False, ""), (None, False, None, "lower(b)"), ("c", False, True, ""), (None, False, None, "random()"),
    ]  # fmt: skip


def test_groups_are_columns_and_expressions():
    query = take_apart("SELECT a, date_trunc('day', b) AS day, sum(c) FROM t GROUP BY a, day")
    assert [c.column for c in query.group_by] == ["a"]
    assert query.group_expressions == ("date_trunc('day', b)",)
    assert query.aggregates == ("sum",)


def test_a_window_is_no_aggregate():
    query = take_apart("SELECT row_number() OVER (ORDER BY a), count(*) OVER () FROM t")
    assert (query.aggregates, query.windows) == ((), ("row_number", "count"))


@pytest.mark.parametrize(("tail", "limit", "offset"), [
    ("LIMIT 5", "constant", ""), ("LIMIT $1 OFFSET $2", "parameter", "parameter"), ("LIMIT ALL", "", ""), ("OFFSET 3", "", "constant"),
    ("FETCH FIRST 5 ROWS ONLY", "constant", ""),
])  # fmt: skip
def test_limits(tail: str, limit: str, offset: str):
    query = take_apart(f"SELECT a FROM t {tail}")
    assert (query.limit, query.offset) == (limit, offset)


def test_the_order_of_a_sub_select_is_not_the_statements():
    query = take_apart("SELECT (SELECT b.x FROM b WHERE b.a_id = a.id ORDER BY b.at DESC LIMIT 1) FROM a")
    assert (query.order_by, query.limit) == ((), "")
    (inner,) = query.inner
    assert (inner.order_by[0].column and inner.order_by[0].column.column, inner.limit, inner.correlated) == (
        "at",
        "constant",
        True,
    )


def test_distinct_on_names_its_columns():
    assert [c.column for c in take_apart("SELECT DISTINCT ON (a) a, b FROM t").distinct_on] == ["a"]
    query = take_apart("SELECT DISTINCT a FROM t")
    assert (query.distinct, query.distinct_on) == (True, ())


@pytest.mark.parametrize(
    ("clause", "locking"),
    [
        ("FOR UPDATE", "update"),
        ("FOR NO KEY UPDATE NOWAIT", "no key update nowait"),
        ("FOR SHARE OF t SKIP LOCKED", "share skip locked"),
        ("", ""),
    ],
)
def test_locking(clause: str, locking: str):
    assert take_apart(f"SELECT a FROM t {clause}").locking == locking


# Writing


def test_what_an_insert_writes_and_what_happens_on_conflict():
    query = take_apart("INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = t.b + excluded.b")
    assert (query.verb, query.set_columns, query.conflict, query.conflict_columns) == (
        "insert",
        ("a", "b"),
        "update",
        ("a",),
    )
    assert query.computed_columns == ("b",)
    assert take_apart("INSERT INTO t (a) VALUES (1)").conflict == ""


def test_an_update_tells_written_columns_from_computed_ones():
    query = take_apart("UPDATE t SET n = n + 1, m = $1 FROM u WHERE u.id = t.u_id")
    assert (query.set_columns, query.computed_columns) == (("n", "m"), ("n",))
    assert [(t.name, t.join) for t in query.tables] == [("t", "from"), ("u", "inner")]
    assert query.target is not None
    assert query.target.name == "t"


def test_a_delete_without_where_says_so():
    assert not take_apart("DELETE FROM t").has_where
    assert take_apart("DELETE FROM t USING u WHERE u.id = t.u_id").has_where


def test_a_select_writes_no_table():
    assert take_apart("SELECT 1 FROM t").target is None


@pytest.mark.parametrize(
    "sql", ["EXPLAIN SELECT a FROM t WHERE b = 1", "DECLARE c CURSOR FOR SELECT a FROM t WHERE b = 1"]
)
def test_statements_that_carry_a_query(sql: str):
    assert columns(take_apart(sql)) == ["t.b ="]


def test_other_statements_name_their_tables_at_most():
    assert [t.name for t in take_apart("TRUNCATE a, b").tables] == ["a", "b"]
    assert take_apart("SET work_mem = '4MB'").verb == "other"


# Placeholders and bad text


@pytest.mark.parametrize(
    ("sql", "expected", "names"),
    [
        ("a = %s AND b = %s", "a = $1 AND b = $2", ("", "")),
        ('"a%s" = %s', '"a%s" = $1', ("",)),
        ("a = %(x)s OR b = %(y)s OR c = %(x)s", "a = $1 OR b = $2 OR c = $1", ("x", "y")),
        ("a = :x::date AND b = :y", "a = $1::date AND b = $2", ("x", "y")),
        ("a LIKE '%%x' AND b = %s", "a LIKE '%x' AND b = $1", ("",)),
        ("a LIKE '%s'", "a LIKE '%s'", ()),
        ("a = ':x' -- :y", "a = ':x' -- :y", ()),
        ("a[1:2] = b::text", "a[1:2] = b::text", ()),
        ("a = $2 AND b = %s", "a = $2 AND b = $3", ("",)),
        ("a IN (__[POSTCOMPILE_ids])", "a IN ($1)", ("ids",)),
        ("a = '10:30' AND b = :t", "a = '10:30' AND b = $1", ("t",)),
        ("a % 5 = 1", "a % 5 = 1", ()),
        ("$$ :x $$ = :y", "$$ :x $$ = $1", ("y",)),
    ],
)
def test_placeholders_of_every_driver(sql: str, expected: str, names: tuple[str, ...]):
    assert numbered(sql) == (expected, names)


@pytest.mark.parametrize(
    "sql", ["", "SELEC 1", "SELECT 1; SELECT 2", "SELECT \0", "SELECT '\ud800'", "{table}", "SELECT " + "(" * 50_000]
)
def test_what_is_no_statement_is_refused_with_a_reason(sql: str):
    with pytest.raises(CannotTakeApart) as refused:
        take_apart(sql)
    assert str(refused.value)


def test_depth_ends_in_a_query_or_a_refusal():
    with pytest.raises(CannotTakeApart):
        take_apart("SELECT 1 FROM t WHERE " + "NOT (a = 1 AND " * 3_000 + "true" + ")" * 3_000)
    assert (
        len(take_apart("SELECT 1 FROM t WHERE " + " OR ".join(f"a = {n} AND b = 1" for n in range(2000))).predicates)
        == 4000
    )


def test_texts_of_several_statements_are_read_one_by_one():
    assert [q.verb for q in take_apart_all("DELETE FROM a; SELECT 1 FROM b")] == ["delete", "select"]


def test_fingerprints_are_alike_for_other_constants_and_not_for_other_columns():
    first = take_apart("SELECT a FROM t WHERE b = 1").fingerprint
    assert first == take_apart("SELECT a FROM t WHERE b = %s").fingerprint
    assert first != take_apart("SELECT a FROM t WHERE c = 1").fingerprint


def test_a_column_keeps_its_new_name_through_further_sub_selects():
    query = take_apart("SELECT n FROM (SELECT n FROM (SELECT total AS n FROM orders) one) two WHERE n > $1")
    assert [(p.column.table, p.column.column) for p in query.predicates] == [("orders", "total")]
