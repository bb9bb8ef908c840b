"""Aggregates that are called often are kept, where the arithmetic says that it pays; what is kept answers the statement."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from loaded import Loaded, loaded

from dbwright.advise.evidence import Evidence
from dbwright.advise.measures import kept_aggregate
from dbwright.embedded import EmbeddedServer
from dbwright.model.advice import Effect, Measure
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom

PROMOS = """
CREATE TABLE promo (id int PRIMARY KEY, title text NOT NULL, store int NOT NULL);
CREATE TABLE event (
    id int PRIMARY KEY, promo_id int REFERENCES promo, kind text NOT NULL, created timestamptz NOT NULL, seconds int NOT NULL
);
INSERT INTO promo SELECT g, 'promo ' || g, g % 40 FROM generate_series(1, 2000) g;
INSERT INTO event
    SELECT g, 1 + g * 31 % 2000, (ARRAY['view', 'click', 'copy'])[1 + g % 3], '2024-01-01'::timestamptz + g * interval '1 minute', g % 60
    FROM generate_series(1, 60000) g;
CREATE INDEX event_promo ON event (promo_id);
"""
TOP = "SELECT promo_id, count(*) AS total FROM event WHERE kind = $1 GROUP BY promo_id ORDER BY total DESC LIMIT 10"
RANKED = (
    "SELECT p.id, p.title, p.store, count(e.id) AS total FROM promo p LEFT JOIN event e ON e.promo_id = p.id"
    " GROUP BY p.id, p.title, p.store ORDER BY total DESC LIMIT 10"
)
DAILY = "SELECT kind, count(*), sum(seconds) FROM event WHERE created >= $1 AND created < $2 GROUP BY kind"
WEEK = (
    "SELECT p.id, sum(CASE WHEN e.created >= $1 THEN e.seconds ELSE $2 END) AS lately FROM promo p LEFT JOIN event e ON"
    " e.promo_id = p.id GROUP BY p.id ORDER BY lately DESC"
)


@pytest.fixture(scope="module")
def promos(server: EmbeddedServer) -> Iterator[Loaded]:
    with loaded(server, "advise_promos", PROMOS, 10) as promos:
        yield promos


@pytest.fixture(scope="module")
def phantom(promos: Loaded) -> Iterator[Phantom]:
    with Phantom.of(promos.snapshot) as phantom:
        yield phantom


def judged(
    phantom: Phantom,
    sql: str,
    calls: float = 100_000,
    snapshot: Snapshot | None = None,
    others: float = 0.0,
    hours: float | None = 10.0,
) -> list[Measure]:
    """Beside a statement that takes ``others`` as much time."""
    with phantom.session() as session:
        statements = [
            WorkloadStatement(sql, calls, 20.0, hours=hours),
            WorkloadStatement("SELECT 1 FROM promo", others, 20.0 * calls, hours=hours),
        ]
        costs = [session.plan(s.sql).cost for s in statements]
        effects = [
            Effect(s, cost, cost, weight=s.calls * (s.mean_milliseconds or 0.0) / cost)
            for s, cost in zip(statements, costs, strict=True)
        ]
        with Evidence(session, snapshot or phantom.snapshot, effects, ()) as evidence:
            return list(kept_aggregate.measures(evidence))


def make(connection: psycopg.Connection, measure: Measure) -> str:
    """Make the view; its name."""
    for statement in re.sub(r"--[^\n]*", "", measure.change).replace("CONCURRENTLY ", "").split(";\n"):
        connection.execute(statement.rstrip("; \n").encode())
    found = re.search(r"CREATE MATERIALIZED VIEW (\S+)", measure.change)
    assert found is not None
    return found[1]


def same(connection: psycopg.Connection, one: str, other: str) -> bool:
    first, second = (Counter(connection.execute(text.encode()).fetchall()) for text in (one, other))
    return bool(first) and first == second


def test_a_column_that_calls_ask_for_becomes_a_key(promos: Loaded, phantom: Phantom) -> None:
    (measure,) = judged(phantom, TOP)
    assert measure.verdict == "advised"
    assert measure.before is not None
    assert measure.after is not None
    assert measure.after < measure.before / 5
    with psycopg.connect(promos.conninfo) as connection:
        view = make(connection, measure)
        assert same(
            connection,
            "SELECT promo_id, count(*) FROM event WHERE kind = 'click' GROUP BY promo_id",
            f"SELECT promo_id, total FROM {view} WHERE kind = 'click'",
        )
        connection.rollback()


def test_a_time_that_calls_ask_for_becomes_a_day(promos: Loaded, phantom: Phantom) -> None:
    (measure,) = judged(phantom, DAILY)
    assert "whole days" in measure.price
    with psycopg.connect(promos.conninfo) as connection:
        view = make(connection, measure)
        assert same(
            connection,
            "SELECT kind, count(*), sum(seconds) FROM event WHERE created >= '2024-01-05' AND created < '2024-01-20' GROUP BY kind",
            f"SELECT kind, sum(value_1), sum(value_2)::int8 FROM {view} WHERE created_day >= '2024-01-05' AND created_day < '2024-01-20'"
            " GROUP BY kind",
        )
        connection.rollback()


def test_a_ranking_is_kept_by_its_key_and_a_counter_weighed(promos: Loaded, phantom: Phantom) -> None:
    (measure,) = judged(phantom, RANKED)
    assert re.search(r"GROUP BY p\.id;", measure.change), "the key decides the rest"
    assert any("A counter in promo instead: 250.0 writes to event an hour" in text for text in measure.evidence)
    with psycopg.connect(promos.conninfo) as connection:
        view = make(connection, measure)
        assert same(connection, RANKED.partition(" ORDER")[0], f"SELECT p.*, total FROM {view} JOIN promo p USING (id)")
        connection.rollback()


def test_a_key_decides_what_joins_tie_to_it(promos: Loaded, phantom: Phantom) -> None:
    statement = (
        "SELECT e.promo_id, p.title, count(e.id) AS total FROM event e JOIN promo p ON p.id = e.promo_id WHERE p.store = $1"
        " GROUP BY e.promo_id, p.title ORDER BY total DESC LIMIT 10"
    )
    (measure,) = judged(phantom, statement)
    assert "GROUP BY e.promo_id;" in measure.change
    assert "store" not in measure.change, "asked when the view is joined with promo"
    with psycopg.connect(promos.conninfo) as connection:
        view = make(connection, measure)
        assert same(
            connection,
            statement.replace("$1", "7").partition(" ORDER")[0],
            f"SELECT promo_id, title, total FROM {view} JOIN promo p ON p.id = promo_id WHERE p.store = 7",
        )
        connection.rollback()


def test_what_an_outer_join_leaves_null_decides_nothing(phantom: Phantom) -> None:
    statement = (
        "SELECT e.promo_id, p.title, count(e.id) FROM event e LEFT JOIN promo p ON p.id = e.promo_id AND e.kind = 'copy'"
        " GROUP BY e.promo_id, p.title"
    )
    for measure in judged(phantom, statement):
        assert "GROUP BY e.promo_id, p.title;" in measure.change


def test_many_writes_eat_up_what_a_counter_saves(phantom: Phantom) -> None:
    tables = tuple(replace(row, inserted=10**9) for row in phantom.snapshot.statistics.tables)
    written = replace(phantom.snapshot, statistics=replace(phantom.snapshot.statistics, tables=tables))
    (measure,) = judged(phantom, RANKED, snapshot=written)
    assert any("would eat up" in text for text in measure.evidence)


def test_values_inside_what_is_added_up_are_named(phantom: Phantom) -> None:
    (measure,) = judged(phantom, WEEK)
    assert measure.confidence == "low"
    assert any("only if $1 and $2 are the same" in text for text in measure.evidence)
    assert not any("A counter in" in text for text in measure.evidence), "a counter does not forget after seven days"


def test_it_does_not_pay_for_few_calls(phantom: Phantom) -> None:
    (measure,) = judged(phantom, TOP, calls=3)
    assert measure.verdict == "not advised"
    assert any("so it pays up to" in text for text in measure.evidence)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT promo_id, kind, created, count(*) FROM event GROUP BY promo_id, kind, created",  # condenses nothing
        "SELECT count(*) FROM event WHERE seconds > $1",  # a value that changes from call to call
        "SELECT count(DISTINCT promo_id) FROM event WHERE kind = $1 AND created >= $2",  # parts do not add up
        "SELECT count(*) FROM promo p JOIN event e ON e.promo_id = p.id WHERE p.title LIKE $1",
        "SELECT * FROM event WHERE kind = $1",
        "SELECT count(*) FROM event WHERE id = $1",  # an index answers it
    ],
)
def test_what_cannot_be_kept(phantom: Phantom, sql: str) -> None:
    assert judged(phantom, sql) == []


def test_a_small_part_of_the_workload_is_left_alone(phantom: Phantom) -> None:
    assert judged(phantom, TOP, others=1000.0) == []


def test_without_a_rate_nothing_is_judged(phantom: Phantom) -> None:
    (measure,) = judged(phantom, TOP, hours=None)
    assert measure.verdict == "not judged"
