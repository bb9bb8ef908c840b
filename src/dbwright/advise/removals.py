"""Indexes that may go: those that look superfluous, asked of four witnesses. One that objects keeps the index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dbwright.advise.costs import Workers
from dbwright.advise.redundant import Cover, Suspect, looks_so, ratio, suspects
from dbwright.advise.without import Asked, Loss, Names, Without
from dbwright.advise.witnesses import code, constraints, counters, queries_about
from dbwright.advise.writing import Writes
from dbwright.model.change import CreateIndex
from dbwright.model.finding import Confidence
from dbwright.model.index_use import drop, index_writes, use_of
from dbwright.model.indexing import is_usable
from dbwright.model.removal import Removal, Witness, Worse
from dbwright.model.server import BLOCK
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery
from dbwright.model.wording import counted
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import WhatIfIndex
from dbwright.phantom.sizes import btree_levels
from dbwright.source.placeholders import filled

NEGLIGIBLE = 0.002
"""The share of the workload's cost that may be lost for disk alone, where writes were not counted over the same time."""
_MUCH_LARGER = 8
"""A cover so many times as large is no stand-in: it is read from disk where the small one stays in memory, which no plan tells."""
_MOST_QUERIES = 20
"""Queries of the source that are planned for one index."""


@dataclass(frozen=True)
class Workload:
    """The statements that decide, each with the advised indexes that it may use. ``cost`` is that of all with what is advised in place;
    ``writes``: what was written over the same time, None where nothing was recorded."""

    statements: Sequence[WorkloadStatement]
    advised: Sequence[Sequence[WhatIfIndex]]
    cost: float
    writes: Writes | None


def removals(
    snapshot: Snapshot,
    workers: Workers,
    workload: Workload,
    advised: Sequence[CreateIndex],
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Removal, ...]:
    """Every index that looks superfluous beside the others and the advised ones, those that may go first, the largest first; none once
    ``stop`` says so."""
    found = suspects(snapshot, advised) if snapshot.was_read else []
    if not found:
        return ()
    judge = _Judge(snapshot, workers, workload, advised, found, stop)
    judge.plans.look()
    if stop():
        return ()
    judge.settle()
    told = [judge.removal(number) for number in range(len(found))]
    return tuple(sorted(told, key=lambda r: (not r.goes, -r.bytes, r.drop.schema, r.drop.name)))


class _Judge:
    def __init__(
        self,
        snapshot: Snapshot,
        workers: Workers,
        workload: Workload,
        advised: Sequence[CreateIndex],
        found: Sequence[Suspect],
        stop: Callable[[], bool],
    ) -> None:
        self.snapshot = snapshot
        self.workload = workload
        self.advised = advised
        self.found = found
        self.queries = [queries_about(snapshot, s.table, s.index) for s in found]
        self.asked = [
            Asked(filled(statement.sql, statement.parameters), statement.calls, own)
            for statement, own in zip(workload.statements, workload.advised, strict=True)
        ]
        self.places = self._ask_queries()
        always: defaultdict[str, list[int]] = defaultdict(list)
        for number, suspect in enumerate(found):
            if suspect.index.is_unique or any(suspect.index.is_expression):
                for leaf in snapshot.catalog.leaves_of(suspect.table):
                    always[leaf.name].append(number)
        self.plans = Without(workers, self.asked, [self._names(s) for s in found], always, stop)
        self.cover: dict[int, Cover | None] = {}
        self.witnesses: dict[int, tuple[Witness, ...]] = {}
        self.objections: dict[int, str] = {}

    def _ask_queries(self) -> dict[int, SourceQuery]:
        """The queries of the source about suspects, after the workload's statements, by their numbers."""
        texts = {statement.sql for statement in self.workload.statements}
        places = {}
        for query in (query for of_suspect in self.queries for query in of_suspect[:_MOST_QUERIES]):
            if query.sql is not None and query.sql not in texts:
                texts.add(query.sql)
                places[len(self.asked)] = query
                self.asked.append(Asked(query.sql, 0.0))
        return places

    def _names(self, suspect: Suspect) -> Names:
        names: defaultdict[str, list[str]] = defaultdict(list)
        for index in {
            i.oid: i for i in (suspect.index, *self.snapshot.catalog.index_leaves_of(suspect.index))
        }.values():
            names[index.schema].append(index.name)
        return names

    def settle(self) -> None:
        """Find an objection to each that may not go, alone or together with all that go."""
        removed: set[int] = set()
        for number in range(len(self.found)):
            if self._may_go(number, removed):
                removed.add(number)
        while removed:
            loss = self.plans.together(removed)
            back = self._too_much(loss, removed)
            if back is None:
                break
            removed.discard(back)

    def _too_much(self, loss: Loss, removed: set[int]) -> int | None:
        """One to be put back, with the objection to it, where all that go together cost too much."""
        if worse := loss.worse():
            statement = min(worse, key=lambda n: (-worse[n], n))
            back = min(self.plans.touched[statement] & removed, key=lambda n: (self.found[n].bytes, n))
            times = f"{worse[statement]:.1f} times as much"
            self.objections[back] = f"{self._origin(statement)} would cost {times} without it and the others that go"
            return back
        saved = sum(self._write_cost(self.found[n]) for n in removed)
        if loss.change(self.asked) <= max(saved, self.workload.cost * NEGLIGIBLE):
            return None
        back = max(removed, key=lambda n: (self.plans.alone(n).change(self.asked), n))
        self.objections[back] = "without it and the others that go the workload would cost more than keeping it does"
        return back

    def _may_go(self, number: int, removed: set[int]) -> bool:
        suspect = self.found[number]
        gone = {self.found[n].index.oid for n in removed}
        cover = next((c for c in suspect.covers if c.index is None or c.index.oid not in gone), None)
        self.cover[number] = cover
        staying = [
            other
            for other in self.snapshot.catalog.indexes_of(suspect.table)
            if other.oid != suspect.index.oid and other.oid not in gone and is_usable(other)
        ]
        loss = self.plans.alone(number)
        places = {str(self.places[n].issued) for n in loss.worse() if n in self.places}
        self.witnesses[number] = (
            counters(self.snapshot, suspect.table, suspect.index, needed=cover is None),
            constraints(self.snapshot, suspect.table, suspect.index, staying, self.advised, cover is not None),
            code(self.snapshot, self.queries[number], places, self._unplanned(number)),
            self._plans(loss, self._write_cost(suspect)),
        )
        if suspect.covers and cover is None and not suspect.idle:
            self.objections[number] = f"{suspect.covers[0].name}, which gives the same, goes itself"
        elif cover is not None and ratio(self.snapshot, suspect, cover) > _MUCH_LARGER:
            times = ratio(self.snapshot, suspect, cover)
            self.objections[number] = f"{cover.name} is {times:.0f} times as large, so less of it stays in memory"
        elif objecting := [witness.text for witness in self.witnesses[number] if witness.objects]:
            self.objections[number] = "; ".join(objecting)
        return number not in self.objections

    def _unplanned(self, number: int) -> int:
        """How many of the queries about a suspect were not planned: too many, or the phantom refuses them."""
        planned = {self.asked[n].text for n in self.plans.touched} | {s.sql for s in self.workload.statements}
        return sum(query.sql not in planned for query in self.queries[number])

    def _plans(self, loss: Loss, saved: float) -> Witness:
        worse = {n: factor for n, factor in loss.worse().items() if n not in self.places}
        total = counted(len(self.workload.statements), "statement")
        if worse:
            first = min(worse, key=lambda n: (-worse[n], n))
            others = f", and {counted(len(worse) - 1, 'more statement')}" if len(worse) > 1 else ""
            return Witness(
                "plans",
                f"without it {self._origin(first)} would cost {worse[first]:.1f} times as much{others}",
                objects=True,
            )
        change = loss.change(self.asked)
        share = change / self.workload.cost if self.workload.cost else 0.0
        if change > max(saved, self.workload.cost * NEGLIGIBLE):
            return Witness(
                "plans",
                f"without it the workload would cost {share:.1%} more, more than it costs to keep",
                objects=True,
            )
        used = sum(n not in self.places for n in loss.costs)
        by = f"{counted(used, 'statement')} would be planned otherwise" if used else "none would be planned otherwise"
        return Witness("plans", f"of {total} {by} without it; the workload's cost changes by {share:+.2%}")

    def _origin(self, number: int) -> str:
        if number in self.places:
            return str(self.places[number].issued)
        statement = self.workload.statements[number]
        return statement.origin or statement.sql[:60]

    def _write_cost(self, suspect: Suspect) -> float:
        if self.workload.writes is None:
            return 0.0
        index, size = suspect.index, suspect.bytes
        use = use_of(self.snapshot, index)
        height = 0
        if index.access_method == "btree":
            catalog, statistics = self.snapshot.catalog, self.snapshot.statistics
            height = btree_levels(index, catalog, statistics, max(size // BLOCK, 1))
        return self.workload.writes.cost(suspect.table, use.rows if use else 0.0, size, height)

    def removal(self, number: int) -> Removal:
        """What is told of a suspect once all are settled."""
        suspect, cover = self.found[number], self.cover[number]
        loss = self.plans.alone(number)
        lost = {n: after - before for n, (before, after) in loss.costs.items() if after > before}
        first = min(lost, key=lambda n: (-lost[n] * (self.asked[n].weight or 1.0), n), default=None)
        witnesses = self.witnesses[number]
        return Removal(
            drop=drop(suspect.table, suspect.index),
            table=suspect.table.name,
            reason=looks_so(suspect, cover or next(iter(suspect.covers), None)),
            answered_by=cover.name if cover else None,
            bytes=suspect.bytes,
            rows_written=index_writes(self.snapshot, suspect.table),
            write_cost=self._write_cost(suspect) if self.workload.writes else None,
            witnesses=witnesses,
            objection=self.objections.get(number),
            confidence=_confidence(witnesses, cover),
            cost_change=loss.change(self.asked),
            worst=None if first is None else Worse(self._origin(first), *loss.costs[first]),
        )


def _confidence(witnesses: Sequence[Witness], cover: Cover | None) -> Confidence:
    """Whether all were asked; where another index gives the same, it matters less who reads."""
    missing = sum(not witness.looked for witness in witnesses)
    return "high" if not missing else "medium" if cover is not None or missing == 1 else "low"
