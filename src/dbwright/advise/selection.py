"""From candidates to a choice: exploring, the integer programme, and looking again beside what it chose, until nothing better comes up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from dbwright.advise.costs import (
    NONE,
    Costs,
    Interrupted,
    Looker,
    Scale,
    Statement,
    Workers,
    explore,
    is_plain,
    refine,
)
from dbwright.advise.effort import Efforts
from dbwright.advise.programme import Solution, solve
from dbwright.phantom import PlanFailed, Session, WhatIfIndex

_ROUNDS = 3
_NEAR = 0.01
"""How near to the optimum a choice must be that is only looked beside."""
_LARGER = 1.1
"""The budget whose choice is looked beside as well, last: what it has may take the place of what the smaller one has. On TPC-H it brings up
to 1.7 % less cost at a third of the sizes tried, and nothing anywhere costs more."""
_TIME = 0.2
"""The share of the estimated time in how much better a statement gets, where all data is cached; the rest is the planner's cost. On
TPC-H at 843 MB the sets that it chooses cost 5 % more and take a quarter less time, on TPC-DS at 64 and 124 MB they cost less than
0.1 % more."""
_SECONDS_TO_END = 5.0
"""For the choice from what is known, once it was stopped."""


@dataclass(frozen=True)
class Limits:
    """What a choice may take: ``bytes`` on disk, number of indexes, and the least ``gain`` that an index has to bring beyond what writing
    it costs, as a share of the workload's cost; None: no limit."""

    bytes: int | None = None
    count: int | None = None
    gain: float | None = None


@dataclass(frozen=True)
class Selection:
    """The chosen candidates with the proof. Values are sums over all statements in the unit of the workload's cost: ``before`` without,
    ``after`` with the choice, ``bound``: no choice over the plans that were looked at does better."""

    chosen: frozenset[int]
    before: float
    after: float
    bound: float
    looks: int
    proven: bool = True
    """Every statement was looked at, so that the bound holds for all."""

    @property
    def gap(self) -> float | None:
        """How far ``after`` may be from the best possible, as a share of it; None without a proof."""
        if not self.proven or (self.bound <= 0 < self.after):
            return None
        return max(0.0, self.after / self.bound - 1) if self.bound > 0 else 0.0


class Selector:
    """Candidates for a workload, explored once; choices under any limits are made from that."""

    def __init__(
        self,
        workers: Workers,
        statements: Sequence[Statement],
        indexes: Mapping[int, WhatIfIndex],
        relevant: Mapping[int, Sequence[int]],
        serves: Mapping[int, frozenset[int]],
        charges: Mapping[int, float] | None = None,
        stop: Callable[[], bool] = lambda: False,
        efforts: Efforts | None = None,
        rows_of: Callable[[str], float | None] = lambda _table: None,
    ) -> None:
        """``relevant`` are the candidates to explore each statement with, ``serves`` all that it may use; ``charges`` as in `solve`. Once
        ``stop`` says so no more is looked at, and the choice is made from what is known. With ``efforts`` the estimated time counts beside
        the planner's cost; ``rows_of`` tells how many rows a table has."""
        self.workers = workers
        self.statements = statements
        self.indexes = indexes
        self.relevant = relevant
        self.serves = serves
        self.charges = charges or {}
        self.stop = stop
        self.efforts = efforts
        self.rows_of = rows_of
        self.costs = Costs()
        self.skipped: list[int] = []
        """Statements that were not looked at before it was stopped."""
        self.weights: dict[int, float] = {}
        """What a statement's planner's cost is multiplied by: its calls, or its part of the recorded time for each unit of the cost."""
        self._lookers: dict[int, Looker] = {}

    def explore(self, progressed: Callable[[float], None] = lambda _share: None) -> None:
        """Look at each statement by itself."""
        done = 0

        def work(session: Session, number: int) -> Looker | str | None:
            nonlocal done
            done += 1
            if self.stop():
                return None
            progressed(done / len(self.statements))
            candidates = self.relevant.get(number, ())
            statement = self.statements[number]
            looker = Looker(statement.text, candidates, self.stop, statement.looks, self.efforts, self.rows_of)
            try:
                session.plan(looker.statement)
                with session.what_if([self.indexes[n] for n in candidates]) as what_if:
                    looker.attach(what_if, {n: position for position, n in enumerate(candidates)})
                    explore(looker, self.indexes)
            except PlanFailed as error:
                return error.message
            except Interrupted:
                return looker if NONE in looker.found else None
            return looker

        for number, answer in enumerate(self.workers.each(work, range(len(self.statements)))):
            if isinstance(answer, str):
                self.costs.failed[number] = answer
            elif answer is None:
                self.skipped.append(number)
            else:
                self._lookers[number] = answer
                self.costs.learn(number, answer.found)
        self._weigh()

    def _weigh(self) -> None:
        """Make values of prices. How much a statement matters is its part of the recorded time, else of the cost; how much better it
        gets is mostly cost and partly estimated time."""
        bases = {number: known[NONE] for number, known in self.costs.known.items()}
        of = {n: self.statements[n] for n in bases}
        timed = {n: s.calls * s.milliseconds for n, s in of.items() if s.milliseconds is not None and bases[n].cost}
        # What a recorded millisecond is worth, so that those with a record weigh together what they would by cost.
        worth = sum(of[n].calls * bases[n].cost for n in timed) / (sum(timed.values()) or 1.0)
        share = _TIME if self.efforts else 0.0
        for n, base in bases.items():
            weight = timed[n] * worth / base.cost if n in timed and worth else of[n].calls
            self.weights[n] = weight
            effort = weight * share * base.cost / (base.effort or 1.0)
            self.costs.scales[n] = Scale(weight * (1 - share), effort, base.exposed)

    def select(self, limits: Limits, progressed: Callable[[float], None] = lambda _share: None) -> Selection:
        """The best choice within the limits that was found."""
        best = NONE
        for number in range(_ROUNDS):
            progressed(number / _ROUNDS)
            if self.stop():
                break
            solution = self._solve(limits, best, gap=_NEAR)
            looks = self._looks()
            self._refine(solution, limits)
            best = min(best, solution.chosen, key=self._value)
            if self._looks() == looks:
                break
        if limits.bytes is not None and not self.stop():
            larger = replace(limits, bytes=round(limits.bytes * _LARGER))
            self._refine(self._solve(larger, best, gap=_NEAR), larger)
        solution = self._solve(limits, best)
        best = min(best, solution.chosen, key=self._value)
        chosen = self._needed(best)
        bound = min(solution.bound, self._value(best))
        return Selection(chosen, self._value(NONE), self._value(chosen), bound, self._looks(), proven=not self.skipped)

    def _looks(self) -> int:
        return sum(looker.looks for looker in self._lookers.values())

    def _needed(self, chosen: frozenset[int]) -> frozenset[int]:
        """The choice without what no statement would miss, the largest first: where there is room, the programme does not mind."""
        value = self._value(chosen)
        for number in sorted(chosen, key=lambda n: (-self.indexes[n].bytes, n)):
            without = self._value(chosen - {number})
            if without <= value * (1 + 1e-6):
                chosen, value = chosen - {number}, without
        return chosen

    def _solve(self, limits: Limits, start: frozenset[int], gap: float = 0.001) -> Solution:
        sizes = {n: index.bytes for n, index in self.indexes.items()}
        taken = (self.costs, sizes, self.charges, limits.bytes, limits.count)
        if self.stop():
            return solve(*taken, gap=gap, seconds=_SECONDS_TO_END, start=start)
        return solve(*taken, gap=gap, stop=self.stop, start=start)

    def _value(self, chosen: frozenset[int]) -> float:
        total = sum(self.charges.get(n, 0.0) for n in chosen)
        return total + sum(self.costs.of(n, chosen) for n in self.costs.known)

    def _refine(self, solution: Solution, limits: Limits) -> None:
        """Look at each statement beside the choice: with what its own configurations use, and with what is plain enough for several
        statements of what others use."""
        own = {number: {n for one in self.costs.useful(number) for n in one.used} for number in self.costs.known}
        pool = sorted(set().union(*own.values(), solution.chosen))
        shared = solution.chosen.union(n for n in pool if is_plain(self.indexes[n].definition, 2))
        before = self._value(NONE)
        size = sum(self.indexes[n].bytes for n in solution.chosen)
        price = (before - solution.value) / size / 3 if size and limits.bytes is not None else 0.0

        def work(session: Session, number: int) -> None:
            if self.stop():
                return
            looker = self._lookers[number]
            mine = [n for n in pool if n in own[number] or (n in self.serves[number] and n in shared)]
            with session.what_if([self.indexes[n] for n in mine]) as what_if:
                looker.attach(what_if, {n: position for position, n in enumerate(mine)})
                weight = self.weights[number] or 1.0
                looker.numbers = frozenset(mine)
                with suppress(Interrupted):
                    refine(looker, self.indexes, solution.chosen & looker.numbers, price / weight)

        self.workers.each(work, sorted(self._lookers))
        for number, looker in self._lookers.items():
            self.costs.learn(number, looker.found)
