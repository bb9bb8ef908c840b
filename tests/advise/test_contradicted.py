"""Statistics that a unique index contradicts are known, told, and make what is planned with them doubtful."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from loaded import Loaded, loaded

from dbwright.advise.advice import _is_doubtful
from dbwright.advise.candidates import candidates
from dbwright.advise.contradicted import contradicted
from dbwright.advise.evidence import Evidence
from dbwright.advise.measures import distinct_values
from dbwright.embedded import EmbeddedServer
from dbwright.model.advice import Effect
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom

ROWS = 28_000
TABLES = f"""
CREATE TABLE line (order_id int NOT NULL, number int NOT NULL, place int NOT NULL, part int, note text, PRIMARY KEY (order_id, number));
INSERT INTO line SELECT n / 4, n % 4, n % 4, n, 'x' FROM generate_series(0, {ROWS - 1}) n;
CREATE UNIQUE INDEX ON line (part, number);
CREATE UNIQUE INDEX ON line (order_id, place) WHERE note = 'x';
CREATE UNIQUE INDEX ON line ((order_id + 0), number);
"""


@pytest.fixture(scope="module")
def base(server: EmbeddedServer) -> Iterator[Loaded]:
    with loaded(server, "contradicted", TABLES) as one:
        yield one


def told(snapshot: Snapshot, **distinct: float) -> Snapshot:
    """The snapshot with other guesses of how many values columns have."""
    rows = [replace(row, distinct=distinct.get(row.column, row.distinct)) for row in snapshot.statistics.columns]
    return replace(snapshot, statistics=replace(snapshot.statistics, columns=tuple(rows)))


def test_a_guess_below_what_the_key_allows_is_known(base: Loaded) -> None:
    (one,) = contradicted(told(base.snapshot, order_id=2000))
    assert (one.column, one.told, one.least, one.index) == ("order_id", 2000, ROWS / 4, "line_pkey")
    assert one.factor == pytest.approx(3.5)


@pytest.mark.parametrize(
    "distinct",
    [
        {},  # as ANALYZE counted
        {"order_id": 5000},  # within what a guess may be off
        {"order_id": -0.25},  # a share of the rows
        {"part": 100},  # NULLs are as many as they like
    ],
)
def test_what_no_key_contradicts(base: Loaded, distinct: dict[str, float]) -> None:
    assert not list(contradicted(told(base.snapshot, **distinct)))


def test_two_guesses_contradict_each_other_and_nobody_knows_which_is_wrong(base: Loaded) -> None:
    snapshot = told(base.snapshot, order_id=2000)
    rows = [
        replace(row, common_values=(), common_frequencies=()) if row.column == "number" else row
        for row in snapshot.statistics.columns
    ]
    assert not list(contradicted(replace(snapshot, statistics=replace(snapshot.statistics, columns=tuple(rows)))))


def test_the_number_is_advised_to_those_who_ask_for_it(base: Loaded) -> None:
    asked = [
        "SELECT * FROM line WHERE order_id = $1",
        "SELECT order_id, count(*) FROM line GROUP BY order_id",
        "SELECT order_id FROM line WHERE number = 3",
    ]
    effects = [Effect(WorkloadStatement(sql), 100.0, 100.0) for sql in asked]
    wrong = told(base.snapshot, order_id=2000)
    with Phantom.of(wrong) as phantom, phantom.session() as session:
        with Evidence(session, wrong, effects, ()) as evidence:
            (measure,) = distinct_values.measures(evidence)
        with Evidence(session, wrong, effects[2:], ()) as evidence:
            assert not list(distinct_values.measures(evidence))
    assert measure.statements == (0, 1)
    assert "4 rows each at most" in measure.evidence[0]
    with psycopg.connect(base.conninfo, autocommit=True) as connection:
        connection.execute(measure.change.encode())
        row = connection.execute(
            "SELECT n_distinct FROM pg_stats WHERE tablename = 'line' AND attname = 'order_id'"
        ).fetchone()
    assert row is not None
    assert row[0] == pytest.approx(-0.25)


def test_what_joins_by_it_is_doubtful(base: Loaded) -> None:
    found = candidates(
        [WorkloadStatement("SELECT 1 FROM line a JOIN line b ON a.order_id = b.order_id AND b.number = 3")],
        base.snapshot,
    )
    assert {column for _, column in found.joins[0]} == {"order_id"}
    assert _is_doubtful(cost=0.5, time=0.5, off=2.2)
    assert not _is_doubtful(cost=0.4, time=0.4, off=2.2)
    assert not _is_doubtful(cost=0.7, time=0.8, off=0.0)
    assert _is_doubtful(cost=0.8, time=0.1, off=0.0)
    assert _is_doubtful(cost=0.1, time=0.95, off=0.0)
