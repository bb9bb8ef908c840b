"""Workloads at the edge: too many statements, statements too wide, statistics that do not fit: it is told, and the rest is advised."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dbwright.advise import advice as module
from dbwright.advise.advice import advise
from dbwright.advise.selection import Limits
from dbwright.model.advice import Advice
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Phantom
from dbwright.report.advice import render

GOOD = WorkloadStatement("select price from item where product = 17", origin="good")


def advised(snapshot: Snapshot, *statements: WorkloadStatement, limits: Limits | None = None) -> Advice:
    with Phantom.of(snapshot) as phantom:
        return advise(phantom, statements, limits or Limits(count=1))


def joined(count: int) -> WorkloadStatement:
    joins = " ".join(f"join orders o{n} on o{n}.id = o{n - 1}.customer_id" for n in range(1, count))
    return WorkloadStatement(f"select o0.total from orders o0 {joins} where o0.total = 5", origin=f"wide{count}")


def test_a_statement_of_200_joins_is_told_and_the_rest_is_advised(shop: Any) -> None:
    found = advised(shop.snapshot, joined(200), GOOD)
    assert [problem.origin for problem in found.problems] == ["wide200"]
    assert "joins 200 tables" in found.problems[0].reason
    assert [row.index.keys[0].column for row in found.indexes] == ["product"]


def test_a_statement_of_many_joins_is_planned_fewer_times(shop: Any) -> None:
    found = advised(shop.snapshot, joined(40))
    assert not found.problems
    assert 0 < found.looks <= 43


def test_of_too_many_statements_the_costliest_are_looked_at(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STATEMENTS", 2)
    cheap = [WorkloadStatement(f"select * from tiny where id = {n}", origin=f"cheap{n}") for n in range(5)]
    found = advised(shop.snapshot, *cheap, GOOD)
    assert "good" in {effect.statement.origin for effect in found.effects}
    assert len(found.effects) == 2
    (note,) = (note for note in found.notes if "heaviest" in note)
    assert note.startswith("the 2 heaviest of 6 statements were looked at: 9")
    assert note.endswith("% of the estimated cost")


def with_tables(snapshot: Snapshot, **changes: Any) -> Snapshot:
    tables = tuple(replace(row, **{k: v(row) for k, v in changes.items()}) for row in snapshot.statistics.tables)
    return replace(snapshot, statistics=replace(snapshot.statistics, tables=tables))


def never_collected(snapshot: Snapshot) -> Snapshot:
    bare = with_tables(snapshot, last_analyze=lambda _: None, last_autoanalyze=lambda _: None)
    return replace(bare, statistics=replace(bare.statistics, columns=()))


@pytest.mark.parametrize(
    ("edit", "told", "confidence"),
    [
        (lambda s: s, None, "medium"),
        (never_collected, "the statistics of item were never collected", "low"),
        (
            lambda s: with_tables(s, heap_bytes=lambda row: row.heap_bytes * 3),
            "item grew to 3.0 times its pages",
            "low",
        ),
        (
            lambda s: with_tables(s, modified_since_analyze=lambda row: int(row.rows * 0.3)),
            "30% of the rows of item changed",
            "medium",
        ),
    ],
)
def test_statistics_that_do_not_fit_are_told(
    shop: Any, edit: Callable[[Snapshot], Snapshot], told: str | None, confidence: str
) -> None:
    snapshot = edit(shop.snapshot)
    with Phantom.of(snapshot) as phantom:
        found = advise(phantom, [GOOD], Limits(count=1))
        gaps = [gap.reason for gap in phantom.gaps if gap.section == "phantom.freshness"]
    (index,) = found.indexes
    assert index.confidence == confidence
    assert (told is None) == (not index.doubts)
    if told is not None:
        assert any(told in doubt for doubt in index.doubts)
        assert any(told in reason for reason in gaps)


def test_the_proof_is_a_command_that_runs(shop: Any) -> None:
    found = advised(shop.snapshot, GOOD)
    text = render(found, shop.snapshot, (), "15", "text", ["--snapshot", "shop.json"])
    assert (
        "- dbwright plan 'select price from item where product = 17' --snapshot shop.json --index 'CREATE INDEX" in text
    )
    assert "EXPLAIN (ANALYZE, BUFFERS) select price from item where product = 17" in text
    assert "public.item (order_id): item_pkey gives it already" not in text


def test_what_exists_already_is_told_to_those_who_miss_it(shop: Any) -> None:
    found = advised(shop.snapshot, WorkloadStatement("select * from orders where customer_id = 5"), GOOD)
    assert {row.why for row in found.rejected if row.bytes is None} == {"orders_customer gives it already"}


def test_a_least_gain_keeps_out_what_brings_less(shop: Any) -> None:
    statements = (GOOD, WorkloadStatement("select * from customer where city = 'city7'", origin="small"))
    assert len(advised(shop.snapshot, *statements, limits=Limits(gain=0.0)).indexes) == 2
    assert len(advised(shop.snapshot, *statements, limits=Limits(gain=0.4)).indexes) == 1
    assert advised(shop.snapshot, *statements, limits=Limits(gain=0.99)).indexes == ()


def test_what_somebody_asks_for_is_looked_at_and_it_is_told_why_not(shop: Any) -> None:
    useless = CreateIndex("public", "item", "mine", (IndexKey("amount"), IndexKey("line"), IndexKey("price")))
    useful = CreateIndex("public", "item", "mine_too", (IndexKey("product"),))
    with Phantom.of(shop.snapshot) as phantom:
        found = advise(phantom, [GOOD], Limits(count=1, bytes=10**9), asked=[useless, useful])
    assert [row.index.keys[0].column for row in found.indexes] == ["product"]
    told = {tuple(key.column for key in row.index.keys): row.why for row in found.rejected}
    assert told["amount", "line", "price"] == "no plan that was looked at uses it by itself"
    assert found.indexes[0].index.keys == useful.keys or ("product",) in told
