"""What queries ask of indexes, what serves them, and which few indexes are left to make."""

from __future__ import annotations

from dbwright.model.demand import (
    Asked,
    Candidate,
    Limits,
    applies,
    candidates,
    served,
    uses_of,
)
from dbwright.model.shapes import ColumnFacts, KnownIndex, Shape
from dbwright.source.sql import take_apart

COLUMNS = {
    "id": ColumnFacts("bigint", not_null=True, distinct=1_000_000),
    "owner_id": ColumnFacts("bigint", reference=True, distinct=200),
    "email": ColumnFacts("varchar(200)", distinct=900_000),
    "number": ColumnFacts("text", distinct=500_000),
    "status": ColumnFacts("varchar(10)", weak=True, distinct=4),
    "active": ColumnFacts("boolean", weak=True, distinct=2),
    "kind_id": ColumnFacts("integer", weak=True, reference=True),
    "created": ColumnFacts("timestamp with time zone", grows=True, stamped=True, not_null=True, distinct=800_000),
    "deleted": ColumnFacts("timestamp with time zone", grows=True),
    "data": ColumnFacts("jsonb"),
    "tags": ColumnFacts("text[]"),
    "body": ColumnFacts("text", wide=True),
}
PRIMARY = KnownIndex("t_pkey", ("id",), unique=True)


def shape(*indexes: KnownIndex, rows: int | None = None) -> Shape:
    return Shape("t", None, COLUMNS, (PRIMARY, *indexes), rows)


def wanted(table: Shape, *queries: str) -> list[tuple[tuple[str, ...], str | None]]:
    return [(c.columns, c.predicate) for c in proposed(table, *queries)]


def proposed(table: Shape, *queries: str) -> tuple[Candidate, ...]:
    asked = [Asked(use, (f"a.py:{n}",)) for n, sql in enumerate(queries, 1) for use in uses_of(take_apart(sql), table)]
    return candidates(table, asked, Limits())


OWNER = KnownIndex("t_owner", ("owner_id",))
NEWEST = "SELECT t.id FROM t WHERE t.owner_id = $1 ORDER BY t.created DESC LIMIT 20"


# One query


def test_a_search_by_a_column_without_an_index():
    assert wanted(shape(), "SELECT * FROM t WHERE t.email = $1") == [(("email",), None)]


def test_equal_columns_come_before_the_range():
    assert wanted(shape(), "SELECT * FROM t WHERE t.created > $1 AND t.email = $2") == [(("email", "created"), None)]


def test_the_order_follows_when_only_the_first_rows_are_wanted():
    assert wanted(shape(OWNER), NEWEST) == [(("owner_id", "created"), None)]
    assert wanted(shape(OWNER), NEWEST.replace("LIMIT 20", "")) == []


def test_an_order_of_two_directions_keeps_them():
    (made,) = proposed(
        shape(OWNER), "SELECT t.id FROM t WHERE t.owner_id = $1 ORDER BY t.created DESC, t.number LIMIT 5"
    )
    assert made.keys == (("owner_id", False), ("created", True), ("number", False))


def test_flags_and_soft_deletion_become_the_predicate():
    sql = "SELECT t.id FROM t WHERE t.active AND t.deleted IS NULL AND t.email = $1"
    assert wanted(shape(), sql) == [(("email",), "active AND deleted IS NULL")]


def test_a_constant_of_few_values_becomes_the_predicate_and_a_parameter_does_not():
    assert wanted(shape(), "SELECT 1 FROM t WHERE t.status = 'down' AND t.created < $1") == [
        (("created",), "status = 'down'")
    ]
    assert wanted(shape(), "SELECT 1 FROM t WHERE t.status = $2 AND t.created < $1") == [(("status", "created"), None)]


def test_all_but_one_state_is_a_predicate():
    sql = "SELECT 1 FROM t WHERE NOT (t.status = 'down') AND t.created < $1"
    assert wanted(shape(), sql) == [(("created",), "NOT (status = 'down')")]
    assert wanted(shape(), sql.replace("NOT (t.status = 'down')", "t.status <> 'down'")) == wanted(shape(), sql)
    assert wanted(shape(KnownIndex("i", ("created",), predicate="NOT (\"status\" = 'down')")), sql) == []
    assert wanted(shape(KnownIndex("i", ("created",), predicate="NOT (status = 'up')")), sql) != []


def test_a_value_written_in_the_code_is_one_of_few():
    assert wanted(shape(), "SELECT 1 FROM t WHERE t.number = 'first'") == []
    assert wanted(shape(rows=2_000_000), "SELECT 1 FROM t WHERE t.number = 'first'") == [(("number",), None)]


def test_the_number_of_a_referenced_row_is_no_predicate():
    assert wanted(shape(), "SELECT 1 FROM t WHERE t.kind_id = 7 AND t.number = $1") == [(("number", "kind_id"), None)]


def test_each_branch_of_an_alternative_is_a_search():
    sql = "SELECT 1 FROM t WHERE t.active AND (t.email = $1 OR t.number = $2)"
    assert wanted(shape(), sql) == [(("email",), "active"), (("number",), "active")]
    assert wanted(shape(KnownIndex("e", ("email",))), sql) == [(("number",), "active")]


def test_an_expression_is_indexed_as_it_is_written():
    assert wanted(shape(), "SELECT 1 FROM t WHERE upper(t.email::text) = upper($1)") == [
        (("upper(email::text)",), None)
    ]
    assert wanted(shape(), "SELECT 1 FROM t WHERE t.data ->> 'key' = $1") == [(("data ->> 'key'",), None)]


def test_a_cast_to_text_of_a_text_is_the_column():
    assert wanted(shape(), "SELECT 1 FROM t WHERE t.email::text = $1") == [(("email",), None)]


def test_the_looked_up_side_of_a_join_is_searched():
    sql = "SELECT * FROM o JOIN t ON t.number = o.number WHERE o.id = $1"
    assert wanted(shape(), sql) == [(("number",), None)]


def test_a_correlated_sub_select_searches_once_a_row():
    sql = "SELECT (SELECT t.id FROM t WHERE t.owner_id = o.id ORDER BY t.created DESC LIMIT 1) FROM o"
    assert wanted(shape(OWNER), sql) == [(("owner_id", "created"), None)]


def test_what_joins_a_page_does_not_find_it():
    sql = "SELECT * FROM (SELECT t.id FROM t WHERE t.email = $1 LIMIT 1) AS page LEFT JOIN o ON o.t_id = page.id WHERE o.kind = $2"
    assert wanted(shape(), sql) == [(("email",), None)]


def test_a_row_found_through_a_join_by_its_key_needs_no_other_index():
    sql = "SELECT * FROM o JOIN t ON t.id = o.t_id WHERE o.number = $1 AND t.email = $2"
    assert wanted(shape(), sql) == []
    assert wanted(shape(), sql.replace("o.number = $1", "o.active")) == [(("email",), None)]


# What asks for nothing


def test_nothing_is_wanted_for():
    quiet = [
        "SELECT * FROM t",
        "SELECT * FROM t WHERE t.active",
        "SELECT * FROM t WHERE t.status = $1",
        "SELECT * FROM t WHERE t.email <> $1",
        "SELECT * FROM t WHERE NOT (t.email = $1)",
        "SELECT * FROM t WHERE t.email NOT IN ($1, $2)",
        "SELECT * FROM t WHERE t.email = $1 OR t.active",
        "SELECT * FROM t WHERE t.email = $1 OR t.email IS NULL",
        "SELECT * FROM t JOIN o ON o.id = t.owner_id WHERE t.email = $1 OR o.name = $2",
        "SELECT * FROM t WHERE t.id = $3 AND (t.email = $1 OR t.number = $2)",
        "SELECT * FROM t WHERE t.email LIKE $1",
        "SELECT * FROM t WHERE t.created::date = $1",
        "SELECT * FROM t WHERE t.body = $1",
        "SELECT * FROM t WHERE t.data = $1",
        "SELECT * FROM t WHERE t.tags = $1",
        "SELECT * FROM t WHERE t.id = $1 AND t.email = $2",
        "SELECT * FROM t ORDER BY t.created",
        "SELECT * FROM t ORDER BY t.id DESC LIMIT 5",
        "SELECT * FROM t ORDER BY t.email LIMIT 5",
        "SELECT t.owner_id, count(*) FROM t GROUP BY t.owner_id ORDER BY t.owner_id LIMIT 5",
        "SELECT count(*) FROM t HAVING count(t.email) > $1",
        "INSERT INTO t (email) VALUES ($1)",
        "SELECT * FROM t JOIN o ON o.number = t.number",
        "SELECT * FROM o JOIN t ON t.id = o.t_id WHERE o.id = $1",
        "SELECT * FROM other WHERE other.email = $1",
    ]
    assert {sql: wanted(shape(), sql) for sql in quiet} == {sql: [] for sql in quiet}


# What is there already


def test_served_by_an_index():
    pairs = [
        (KnownIndex("i", ("email",)), "SELECT 1 FROM t WHERE t.email = $1"),
        (KnownIndex("i", ("email", "number")), "SELECT 1 FROM t WHERE t.email = $1"),
        (KnownIndex("i", ("number", "email")), "SELECT 1 FROM t WHERE t.email = $1 AND t.number = $2"),
        (KnownIndex("i", ("email",), method="hash"), "SELECT 1 FROM t WHERE t.email = $1"),
        (
            KnownIndex("i", ("email",), unique=True),
            "SELECT 1 FROM t WHERE t.email = $1 AND t.number = $2 ORDER BY t.created LIMIT 1",
        ),
        (KnownIndex("i", ("owner_id", "created"), descending=(False, True)), NEWEST),
        (KnownIndex("i", ("owner_id", "created")), NEWEST),
        (KnownIndex("i", ("email",), predicate="(active = true)"), "SELECT 1 FROM t WHERE t.email = $1 AND t.active"),
        (KnownIndex("i", ("email",), predicate="(email IS NOT NULL)"), "SELECT 1 FROM t WHERE t.email = $1"),
        (
            KnownIndex("i", ("email",), predicate="((status)::text = 'open'::text)"),
            "SELECT 1 FROM t WHERE t.email = $1 AND t.status = 'open'",
        ),
        (KnownIndex("i", ("upper((email)::text)",)), "SELECT 1 FROM t WHERE upper(t.email::text) = upper($1)"),
    ]
    assert [wanted(shape(index), sql) for index, sql in pairs] == [[] for _ in pairs]


def test_not_served_by_an_index():
    pairs = [
        (KnownIndex("i", ("number", "email")), "SELECT 1 FROM t WHERE t.email = $1"),
        (KnownIndex("i", ("email",), method="gin"), "SELECT 1 FROM t WHERE t.email = $1"),
        (KnownIndex("i", ("email",), predicate="active"), "SELECT 1 FROM t WHERE t.email = $1"),
        (KnownIndex("i", ("email",), predicate="active"), "SELECT 1 FROM t WHERE t.email = $1 AND NOT t.active"),
        (
            KnownIndex("i", ("email",), predicate="status = 'Open'"),
            "SELECT 1 FROM t WHERE t.email = $1 AND t.status = 'open'",
        ),
        (KnownIndex("i", ("active",)), "SELECT 1 FROM t WHERE t.email = $1 AND t.active"),
        (KnownIndex("i", ("email", "number"), unique=True, predicate="active"), "SELECT 1 FROM t WHERE t.number = $1"),
        (KnownIndex("i", ("lower((email)::text)",)), "SELECT 1 FROM t WHERE upper(t.email::text) = upper($1)"),
    ]
    assert all(wanted(shape(index), sql) for index, sql in pairs)


def test_an_index_of_other_directions_does_not_give_a_mixed_order():
    sql = "SELECT 1 FROM t WHERE t.owner_id = $1 ORDER BY t.created DESC, t.number LIMIT 5"
    (use,) = uses_of(take_apart(sql), shape())
    both_up = KnownIndex("i", ("owner_id", "created", "number"), descending=(False, False, False))
    mixed = KnownIndex("i", ("owner_id", "created", "number"), descending=(False, False, True))
    assert not served(use, shape(both_up)).fully
    assert served(use, shape(mixed)).fully


def test_a_predicate_applies_only_when_every_part_is_known():
    (use,) = uses_of(take_apart("SELECT 1 FROM t WHERE t.email = $1 AND t.active"), shape())
    assert applies(KnownIndex("i", ("email",), predicate="(active AND (email IS NOT NULL))"), use)
    assert not applies(KnownIndex("i", ("email",), predicate="(active AND (number IS NOT NULL))"), use)


# Several queries


def test_one_index_serves_a_search_by_its_first_columns():
    both = wanted(
        shape(), "SELECT 1 FROM t WHERE t.email = $1 AND t.number = $2", "SELECT 1 FROM t WHERE t.number = $1"
    )
    assert both == [(("number", "email"), None)]


def test_a_predicate_that_not_all_share_is_left_out():
    both = wanted(shape(), "SELECT 1 FROM t WHERE t.email = $1 AND t.active", "SELECT 1 FROM t WHERE t.email = $1")
    assert both == [(("email",), None)]


def test_two_searches_by_different_columns_are_two_indexes():
    both = wanted(shape(), "SELECT 1 FROM t WHERE t.email = $1", "SELECT 1 FROM t WHERE t.number = $1")
    assert sorted(both) == [(("email",), None), (("number",), None)]


def test_an_order_behind_a_prefix_that_another_query_shares():
    both = wanted(
        shape(), "SELECT 1 FROM t WHERE t.email = $1 ORDER BY t.created LIMIT 5", "SELECT 1 FROM t WHERE t.email = $1"
    )
    assert both == [(("email", "created"), None)]


def test_a_column_and_an_expression_of_it_are_no_two_keys():
    text = "SELECT 1 FROM t WHERE lower(t.email) = $1 AND t.email = $2"
    ((keys, _),) = wanted(shape(), text)
    assert len(keys) == 1


def test_the_places_of_all_are_kept():
    (made,) = proposed(shape(), "SELECT 1 FROM t WHERE t.email = $1", "SELECT 2 FROM t WHERE t.email = $1")
    assert made.sites == ("a.py:1", "a.py:2")


# Sizes


def test_small_tables_need_no_index():
    assert wanted(shape(rows=9_000), "SELECT 1 FROM t WHERE t.email = $1") == []


def test_large_tables_say_what_is_read_now_and_then():
    (made,) = proposed(shape(rows=1_000_000), "SELECT 1 FROM t WHERE t.email = $1")
    assert (made.rows_read, made.rows_after, made.scans) == (1_000_000, 1_000_000 / 900_000, True)


def test_what_another_index_leaves_decides():
    by_owner = "SELECT 1 FROM t WHERE t.owner_id = $1 AND t.number = $2"
    assert wanted(shape(OWNER, rows=1_000_000), by_owner) == [(("number", "owner_id"), None)]  # 5,000 rows an owner
    assert wanted(shape(OWNER, rows=100_000), by_owner) == []  # 500


def test_a_flag_of_a_large_table_alone_is_not_helped():
    assert wanted(shape(rows=1_000_000), "SELECT 1 FROM t WHERE t.status = $1") == []
