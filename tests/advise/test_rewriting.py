"""Statements written otherwise give the same rows, on real ones; those that would not are left alone."""

import importlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dbwright.advise.evidence import Evidence
from dbwright.advise.measures import kinds
from dbwright.advise.rewriting import select_of, text_of
from dbwright.model.advice import Effect
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom

SAME = {
    "not_in": [
        "SELECT id FROM customer WHERE id NOT IN (SELECT customer_id FROM orders WHERE status = 'sent')",
        "SELECT c.id FROM customer c WHERE c.city = 'city7' AND c.id NOT IN (SELECT o.customer_id FROM orders o WHERE total > 900)"
        " ORDER BY 1",
        "SELECT id FROM orders WHERE id NOT IN (SELECT id FROM tiny) AND total < 30",
        "SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM item i JOIN tiny t ON t.id = i.product) AND total > 900",
    ],
    "correlated_scalar": [
        "SELECT id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) FROM customer c WHERE id % 3 = 0",
        "SELECT id, (SELECT max(total) FROM orders o WHERE o.customer_id = c.id + 1 AND status = 'done') AS most FROM customer c",
        "SELECT *, (SELECT sum(i.amount * i.price) / 2 FROM item i WHERE i.order_id = o.id) FROM orders o WHERE o.total < 20",
        "SELECT o.id FROM orders o, customer c WHERE c.id = o.customer_id AND o.total > (SELECT 1.2 * avg(total) FROM orders p"
        " WHERE p.customer_id = c.id AND p.is_deleted = o.is_deleted)",
        "SELECT (SELECT count(paid) FROM orders o WHERE o.customer_id = c.id), (SELECT min(total) FROM orders o WHERE"
        " o.customer_id = c.id) FROM customer c LEFT JOIN tiny t USING (id) WHERE c.id < 200",
    ],
    "range_of_column": [
        "SELECT id FROM orders WHERE created::date = '2024-03-31'",
        "SELECT id FROM orders WHERE date(created) BETWEEN '2024-03-30' AND '2024-04-01' AND status = 'done'",
        "SELECT id FROM orders WHERE date(created) > '2024-05-01' AND '2024-05-03'::date >= created::date",
        "SELECT id FROM orders WHERE (created AT TIME ZONE 'Europe/Zurich')::date = '2024-03-31'",
        "SELECT id FROM customer WHERE extract(year FROM born) = 1993",
        "SELECT id FROM customer WHERE date_part('year', born) <= 1991 AND extract('year' FROM joined) BETWEEN 2023 AND 2024",
        "SELECT id FROM orders WHERE date_trunc('month', created) = '2024-02-01'",
        "SELECT id FROM orders WHERE date_trunc('month', created) < date_trunc('month', '2024-03-05'::timestamptz)",
        "SELECT id FROM orders WHERE date_trunc('month', created) <= date_trunc('month', '2024-03-05'::timestamptz)",
        "SELECT id FROM orders WHERE created::date = '2024-03-01'::date + 30",
    ],
    "count_as_exists": [
        "SELECT id FROM customer c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id AND status = 'sent') > 0",
        "SELECT id FROM customer c WHERE 0 = (SELECT count(*) FROM orders o WHERE o.customer_id = c.id AND status = 'sent')",
        "SELECT count(*) > 0 AS any FROM orders WHERE status = 'sent'",
        "SELECT count(1) <> 0 FROM orders WHERE status = 'nothing'",
        "SELECT id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) >= 1 FROM customer c",
    ],
    "distinct_join": [
        "SELECT DISTINCT c.id, c.email FROM customer c JOIN orders o ON o.customer_id = c.id WHERE o.status = 'sent'",
        "SELECT DISTINCT c.city FROM customer c JOIN orders o ON o.customer_id = c.id JOIN item i ON i.order_id = o.id"
        " WHERE i.product = 17 AND c.id > o.total",
        "SELECT DISTINCT c.id FROM customer c, orders o, item i WHERE o.customer_id = c.id AND i.product = c.id AND o.total > 900"
        " ORDER BY c.id LIMIT 10",
    ],
    "or_across_tables": [
        "SELECT o.id, c.city FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'city7'",
        "SELECT o.id, c.city FROM orders o LEFT JOIN customer c ON c.id = o.total WHERE (o.paid IS NULL OR c.city = 'city7')"
        " AND o.status = 'sent'",
        "SELECT DISTINCT o.status FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'city7' OR"
        " o.status = 'sent' OR c.id = 8",
        "SELECT DISTINCT o.status FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'city7'",
        "SELECT o.id AS nr, c.city FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'city7'"
        " ORDER BY c.city DESC, nr LIMIT 20 OFFSET 3",
    ],
}
LEFT_ALONE = {
    "not_in": [
        "SELECT id FROM customer WHERE id NOT IN (SELECT total FROM orders WHERE paid IS NULL LIMIT 3)",
        "SELECT id FROM orders WHERE total NOT IN (SELECT length(city) FROM customer)",  # an expression may be NULL
        "SELECT id FROM customer WHERE city NOT IN (SELECT name FROM tiny)",  # both may be NULL
        "SELECT c.id FROM tiny t LEFT JOIN customer c ON c.id = t.id WHERE c.id NOT IN (SELECT customer_id FROM orders)",
        "SELECT id FROM orders WHERE id NOT IN (SELECT orders.id FROM orders)",  # one name for two
        "SELECT id FROM customer WHERE id IN (SELECT customer_id FROM orders)",
    ],
    "correlated_scalar": [
        "SELECT id, (SELECT total FROM orders o WHERE o.customer_id = c.id ORDER BY id LIMIT 1) FROM customer c",
        "SELECT id, (SELECT count(*)::text FROM orders o WHERE o.customer_id = c.id) FROM customer c",
        "SELECT id, (SELECT coalesce(sum(total), 0) FROM orders o WHERE o.customer_id = c.id) FROM customer c",
        "SELECT id, (SELECT sum(total) FROM orders o WHERE o.customer_id > c.id) FROM customer c",
        "SELECT id, (SELECT sum(total) FROM orders) FROM customer c",
        "SELECT city, max((SELECT count(*) FROM orders o WHERE o.customer_id = c.id)) FROM customer c GROUP BY city",
        "SELECT *, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) FROM customer c JOIN tiny USING (id)",
        "SELECT id FROM customer c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) < 2",  # 0 is less than 2
    ],
    "range_of_column": [
        "SELECT id FROM orders WHERE created::date = paid::date",
        "SELECT id FROM orders WHERE extract(month FROM created) = 3",
        "SELECT id FROM orders WHERE created::date = now()",  # midnight against now
        "SELECT id FROM orders WHERE date_trunc('month', created) = '2024-02-03'",  # no month begins then
        "SELECT id FROM item WHERE shipped::date = '2024-01-05'",  # a date already
        "SELECT id FROM orders WHERE created::date <> '2024-03-31'",
        "SELECT created::date FROM orders",
    ],
    "count_as_exists": [
        "SELECT id FROM customer c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 1",
        "SELECT id FROM customer c WHERE (SELECT count(paid) FROM orders o WHERE o.customer_id = c.id) > 0",
        "SELECT customer_id, count(*) > 0 FROM orders GROUP BY customer_id",
        "SELECT customer_id FROM orders GROUP BY customer_id HAVING count(*) > 0",
    ],
    "distinct_join": [
        "SELECT DISTINCT c.id, o.status FROM customer c JOIN orders o ON o.customer_id = c.id",
        "SELECT DISTINCT c.id FROM customer c LEFT JOIN orders o ON o.customer_id = c.id",
        "SELECT DISTINCT * FROM customer c JOIN orders o ON o.customer_id = c.id",
        "SELECT DISTINCT ON (c.id) c.id FROM customer c JOIN orders o ON o.customer_id = c.id",
        "SELECT DISTINCT city FROM customer",
    ],
    "or_across_tables": [
        "SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR o.status = 'sent'",
        "SELECT count(*) FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'city7'",
        "SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'x' ORDER BY o.created",
        "SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = 5 OR c.city = 'city7' FOR UPDATE",
        "SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = c.id OR c.city = 'city7'",
    ],
}
PAGED = [
    "SELECT id, total FROM orders ORDER BY total, id LIMIT 7 OFFSET 1000",
    "SELECT id, created FROM orders WHERE status = 'done' ORDER BY created DESC LIMIT 50 OFFSET 2000",
    "SELECT o.id FROM orders AS o WHERE o.total > 100 ORDER BY o.id DESC LIMIT 10 OFFSET 5000",
]
NOT_PAGED = [
    "SELECT id FROM orders ORDER BY id LIMIT 7 OFFSET 20",  # no deep page
    "SELECT id FROM orders ORDER BY id LIMIT $1 OFFSET $2",  # nobody knows how deep
    "SELECT id FROM orders ORDER BY paid, id LIMIT 7 OFFSET 1000",  # NULLs have no place in a comparison
    "SELECT id FROM orders ORDER BY total DESC, id LIMIT 7 OFFSET 1000",  # two directions
    "SELECT id FROM orders ORDER BY lower(status) LIMIT 7 OFFSET 1000",
    "SELECT kind FROM event ORDER BY at LIMIT 7 OFFSET 1000",  # no key to tell rows apart
    "SELECT count(*) FROM orders LIMIT 7 OFFSET 1000",
]


@pytest.fixture(scope="module")
def phantom(shop: Any) -> Iterator[Phantom]:
    with Phantom.of(shop.snapshot) as phantom:
        yield phantom


def rewritten(phantom: Phantom, kind: str, statement: str) -> str | None:
    """The statement as the kind writes it, whatever it costs."""
    module = importlib.import_module(f"dbwright.advise.measures.{kind}")
    with phantom.session() as session:
        effects = [Effect(WorkloadStatement(statement), 1000.0, 1000.0)]
        with Evidence(session, phantom.snapshot, effects, ()) as evidence:
            (observed,) = evidence.observed
            root = select_of(statement)
            assert root is not None
            rewriting = module.rewriting(evidence, observed, root)
    return text_of(rewriting.select) if rewriting else None


def rows(conninfo: str, statement: str, zone: str = "UTC") -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT set_config('timezone', %s, false)", (zone,))
        return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize(("kind", "statement"), [(kind, text) for kind, texts in SAME.items() for text in texts])
def test_the_rows_are_the_same(shop: Any, phantom: Phantom, kind: str, statement: str) -> None:
    otherwise = rewritten(phantom, kind, statement)
    assert otherwise is not None
    for zone in ("UTC", "America/Los_Angeles"):
        before = rows(shop.conninfo, statement, zone)
        assert before, "a statement that gives nothing proves nothing"
        after = rows(shop.conninfo, otherwise, zone)
        assert Counter(map(repr, after)) == Counter(map(repr, before)), otherwise
        if "ORDER BY" in statement:
            assert after == before


@pytest.mark.parametrize(("kind", "statement"), [(kind, text) for kind, texts in LEFT_ALONE.items() for text in texts])
def test_what_could_differ_is_left_alone(phantom: Phantom, kind: str, statement: str) -> None:
    assert rewritten(phantom, kind, statement) is None


@pytest.mark.parametrize("statement", PAGED)
def test_pages_by_key_follow_each_other_as_pages_by_offset_do(shop: Any, phantom: Phantom, statement: str) -> None:
    otherwise = rewritten(phantom, "offset_paging", statement)
    assert otherwise is not None
    body, _, offset = statement.partition(" OFFSET ")
    order = otherwise.partition("ORDER BY ")[2].partition("LIMIT")[0]
    keys = [key.removesuffix(" DESC").strip() for key in order.split(",")]
    columns = body.replace("SELECT ", f"SELECT {', '.join(keys)}, ", 1).partition(" ORDER BY ")
    with psycopg.connect(shop.conninfo) as connection:
        all_rows = connection.execute(f"{columns[0]} ORDER BY {order}".encode()).fetchall()
        limit = int(body.rpartition("LIMIT ")[2])
        last = all_rows[int(offset) - 1][: len(keys)]
        page = psycopg.RawCursor(connection).execute(otherwise.rstrip(";"), last).fetchall()
        expected = [row[len(keys) :] for row in all_rows[int(offset) : int(offset) + limit]]
        assert page == expected


@pytest.mark.parametrize("statement", NOT_PAGED)
def test_paging_that_is_left_alone(phantom: Phantom, statement: str) -> None:
    assert rewritten(phantom, "offset_paging", statement) is None


def test_every_kind_of_rewriting_is_proven() -> None:
    rewriting = {
        kind for kind in kinds() if hasattr(importlib.import_module(f"dbwright.advise.measures.{kind}"), "rewriting")
    }
    assert rewriting == {*SAME, "offset_paging"} == {*LEFT_ALONE, "offset_paging"}
