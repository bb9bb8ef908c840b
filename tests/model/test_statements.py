"""Which columns recorded statements filter or join by."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dbwright.collect.sqlite import collect
from dbwright.model.activity import Workload
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import compared_columns, sample_statement


@pytest.fixture
def shop(tmp_path: Path) -> Snapshot:
    path = tmp_path / "a.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE customer (id int, name text); CREATE TABLE orders (id int, customer_id int, note text);"
        )
    found = collect(path)
    tables = {table: replace(table, schema="public") for table in found.catalog.tables}
    catalog = replace(found.catalog, tables=tuple(tables.values()))
    return replace(found, catalog=catalog)


def compared(snapshot: Snapshot, query: str) -> set[str]:
    seen = replace(snapshot, workload=Workload(available=True, statements=(sample_statement(query),)))
    names = {table.oid: table.name for table in seen.catalog.tables}
    return {f"{names[oid]}.{column}" for oid, column in compared_columns(seen)}


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * FROM orders WHERE customer_id = $1", {"orders.customer_id"}),
        ('SELECT * FROM "orders" WHERE "orders"."customer_id" IN ($1, $2)', {"orders.customer_id"}),
        ("SELECT * FROM orders o WHERE o.customer_id = ANY($1)", {"orders.customer_id"}),
        ("SELECT * FROM orders WHERE $1 = orders.customer_id", {"orders.customer_id"}),
        ("SELECT * FROM customer c JOIN orders o ON c.id = o.customer_id", {"customer.id", "orders.customer_id"}),
        (
            "SELECT * FROM orders WHERE (customer_id) IS NULL",
            set(),
        ),  # too unusual to be read; the text says it otherwise
        ("DELETE FROM orders WHERE customer_id IS NULL", {"orders.customer_id"}),
    ],
)
def test_what_is_compared(shop: Snapshot, query: str, columns: set[str]) -> None:
    assert compared(shop, query) == columns


@pytest.mark.parametrize(
    "query",
    [
        'SELECT "orders"."id", "orders"."customer_id" FROM "orders"',
        "UPDATE orders SET customer_id = $1",
        "INSERT INTO orders (id, customer_id) VALUES ($1, $2)",
        "SELECT 1 /* WHERE customer_id = 1 */ FROM orders",
    ],
)
def test_what_is_only_read_or_written(shop: Snapshot, query: str) -> None:
    assert compared(shop, query) == set()


def test_a_filter_does_not_make_the_list_of_set_one(shop: Snapshot) -> None:
    assert compared(shop, "UPDATE orders SET customer_id = $1 WHERE id = $2") == {"orders.id"}


def test_a_bare_name_counts_for_each_table_that_it_may_mean(shop: Snapshot) -> None:
    assert compared(shop, "SELECT * FROM customer JOIN orders USING (id)") == {"customer.id", "orders.id"}
