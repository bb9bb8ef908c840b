"""Rows made from statistics: as many, as skewed, with every key in place."""

from collections.abc import Iterator

import psycopg
import pytest

from dbwright.embedded import EmbeddedServer
from dbwright.model.snapshot import Snapshot
from dbwright.prove import copies, filler
from dbwright.prove.segments import possible

Rows = list[tuple[object, ...]]


class Filled:
    """The real database and the one made from its statistics."""

    def __init__(
        self, real: psycopg.Connection[tuple[object, ...]], made: psycopg.Connection[tuple[object, ...]]
    ) -> None:
        self.real, self.made = real, made
        self.notes: tuple[str, ...] = ()

    def both(self, text: str) -> tuple[float, float]:
        answers = [side.execute(text.encode()).fetchone() for side in (self.real, self.made)]
        real, made = (float(str(answer[0])) for answer in answers if answer)
        return real, made


@pytest.fixture(scope="module")
def filled(server: EmbeddedServer, shop_template: str, snapshot: Snapshot) -> Iterator[Filled]:
    with copies.own_server(server.major, 0) as (own, password):
        made = copies.new_database(own, password, "before")
        notes = filler.fill(snapshot, 1.0, 1, own, made, lambda _step, _share: None)
        with (
            psycopg.connect(server.conninfo(shop_template), autocommit=True) as real,
            psycopg.connect(made, autocommit=True) as connection,
        ):
            connection.execute("ANALYZE")
            both = Filled(real, connection)
            both.notes = notes
            yield both


def test_what_is_otherwise_is_told(filled: Filled) -> None:
    (note,) = filled.notes
    assert note.startswith("customer.shown is generated in production")


@pytest.mark.parametrize("table", ["store", "customer", "orders", "line", "parcel", "detail"])
def test_as_many_rows(filled: Filled, table: str) -> None:
    real, made = filled.both(f"SELECT count(*) FROM {table}")
    assert made == pytest.approx(real, rel=0.02)


@pytest.mark.parametrize(
    "condition",
    [
        "orders WHERE status = 'sent'",
        "orders WHERE status = 'paid'",
        "orders WHERE placed < '2024-03-01'",
        "orders WHERE placed BETWEEN '2024-02-01' AND '2024-02-15'",
        "orders WHERE store_id = 1",
        "orders WHERE store_id IS NULL",
        "orders WHERE store_id > 20",
        "orders WHERE customer_id < 100",
        "customer WHERE level = 3",
        "customer WHERE joined > '2021-06-01'",
        "customer WHERE score < 20",
        "customer WHERE parent_id IS NULL",
        "customer WHERE key < '80000000-0000-0000-0000-000000000000'",
        "customer WHERE tags @> ARRAY['t1']",
        "line WHERE amount >= 10",
        "line WHERE number = 1",
    ],
)
def test_selectivities_are_reproduced(filled: Filled, condition: str) -> None:
    real, made = filled.both(f"SELECT count(*) FROM {condition}")
    rows = filled.both(f"SELECT count(*) FROM {condition.split()[0]}")[0]
    assert abs(made - real) <= max(0.03 * rows, 5)


@pytest.mark.parametrize("distinct", ["customer_id", "store_id", "status", "address", "placed"])
def test_as_many_different_values(filled: Filled, distinct: str) -> None:
    real, made = filled.both(f"SELECT count(DISTINCT {distinct}) FROM orders")
    assert made == pytest.approx(real, rel=0.2)


def test_estimates_agree_with_the_rows_that_are_there(filled: Filled) -> None:
    for condition in ("status = 'gone'", "placed > '2024-06-01'", "customer_id = 5"):
        explained = filled.made.execute(
            f"EXPLAIN (FORMAT JSON) SELECT * FROM orders WHERE {condition}".encode()
        ).fetchall()
        estimate = explained[0][0][0]["Plan"]["Plan Rows"]  # type: ignore[index]
        _, there = filled.both(f"SELECT count(*) FROM orders WHERE {condition}")
        assert abs(estimate - there) <= 300 + 0.1 * there


def test_order_on_disk_is_kept(filled: Filled) -> None:
    text = "SELECT correlation FROM pg_stats WHERE tablename = 'orders' AND attname = '{}'"
    assert filled.both(text.format("placed"))[1] > 0.95
    real, made = filled.both(text.format("address"))
    assert abs(real - made) < 0.2


def test_keys_hold(filled: Filled) -> None:
    """The constraints were really made, which checks every row."""
    text = (
        "SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u', 'f', 'c') AND convalidated"
        " AND connamespace = 'public'::regnamespace"
    )
    real, made = (sorted(side.execute(text.encode()).fetchall()) for side in (filled.real, filled.made))
    assert real == made


def test_frequent_values_can_be_looked_up(filled: Filled) -> None:
    assert filled.both("SELECT count(*) FROM store WHERE slug = 'store-7'") == (1, 1)
    real, made = filled.both("SELECT count(*) FROM orders o JOIN store s ON s.id = o.store_id WHERE s.id = 1")
    assert made == pytest.approx(real, rel=0.1)


def test_new_rows_follow(filled: Filled) -> None:
    with filled.made.transaction(force_rollback=True):
        put_in(filled.made)


def put_in(made: psycopg.Connection[tuple[object, ...]]) -> None:
    made.execute(
        "INSERT INTO orders (customer_id, status, placed) SELECT customer_id, status, placed FROM orders LIMIT 5"
    )
    made.execute("INSERT INTO customer (email, level, key) VALUES ('new@mail.example', 1, gen_random_uuid())")


def test_the_same_seed_makes_the_same_rows(snapshot: Snapshot, filled: Filled, server: EmbeddedServer) -> None:
    text = "SELECT md5(string_agg(o::text, ';' ORDER BY id)) FROM orders o WHERE id % 100 = 0"
    answers = []
    for seed in (1, 2):
        with copies.own_server(server.major, 0) as (own, password):
            made = copies.new_database(own, password, "before")
            filler.fill(snapshot, 1.0, seed, own, made, lambda _step, _share: None)
            with psycopg.connect(made) as connection:
                connection.execute("SET timezone = 'UTC'")
                answers.append(connection.execute(text.encode()).fetchone())
    filled.made.execute("SET timezone = 'UTC'")
    assert answers[0] == filled.made.execute(text.encode()).fetchone()
    assert answers[0] != answers[1]


def test_values_are_drawn_from_more_than_come_up() -> None:
    assert possible(100, 1_000_000) == pytest.approx(100, rel=0.01)
    assert possible(632, 1000) == pytest.approx(1000, rel=0.01)
    assert possible(1000, 1000) >= 1e6


def test_without_statistics_it_is_refused(snapshot: Snapshot) -> None:
    from dataclasses import replace

    from dbwright.model.statistics import Statistics

    bare = replace(snapshot, statistics=Statistics())
    with (
        pytest.raises(filler.NothingToFillFrom, match="no rows"),
        filler.of_statistics(bare, 1, 1, lambda _a, _b: None),
    ):
        pass
    without = replace(snapshot, statistics=replace(snapshot.statistics, columns=()))
    with (
        pytest.raises(filler.NothingToFillFrom, match="columns"),
        filler.of_statistics(without, 1, 1, lambda _a, _b: None),
    ):
        pass


def test_a_disk_that_is_too_small_is_told_before() -> None:
    with pytest.raises(copies.NoRoom, match="are free"), copies.own_server(None, 1e18):
        pass
