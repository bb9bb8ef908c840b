"""Candidates on real statements and a real snapshot: what is proposed, and above all what is not."""

import re
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from dbwright.advise import existing
from dbwright.advise.candidates import Bounds, Candidate, Candidates, candidates
from dbwright.fixes.sql import forward
from dbwright.model.catalog import Extension
from dbwright.model.change import Change
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement


def made(snapshot: Snapshot, *statements: str, **options: Any) -> Candidates:
    return candidates([WorkloadStatement(sql) for sql in statements], snapshot, **options)


def text(candidate: Candidate) -> str:
    """The index without its name: ``orders (status, created) INCLUDE (id) WHERE …``."""
    (sql,) = forward(Change((candidate.index,)), online=False)
    return re.sub(r'\ACREATE INDEX ("(""|[^"])+"|\S+) ON (public\.)?', "", sql)


def texts(snapshot: Snapshot, *statements: str, **options: Any) -> list[str]:
    found = made(snapshot, *statements, **options)
    assert not found.problems, found.problems
    return [text(candidate) for candidate in found.indexes]


# What is proposed

PROPOSED = {
    "equality before range": (
        "SELECT * FROM orders WHERE created > $1 AND status = $2",
        ["orders (status, created)", "orders (status)", "orders (created)", "orders (created, status)"],
    ),
    "equality before order": (
        "SELECT * FROM orders WHERE status = $1 ORDER BY created DESC LIMIT 20",
        ["orders (status, created)", "orders (created)"],
    ),
    "an order of both directions": (
        "SELECT * FROM orders ORDER BY status, created DESC, id LIMIT 20",
        ["orders (status, created DESC, id)"],
    ),
    "an order with nulls where PostgreSQL does not put them": (
        "SELECT * FROM orders WHERE status = 'open' ORDER BY paid DESC NULLS LAST LIMIT 5",
        ["orders (status, paid NULLS FIRST)"],
    ),
    "a join first and filters after, and the other way": (
        "SELECT o.* FROM orders o, item i WHERE i.order_id = o.id AND i.product = 7",
        ["item (order_id, product)", "item (product, order_id)", "item (product)"],
    ),
    "unqualified columns behind commas": (
        "SELECT sum(price) FROM customer, orders, item WHERE customer_id = customer.id AND order_id = orders.id AND city = 'city7'",
        [
            "customer (city)",
            "customer (city, id)",
            "customer (id, city)",
            "orders (id, customer_id)",
            "orders (customer_id, id)",
        ],
    ),
    "covering": (
        "SELECT sum(price) FROM item WHERE product = $1 AND shipped < '2024-02-01'",
        [
            "item (product) INCLUDE (price, shipped)",
            "item (product, shipped) INCLUDE (price)",
            "item (product, shipped, price)",
        ],
    ),
    "covering a table that is read whole": (
        "SELECT product, sum(amount) FROM item GROUP BY product",
        ["item (product) INCLUDE (amount)", "item (product, amount)"],
    ),
    "the first of a group": (
        "SELECT max(created) FROM orders WHERE customer_id = $1",
        ["orders (customer_id, created)"],
    ),
    "the order of a window": (
        "SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY created DESC) FROM orders",
        ["orders (customer_id, created DESC)", "orders (customer_id, created DESC) INCLUDE (id)"],
    ),
    "the order of a window with a name": (
        "SELECT id, rank() OVER w FROM orders WHERE status = $1 WINDOW w AS (PARTITION BY customer_id ORDER BY total)",
        ["orders (status, customer_id, total)", "orders (customer_id, total) INCLUDE (id, status)"],
    ),
    "different values": ("SELECT DISTINCT product, line FROM item", ["item (product, line)"]),
    "partial by a flag": (
        "SELECT id FROM orders WHERE is_deleted AND customer_id = $1",
        ["orders (customer_id) WHERE is_deleted", "orders (customer_id) INCLUDE (id, is_deleted) WHERE is_deleted"],
    ),
    "partial by NULL": (
        "SELECT * FROM orders WHERE paid IS NULL ORDER BY created LIMIT 10",
        ["orders (created) WHERE paid IS NULL"],
    ),
    "partial by a state": (
        "SELECT * FROM orders WHERE status = 'open' AND created > $1",
        ["orders (created) WHERE status = 'open'"],
    ),
    "partial by all conditions together": (
        "SELECT * FROM orders WHERE status = 'open' AND is_deleted AND created > $1",
        ["orders (created) WHERE is_deleted AND status = 'open'"],
    ),
    "partial by a range of few numbers": (
        "SELECT avg(amount) FROM item WHERE price BETWEEN 10 AND 20",
        [
            "item (price) WHERE price >= 10 AND price <= 20",
            "item (price) INCLUDE (amount) WHERE price >= 10 AND price <= 20",
        ],
    ),
    "partial by all ranges of a statement together": (
        "SELECT (SELECT avg(amount) FROM item WHERE price <= 5 AND price > -1.5),"
        " (SELECT sum(amount) FROM item WHERE price >= 6 AND price < 9)",
        ["item (price) WHERE price >= -1.5 AND price <= 9"],
    ),
    "a function": ("SELECT * FROM customer WHERE lower(city) = $1", ["customer ((lower(city)))"]),
    "a date of a timestamp without time zone": (
        "SELECT * FROM customer WHERE born::date = $1",
        ["customer ((born::date))"],
    ),
    "a month of a timestamp without time zone": (
        "SELECT date_trunc('month', born), count(*) FROM customer GROUP BY 1 ORDER BY date_trunc('month', born)",
        ["customer ((date_trunc('month', born)))"],
    ),
    "a date in a time zone that is named": (
        "SELECT * FROM orders WHERE (created AT TIME ZONE 'UTC')::date = $1",
        ["orders (((created AT TIME ZONE 'UTC')::date))"],
    ),
    "a key of JSON": (
        "SELECT * FROM customer WHERE data ->> 'kind' = $1 AND city = 'x'",
        ["customer ((data ->> 'kind'))", "customer (city, (data ->> 'kind'))", "customer ((data ->> 'kind'), city)"],
    ),
    "a beginning, where texts are in the order of their bytes": (
        "SELECT * FROM customer WHERE city LIKE 'abc%'",
        ["customer (city)"],
    ),
    "an array": ("SELECT * FROM customer WHERE tags @> ARRAY['t1']", ["customer USING gin (tags)"]),
    "a document": (
        "SELECT * FROM customer WHERE data @> $1",
        ["customer USING gin (data jsonb_path_ops)", "customer USING gin (data)"],
    ),
    "a key of a document": ("SELECT * FROM customer WHERE data ? 'kind'", ["customer USING gin (data)"]),
    "words": ("SELECT * FROM item WHERE words @@ to_tsquery('simple', $1)", ["item USING gin (words)"]),
    "words of a text": (
        "SELECT * FROM customer WHERE to_tsvector('english', city) @@ plainto_tsquery('english', $1)",
        ["customer USING gin ((to_tsvector('english', city)))"],
    ),
    "a range": ("SELECT * FROM orders WHERE during && tstzrange($1, $2)", ["orders USING gist (during)"]),
    "a network": ("SELECT * FROM orders WHERE address <<= '10.0.0.0/8'", ["orders USING gist (address inet_ops)"]),
    "each branch of an OR": (
        "SELECT * FROM orders WHERE status = $1 OR total = $2",
        ["orders (status)", "orders (total)"],
    ),
    "what all branches of an OR share": (
        "SELECT i.* FROM item i, orders o WHERE (i.order_id = o.id AND i.product = 3) OR (i.order_id = o.id AND i.product = 4)",
        ["item (order_id, product)", "item (product, order_id)"],
    ),
    "in a CTE": (
        "WITH late AS (SELECT id, customer_id FROM orders WHERE created < $1) SELECT count(*) FROM late WHERE late.customer_id = $2",
        ["orders (customer_id, created)", "orders (customer_id) INCLUDE (created)"],
    ),
    "in every branch of a UNION": (
        "SELECT n FROM (SELECT customer_id AS x, total AS n FROM orders UNION ALL SELECT product, price FROM item) u WHERE x = $1",
        ["item (product)", "item (product, price)", "item (product) INCLUDE (price)"],
    ),
    "in a sub-select": (
        "SELECT * FROM customer c WHERE EXISTS (SELECT * FROM orders o WHERE o.customer_id = c.id AND o.total > 900)",
        ["orders (customer_id, total)", "orders (customer_id) INCLUDE (total)"],
    ),
    "through IN": (
        "SELECT count(*) FROM item WHERE product IN (SELECT line FROM item i WHERE shipped = $1)",
        ["item (product)", "item (shipped, line)", "item (line, shipped)"],
    ),
    "through a view": (
        "SELECT id FROM open_orders WHERE buyer = $1 ORDER BY created",
        ["orders (customer_id, created)"],
    ),
    "rows to change": (
        "UPDATE orders SET status = 'done' WHERE status = $1 AND created < $2",
        ["orders (status, created)"],
    ),
    "rows after a row": (
        "SELECT * FROM orders WHERE (created, id) > ($1, $2) ORDER BY created, id LIMIT 20",
        ["orders (created, id)"],
    ),
    "a partitioned table": ("SELECT * FROM event WHERE kind = $1 AND at > $2", ["event (kind, at)"]),
    "odd names": (
        'SELECT count("Ünï") FROM "We""ird"."Or der" WHERE "user" = 3 AND "a""b" > 5',
        ['"We""ird"."Or der" ("user", "a""b")', '"We""ird"."Or der" ("user", "a""b") INCLUDE ("Ünï")'],
    ),
    "odd names in an expression": (
        'SELECT * FROM "We""ird"."Or der" WHERE lower("Ünï") = $1 AND "user" + "a""b" = 7',
        ['"We""ird"."Or der" ((lower("Ünï")))', '"We""ird"."Or der" (("user" + "a""b"))'],
    ),
    "texts of pg_stat_statements": (
        "SELECT * FROM orders WHERE status = $1 AND created > date $2 - interval $3 LIMIT $4",
        ["orders (status, created)"],
    ),
}


@pytest.mark.parametrize("case", PROPOSED)
def test_what_is_proposed(shop: Any, case: str) -> None:
    sql, expected = PROPOSED[case]
    found = texts(shop.snapshot, sql)
    assert not set(expected) - set(found), found


def test_everything_that_is_proposed_can_be_built(shop: Any) -> None:
    found = made(shop.snapshot, *(sql for sql, _ in PROPOSED.values()))
    assert len(found.indexes) > 100
    with psycopg.connect(shop.conninfo) as connection:
        for candidate in found.indexes:
            (sql,) = forward(Change((candidate.index,)), online=False)
            connection.execute(sql.encode())
        connection.rollback()


# What is not

SILENT = {
    "there as the primary key": ("SELECT id FROM orders WHERE id = $1", r"orders \(id\)$"),
    "there as the beginning of another": ("SELECT * FROM item WHERE order_id = $1", r"item \(order_id\)$"),
    "one row by a unique index": (
        "SELECT * FROM customer WHERE email = $1 AND city = $2",
        r"customer \(email, city\)$",
    ),
    "there as a partial index": (
        "SELECT id FROM orders WHERE paid IS NULL AND total = 5",
        r"orders \(total\)( INCLUDE \(id\))? WHERE",
    ),
    "a table of one page": ("SELECT * FROM tiny WHERE name = $1", r"tiny"),
    "not a condition of one column": ("SELECT * FROM orders WHERE created = paid", r"\("),
    "an inequality": ("SELECT * FROM orders WHERE total <> $1", r"\(total"),
    "a condition of most rows": ("SELECT * FROM orders WHERE NOT is_deleted AND created > $1", r"WHERE"),
    "a state that a parameter tells": ("SELECT * FROM orders WHERE status = $1 AND created > $2", r"WHERE"),
    "a constant among many": ("SELECT * FROM item WHERE product = 7 AND shipped > $1", r"WHERE"),
    "a date that depends on the time zone": ("SELECT * FROM orders WHERE created::date = $1", r"date"),
    "a month that depends on the time zone": ("SELECT * FROM orders WHERE date_trunc('month', created) = $1", r"trunc"),
    "a part that a parameter names": ("SELECT * FROM customer WHERE date_trunc($1, born) = $2", r"trunc"),
    "a key that a parameter names": ("SELECT * FROM customer WHERE data ->> $1 = $2", r"data"),
    "words in a configuration that is not named": (
        "SELECT * FROM customer WHERE to_tsvector(city) @@ plainto_tsquery($1)",
        r"tsvector",
    ),
    "a function that changes": ("SELECT * FROM orders WHERE total + random() > 5", r"random"),
    "a column that is sought in an array": ("SELECT * FROM customer WHERE 't1' = ANY (tags)", r"tags"),
    "whole rows": ("SELECT * FROM orders WHERE customer_id = $1", r"INCLUDE"),
    "whole rows by their name": ("SELECT count(o) FROM orders o WHERE total = $1", r"INCLUDE"),
    "rows that are changed": ("UPDATE orders SET total = total + 1 WHERE status = $1", r"INCLUDE"),
    "rows that are locked": ("SELECT id, total FROM orders WHERE status = $1 FOR UPDATE", r"INCLUDE"),
    "a long text": ("SELECT note FROM customer WHERE city = $1", r"note"),
    "a document to sort by": ("SELECT id FROM customer ORDER BY data", r"data"),
    "the place of a row": ("SELECT ctid FROM orders WHERE status = $1", r"ctid|INCLUDE"),
    "what HAVING asks": ("SELECT customer_id FROM orders GROUP BY customer_id HAVING sum(total) > 7", r"s \(total"),
    "block ranges of a small table": ("SELECT * FROM orders WHERE created > $1", r"brin"),
    "a LIKE without trigrams": ("SELECT * FROM customer WHERE city LIKE '%x%'", r"city"),
    "a range of numbers that tell single rows apart": (
        "SELECT * FROM orders WHERE total BETWEEN 10 AND 20",
        r"WHERE",
    ),
    "a range of most rows": ("SELECT avg(amount) FROM item WHERE price > 10", r"WHERE"),
    "a range that is a parameter": ("SELECT avg(amount) FROM item WHERE price > $1 AND price < $2", r"WHERE"),
    "ranges of two statements parts that are most rows together": (
        "SELECT (SELECT avg(amount) FROM item WHERE price < 20), (SELECT sum(amount) FROM item WHERE price > 70)",
        r"WHERE",
    ),
    "a range of days": ("SELECT amount FROM item WHERE shipped BETWEEN '2024-01-01' AND '2024-01-05'", r"WHERE"),
    "a range in one branch of an OR": ("SELECT amount FROM item WHERE price < 5 OR amount = 3", r"WHERE price"),
    "a range that is forbidden": ("SELECT amount FROM item WHERE price NOT BETWEEN 5 AND 80", r"WHERE"),
    "a negated list": (
        "SELECT * FROM orders WHERE customer_id NOT IN (SELECT id FROM customer)",
        r"orders \(customer_id",
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_what_is_not_proposed(shop: Any, case: str) -> None:
    sql, pattern = SILENT[case]
    assert not [found for found in texts(shop.snapshot, sql) if re.search(pattern, found)]


def test_a_partial_index_serves_no_other_condition(shop: Any) -> None:
    found = texts(shop.snapshot, "SELECT id FROM orders WHERE total = 5")
    assert "orders (total)" in found
    assert "orders (total) WHERE status = 'open'" in texts(
        shop.snapshot, "SELECT * FROM orders WHERE total = 5 AND status = 'open'"
    )


@pytest.mark.parametrize(
    ("server", "ours"),
    [
        ("(status = 'open'::text)", ["status = 'open'"]),
        (
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            ["status IN ('a', 'b')"],
        ),
        ("(is_deleted AND (status = ANY (ARRAY['a'::text, 'b'::text])))", ["status IN ('a', 'b')", "is_deleted"]),
        ("(NOT is_deleted)", ["NOT is_deleted"]),
        ("((price >= (10)::numeric) AND (price <= (20)::numeric))", ["price >= 10 AND price <= 20"]),
        ("(is_deleted = false)", ["NOT is_deleted"]),
        ("(paid IS NULL)", ["paid IS NULL"]),
    ],
)
def test_predicates_are_known_again_as_the_server_writes_them(server: str, ours: list[str]) -> None:
    assert existing._conjuncts(server) == existing._conjuncts(" AND ".join(ours))


def test_columns_of_a_star_that_nobody_asks_for_are_not_carried(shop: Any) -> None:
    found = texts(shop.snapshot, "SELECT product FROM (SELECT * FROM item) i WHERE shipped = $1")
    assert "item (shipped) INCLUDE (product)" in found
    assert not [index for index in found if "words" in index]


def test_an_existing_index_that_a_candidate_answers_for_is_named(shop: Any) -> None:
    found = {
        text(c): c
        for c in made(shop.snapshot, "SELECT * FROM orders WHERE customer_id = $1 ORDER BY created DESC").indexes
    }
    longer = found["orders (customer_id, created)"]
    assert longer.replaces == ("orders_customer",)
    assert "existing-extended" in longer.kinds
    assert found["orders (created)"].replaces == ()
    keys = {
        text(c): c
        for c in made(shop.snapshot, "SELECT line, product FROM item WHERE order_id = $1 AND line = 2").indexes
    }
    assert keys["item (order_id, line) INCLUDE (product)"].replaces == ()  # the primary key stays


def test_a_beginning_needs_another_operator_class_where_texts_are_in_the_order_of_a_language(shop: Any) -> None:
    databases = tuple(replace(d, collate="en_US.UTF-8") for d in shop.snapshot.catalog.databases)
    snapshot = replace(shop.snapshot, catalog=replace(shop.snapshot.catalog, databases=databases))
    found = texts(snapshot, "SELECT * FROM customer WHERE email LIKE 'abc%' AND lower(city) LIKE 'x%'")
    assert {"customer (email varchar_pattern_ops)", "customer ((lower(city)) text_pattern_ops)"} <= set(found)


def test_trigrams_are_proposed_where_the_server_has_them_and_noted_where_not(shop: Any) -> None:
    sql = "SELECT * FROM customer WHERE upper(city) LIKE upper($1)"
    without = made(shop.snapshot, sql)
    assert ["pg_trgm" in note for note in without.notes] == [True]
    trgm = Extension(1, "pg_trgm", "public", "1.6", None, True)
    catalog = replace(shop.snapshot.catalog, extensions=(*shop.snapshot.catalog.extensions, trgm))
    found = made(replace(shop.snapshot, catalog=catalog), sql, "SELECT * FROM customer WHERE city ILIKE '%x%'")
    assert not found.notes
    assert {"customer USING gin ((upper(city)) gin_trgm_ops)", "customer USING gin (city gin_trgm_ops)"} <= set(
        map(text, found.indexes)
    )


def test_a_date_that_depends_on_the_time_zone_is_noted_with_the_way_out(shop: Any) -> None:
    (note,) = made(shop.snapshot, "SELECT count(*) FROM orders WHERE created::date = $1 AND abs(total) = 2").notes
    assert "created::date of public.orders" in note
    assert "range of created" in note
    assert not made(shop.snapshot, "SELECT count(*) FROM customer WHERE born::date = $1 AND joined + $2 > $3").notes


def test_words_without_a_configuration_are_noted(shop: Any) -> None:
    (note,) = made(shop.snapshot, "SELECT city FROM customer WHERE to_tsvector(city) @@ to_tsquery($1)").notes
    assert "Name the configuration" in note


def test_a_state_that_few_calls_ask_for_gets_no_index_of_its_own(shop: Any) -> None:
    asked = WorkloadStatement("SELECT * FROM orders WHERE status = 'open' AND created > $1", calls=5)
    other = WorkloadStatement("SELECT * FROM orders WHERE total = $1", calls=1000)
    assert not [c for c in candidates([asked, other], shop.snapshot).indexes if c.index.predicate]
    assert [c for c in candidates([replace(asked, calls=50), other], shop.snapshot).indexes if c.index.predicate]


def test_a_known_value_of_a_parameter_tells_what_a_literal_would(shop: Any) -> None:
    statement = WorkloadStatement("SELECT * FROM orders WHERE status = $1 AND created > $2", parameters={1: "open"})
    assert "orders (created) WHERE status = 'open'" in map(text, candidates([statement], shop.snapshot).indexes)
    zone = WorkloadStatement("SELECT * FROM orders WHERE (created AT TIME ZONE $1)::date = $2", parameters={1: "UTC"})
    assert "orders (((created AT TIME ZONE 'UTC')::date))" in map(text, candidates([zone], shop.snapshot).indexes)
    key = WorkloadStatement(
        "SELECT * FROM customer WHERE data ->> $1 = $2 AND data -> $3 = $4", parameters={1: "it's", 3: 2}
    )
    assert {"customer ((data ->> 'it''s'))", "customer ((data -> 2))"} <= set(
        map(text, candidates([key], shop.snapshot).indexes)
    )


def test_a_known_value_of_a_range_is_one_call_s(shop: Any) -> None:
    statement = WorkloadStatement("SELECT avg(amount) FROM item WHERE price < $1", parameters={1: 20})
    assert not [c for c in candidates([statement], shop.snapshot).indexes if c.index.predicate]


# Statements


def test_each_candidate_tells_the_statements_that_it_may_serve(shop: Any) -> None:
    found = made(
        shop.snapshot,
        "SELECT sum(price) FROM item WHERE product = $1",
        "SELECT count(*) FROM item WHERE shipped = $1",
        "SELECT product, sum(price) FROM item GROUP BY product",
        "SELECT * FROM orders WHERE is_deleted AND customer_id = $1",
        "SELECT * FROM orders WHERE customer_id = $1",
    )
    serves = {text(candidate): candidate.serves for candidate in found.indexes}
    assert serves["item (product)"] == {0, 2}
    assert serves["item (product) INCLUDE (price)"] == {0, 2}
    assert serves["item (shipped)"] == {1}
    assert serves["orders (customer_id) WHERE is_deleted"] == {3}


def test_two_candidates_of_one_beginning_are_merged(shop: Any) -> None:
    found = made(
        shop.snapshot,
        "SELECT amount FROM item WHERE product = $1",
        "SELECT price FROM item WHERE product = $1 AND shipped = $2",
    )
    merged = {text(c): c for c in found.indexes}["item (product, shipped) INCLUDE (amount, price)"]
    assert merged.serves == {0, 1}
    assert "merged" in merged.kinds


def test_what_cannot_be_used_is_told_and_the_rest_is_served(shop: Any) -> None:
    found = made(
        shop.snapshot,
        "SELECT FROM WHERE",
        "SELECT * FROM nowhere, orders WHERE orders.total = nowhere.x",
        "SELECT 1; SELECT 2",
        "",
        "VACUUM orders",
        "SELECT * FROM orders WHERE total = $1",
        "SELECT * FROM orders WHERE " + "NOT (" * 3000 + "is_deleted" + ")" * 3000,
        "SELECT 1",
        "SELECT * FROM public.customer WHERE missing_column = 1",
    )
    assert [problem.statement for problem in found.problems] == [0, 1, 2, 3, 4, 6]
    assert "nowhere" in found.problems[1].reason
    assert {number for candidate in found.indexes for number in candidate.serves} == {5}


def test_the_bounds_keep_the_most_promising(shop: Any) -> None:
    statements = [sql for sql, _ in PROPOSED.values()]
    everything = made(shop.snapshot, *statements)
    few = made(shop.snapshot, *statements, bounds=Bounds(total=10))
    assert [text(c) for c in few.indexes] == [text(c) for c in everything.indexes[:10]]
    assert few.left_out == everything.left_out + len(everything.indexes) - 10


def test_the_same_workload_gives_the_same_candidates_under_names_of_their_own(shop: Any) -> None:
    statements = [sql for sql, _ in PROPOSED.values()]
    one, other = made(shop.snapshot, *statements), made(shop.snapshot, *statements)
    assert one == other
    names = [(c.index.schema, c.index.name) for c in one.indexes]
    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 63 for _, name in names)
    taken = {(schema, name) for schema, held in shop.snapshot.catalog.relation_names.items() for name in held}
    assert not taken & set(names)


def test_without_statistics_small_tables_are_not_passed_over(shop: Any) -> None:
    bare = replace(shop.snapshot, statistics=replace(shop.snapshot.statistics, tables=(), columns=()))
    assert "tiny (name)" in texts(bare, "SELECT * FROM tiny WHERE name = $1")


def test_of_candidates_that_do_the_same_for_a_statement_the_smallest_is_worth_a_look(shop: Any) -> None:
    found = made(
        shop.snapshot,
        "SELECT sum(price) FROM item WHERE product = $1",
        "SELECT sum(price), count(shipped), sum(amount) FROM item WHERE product = $1 AND line = 2",
        "SELECT city FROM customer WHERE joined > $1",
        bounds=Bounds(looks=12),
    )
    looks = {number: [text(found.indexes[position]) for position in held] for number, held in found.looks.items()}
    assert set(looks) == {0, 1, 2}
    assert {"item (product)", "item (product, price)"} <= set(looks[0][:3])
    assert all(len(held) == len(set(held)) <= 12 for held in looks.values())
    assert not [index for index in looks[2] if index.startswith("item")]
    wide = "item (product, line) INCLUDE (amount, price, shipped)"
    assert wide in looks[1]
    assert wide not in looks[0][:5]


def test_every_look_is_at_a_candidate_that_serves_the_statement(shop: Any) -> None:
    found = made(shop.snapshot, *(sql for sql, _ in PROPOSED.values()))
    for number, held in found.looks.items():
        assert all(number in found.indexes[position].serves for position in held)
    assert {number for candidate in found.indexes for number in candidate.serves} == set(found.looks)
