"""Plans that count on ending early: what they are taken to cost at worst, and what the choice makes of them."""

from collections.abc import Iterator

import pytest
from loaded import loaded

from dbwright.advise.advice import advise
from dbwright.advise.costs import Price, Scale
from dbwright.advise.early_end import exposure
from dbwright.advise.selection import Limits
from dbwright.embedded import EmbeddedServer
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom, Session

ROWS = 60_000
TABLES = f"""
CREATE TABLE channel (id int PRIMARY KEY, kind int NOT NULL);
CREATE TABLE message (id int PRIMARY KEY, channel_id int NOT NULL, state text NOT NULL, at timestamptz NOT NULL, body text NOT NULL);
INSERT INTO channel SELECT n, n % 10 FROM generate_series(1, 1000) n;
INSERT INTO message SELECT n, 1 + n % 1000, CASE WHEN n > {ROWS} * 0.97 THEN 'waits' ELSE 'done' END,
    '2026-01-01'::timestamptz + n * interval '1 minute', repeat('x', 80) FROM generate_series(1, {ROWS}) n;
CREATE INDEX message_at ON message (at);
"""
WAITING = "SELECT body FROM message WHERE state = 'waits' ORDER BY at LIMIT 50"


@pytest.fixture(scope="module")
def snapshot(server: EmbeddedServer) -> Iterator[Snapshot]:
    with loaded(server, "early", TABLES) as one:
        yield one.snapshot


@pytest.fixture(scope="module")
def session(snapshot: Snapshot) -> Iterator[Session]:
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        yield session


def exposed(session: Session, snapshot: Snapshot, statement: str) -> tuple[float, float]:
    plan = session.plan(statement)
    rows = {table.name: float(snapshot.rows(table)) for table in snapshot.catalog.user_tables}
    return plan.cost, exposure(plan, rows.get)


def test_rows_that_wait_may_all_come_last(session: Session, snapshot: Snapshot) -> None:
    cost, more = exposed(session, snapshot, WAITING)
    whole, none = exposed(session, snapshot, "SELECT body FROM message ORDER BY at LIMIT 1000000")
    assert none == 0.0
    assert cost + more == pytest.approx(whole, rel=0.15)
    assert more > 10 * cost


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT body FROM message ORDER BY at LIMIT 50",  # nothing is left out
        "SELECT body FROM message WHERE at > '2026-01-20' ORDER BY at LIMIT 50",  # the index leads to the first
        "SELECT body FROM message WHERE state = 'waits' ORDER BY id + channel_id LIMIT 50",  # all are read and sorted
        "SELECT state, count(*) FROM message GROUP BY state ORDER BY state LIMIT 1",
        "SELECT m.body FROM message m JOIN channel c ON c.id = m.channel_id ORDER BY m.at LIMIT 5",  # each finds its own
        "SELECT body FROM message WHERE state = 'waits'",
    ],
)
def test_what_cannot_come_last(session: Session, snapshot: Snapshot, statement: str) -> None:
    cost, more = exposed(session, snapshot, statement)
    assert more <= cost * 0.01


def test_what_nearly_every_row_fulfils_is_found_soon(session: Session, snapshot: Snapshot) -> None:
    _, more = exposed(session, snapshot, "SELECT body FROM message WHERE state = 'done' ORDER BY at LIMIT 50")
    _, of_few = exposed(session, snapshot, WAITING)
    assert 0 < more < of_few * 0.06


def test_rows_that_a_join_leaves_out_may_come_first_too(session: Session, snapshot: Snapshot) -> None:
    cost, more = exposed(
        session,
        snapshot,
        "SELECT m.body FROM message m JOIN channel c ON c.id = m.channel_id WHERE c.kind = 3 ORDER BY m.at LIMIT 5",
    )
    assert more > cost


def test_an_index_that_also_searches_is_worth_its_bytes(snapshot: Snapshot) -> None:
    with Phantom.of(snapshot) as phantom:
        advice = advise(phantom, [WorkloadStatement(WAITING)], Limits())
    assert [(row.index.keys[0].column, row.index.predicate) for row in advice.indexes] in (
        [("state", None)],
        [("at", "state = 'waits'")],
    )
    assert [effect.at_worst for effect in advice.effects] == [None]


def test_the_risk_is_told_where_nothing_better_is_had(snapshot: Snapshot) -> None:
    unsought = "SELECT body FROM message WHERE body LIKE '%x' AND state <> 'done' ORDER BY channel_id, at LIMIT 20"
    with Phantom.of(snapshot) as phantom:
        advice = advise(phantom, [WorkloadStatement(unsought)], Limits(bytes=3_000_000))
    (effect,) = advice.effects
    assert [row.index.keys[0].column for row in advice.indexes] == ["channel_id"]
    assert effect.at_worst is not None
    assert effect.at_worst > effect.before


def test_only_a_risk_that_is_new_counts() -> None:
    scale = Scale(2.0, exposed=500.0)
    assert scale.value(Price(10.0, 10.0, 500.0)) == scale.value(Price(10.0, 10.0, 0.0)) == 20.0
    assert scale.value(Price(10.0, 10.0, 600.0)) == pytest.approx(2 * (10.0 + 0.2 * 100.0))
