"""The estimated time beside the planner's cost: what it is made of, and what the choice makes of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from loaded import loaded

from dbwright.advise.advice import advise
from dbwright.advise.costs import NONE, Costs, Price, Scale
from dbwright.advise.effort import Efforts, are_cached
from dbwright.advise.programme import solve
from dbwright.advise.selection import Limits
from dbwright.embedded import EmbeddedServer
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom

ROWS = 40_000
TABLES = f"""
CREATE TABLE part (id int PRIMARY KEY, place int NOT NULL, shade int NOT NULL, note text NOT NULL);
INSERT INTO part SELECT n, n % 100, n % 7, repeat('x', 60) FROM generate_series(1, {ROWS}) n;
CREATE INDEX part_place ON part (place);
"""


@pytest.fixture(scope="module")
def snapshot(server: EmbeddedServer) -> Iterator[Snapshot]:
    with loaded(server, "effort", TABLES) as one:
        yield one.snapshot


def test_the_entries_that_a_filter_leaves_out_are_counted(snapshot: Any) -> None:
    statement = "SELECT note FROM part WHERE place = 5 AND shade = 3"
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        session.configure({"enable_bitmapscan": "off", "enable_seqscan": "off"})
        plan = session.plan(statement)
        assert plan.root["Index Name"] == "part_place"
        assert plan.rows == pytest.approx(ROWS / 700, rel=0.3)
        assert session.entries(statement, plan)[0] == pytest.approx(ROWS / 100, rel=0.1)
        assert session.plan(statement).cost == plan.cost, "nothing of it stays"


def test_rows_that_are_read_one_by_one_take_longer_than_the_same_in_order(snapshot: Any) -> None:
    efforts = Efforts(snapshot)
    with Phantom.of(snapshot) as phantom, phantom.session() as session:
        session.configure({"enable_bitmapscan": "off", "enable_seqscan": "off"})
        scattered = session.plan("SELECT note FROM part WHERE place < 10")
        in_place = session.plan("SELECT note FROM part WHERE id < 4000")
        assert scattered.rows == pytest.approx(in_place.rows, rel=0.1)
        taken = [efforts.of(plan, {}, lambda _: None) for plan in (scattered, in_place)]
    assert 1.5 < taken[0] / taken[1] < 4


def test_time_counts_where_the_data_fits_in_the_cache(snapshot: Any) -> None:
    assert are_cached(snapshot)


def _costs(trap: Price) -> Costs:
    """A statement that candidate 0 helps; with 1 as well the planner takes that, whatever becomes of it."""
    prices = {NONE: Price(100.0, 100.0), frozenset((0,)): Price(60.0, 50.0), frozenset((1,)): trap}
    return Costs({0: prices}, {0: Scale(0.5, 0.5)})


def test_the_planner_takes_what_costs_least_though_it_lasts_longer() -> None:
    costs = _costs(Price(40.0, 190.0))
    assert costs.of(0, {0, 1}) == costs.of(0, {1}) == 115.0
    assert costs.of(0, {0}) == 55.0


def test_an_index_that_the_planner_falls_for_is_not_chosen() -> None:
    chosen = solve(_costs(Price(40.0, 190.0)), {0: 8192, 1: 8192}, {}, 16384, None)
    assert chosen.chosen == {0}
    assert chosen.value == pytest.approx(55.0)
    # Also where something else pays for it: then the statement is taken to get worse.
    for_another = _costs(Price(40.0, 190.0))
    for_another.known[1] = {NONE: Price(1000.0, 1000.0), frozenset((1,)): Price(10.0, 10.0)}
    for_another.scales[1] = Scale(0.5, 0.5)
    both = solve(for_another, {0: 8192, 1: 8192}, {}, 16384, None)
    assert 1 in both.chosen
    assert both.value == pytest.approx(115.0 + 10.0)


def test_one_that_is_better_in_both_is_chosen() -> None:
    assert solve(_costs(Price(40.0, 20.0)), {0: 8192, 1: 8192}, {}, 8192, None).chosen == {1}


def test_a_statement_weighs_what_its_time_was_and_not_what_the_planner_thought(snapshot: Any) -> None:
    dear = "SELECT count(*) FROM part WHERE shade = 3 AND note LIKE '%y%'"
    quick = "SELECT id FROM part WHERE note = 'y'"
    workload = [WorkloadStatement(dear, 10, 0.001), WorkloadStatement(quick, 10, 40.0)]
    with Phantom.of(snapshot) as phantom:
        advice = advise(phantom, workload, Limits(count=1))
    shares = {effect.statement.sql: advice.share_of(effect) for effect in advice.effects}
    assert advice.weighed_by == "time"
    assert shares[quick] > 0.999
    assert [advice.effects[n].statement.sql for n in advice.indexes[0].statements] == [quick]
    assert all(effect.time is not None for effect in advice.effects)


def test_disk_counts_where_no_budget_bounds_it(snapshot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def advised(limits: Limits) -> int:
        with Phantom.of(snapshot) as phantom:
            return len(
                advise(
                    phantom, [WorkloadStatement("SELECT id FROM part WHERE shade = 3 AND place = 5")], limits
                ).indexes
            )

    assert advised(Limits()) == 1
    monkeypatch.setattr("dbwright.advise.advice.DISK", 1e-5)
    assert advised(Limits()) == 0
    assert advised(Limits(bytes=10_000_000)) == 1
