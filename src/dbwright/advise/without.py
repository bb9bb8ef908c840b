"""Plans without existing indexes: what each statement would cost if some of them were gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dbwright.advise.costs import Workers
from dbwright.phantom import PlanFailed, Session, WhatIfIndex

MATERIAL = 1.1
"""A statement whose cost rises above this factor gets worse; below, estimates say nothing."""

Names = Mapping[str, Collection[str]]
"""Indexes by schema: one with its partitions."""


@dataclass(frozen=True)
class Asked:
    """A statement: its text, its weight in the workload (0: only the statement itself counts), and the advised indexes that it may use."""

    text: str
    weight: float
    advised: Sequence[WhatIfIndex] = ()


@dataclass
class Loss:
    """What each statement, by its number, costs before and after something is gone."""

    costs: dict[int, tuple[float, float]] = field(default_factory=dict)

    def worse(self) -> dict[int, float]:
        """Statements that get materially worse, with the factor."""
        return {n: after / before for n, (before, after) in self.costs.items() if before and after > before * MATERIAL}

    def change(self, statements: Sequence[Asked]) -> float:
        """How much more the workload costs."""
        return sum((after - before) * statements[n].weight for n, (before, after) in self.costs.items())


class Without:
    """Statements planned without each of some existing indexes, by number, and without several."""

    def __init__(
        self,
        workers: Workers,
        statements: Sequence[Asked],
        indexes: Sequence[Names],
        always: Mapping[str, Collection[int]],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """``always``: by the name of a table the indexes that count for a plan though it does not use them: they prove rows unique, or
        give statistics of an expression. Once ``stop`` says so nothing more is planned, and nothing can be said."""
        self.stop = stop
        self.workers = workers
        self.statements = statements
        self.indexes = indexes
        self.always = always
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        for number, names in enumerate(indexes):
            for name in sorted({name for of_schema in names.values() for name in of_schema}):
                self._by_name[name].append(number)
        self.touched: dict[int, frozenset[int]] = {}
        """The indexes that count for each statement."""
        self._alone: dict[int, dict[int, tuple[float, float]]] = {}
        self._before: dict[int, float] = {}

    def look(self) -> None:
        """Plan every statement as it would be, and without each index that counts for it."""

        def work(session: Session, number: int) -> tuple[float, dict[int, float]] | None:
            asked = self.statements[number]
            if self.stop():
                return None
            try:
                with session.what_if(asked.advised) as what_if:
                    what_if.switch(range(len(asked.advised)))
                    plan, _ = what_if.plan(asked.text)
                    tables = {node["Relation Name"] for node in plan.nodes() if "Relation Name" in node}
                    touched = {n for name in plan.indexes for n in self._by_name.get(name, ())}
                    touched |= {n for table in tables for n in self.always.get(table, ())}
                    after = {}
                    for one in sorted(touched):
                        with what_if.without(self.indexes[one]):
                            after[one] = what_if.plan(asked.text)[0].cost
            except PlanFailed:
                return None
            return plan.cost, after

        for number, answer in enumerate(self.workers.each(work, range(len(self.statements)))):
            if answer is not None:
                before, after = answer
                self._before[number] = before
                self.touched[number] = frozenset(after)
                for one, cost in after.items():
                    self._alone.setdefault(one, {})[number] = before, cost

    @property
    def planned(self) -> int:
        """Statements that could be planned."""
        return len(self._before)

    def alone(self, index: int) -> Loss:
        """What goes with this index alone."""
        return Loss(dict(self._alone.get(index, {})))

    def together(self, indexes: Collection[int]) -> Loss:
        """What goes with all of these."""
        gone = frozenset(indexes)
        names: defaultdict[str, list[str]] = defaultdict(list)
        for one in sorted(gone):
            for schema, of_schema in self.indexes[one].items():
                names[schema] += of_schema
        several = [number for number, touched in sorted(self.touched.items()) if touched & gone]

        def work(session: Session, number: int) -> float | None:
            asked = self.statements[number]
            try:
                with session.what_if(asked.advised) as what_if:
                    what_if.switch(range(len(asked.advised)))
                    with what_if.without(names):
                        return what_if.plan(asked.text)[0].cost
            except PlanFailed:
                return None

        answers = zip(several, self.workers.each(work, several), strict=True)
        return Loss({number: (self._before[number], cost) for number, cost in answers if cost is not None})
