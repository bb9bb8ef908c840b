"""What statements cost with which indexes: asked of a phantom, few times, and kept.

The planner is asked with many supposed indexes at once and answers with those that it uses, a *configuration*: what it costs with exactly
these is then known too, because a plan that leaves an index alone is the same without it. Leaving out what it used gives the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

from dbwright.advise.early_end import exposure
from dbwright.advise.effort import Efforts
from dbwright.model.change import CreateIndex
from dbwright.model.query_plan import Node, Plan
from dbwright.phantom import Session, WhatIf, WhatIfIndex

Configuration = frozenset[int]
"""Candidates, by number, that one plan uses together."""
NONE: Configuration = frozenset()
_COUNTS = 0.002
"""The share of a statement's cost that makes a configuration better than a part of it."""
_STEP = 2.0
"""Factor between the sizes above which indexes are left out when a statement is looked at with small ones only."""
_LATE = 0.2
"""How often the rows that a LIMIT waits for are taken to come last. Set, not measured: enough that an index which also searches by the
condition is worth its bytes."""
_LOOKS = 170
"""Plans that exploring one statement may ask for, but for each index alone."""
_PEELS = 12
"""How often what was used is taken away."""
_PAIRED = 7
"""Indexes of a statement that are tried in pairs, those that gain most for their bytes."""
MOST_KEYS = 32
"""Of an index in PostgreSQL (``INDEX_MAX_KEYS``)."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Statement:
    """A statement of the workload. ``milliseconds`` are a call's where they were recorded; ``looks`` are the plans that may be asked for,
    None: as many as it takes."""

    text: str
    calls: float = 1.0
    milliseconds: float | None = None
    looks: int | None = None


class Price(NamedTuple):
    """Of a call: the planner's ``cost``, by which it chooses, the ``effort`` (`Efforts`; the cost where nobody asks for that), and what it
    would cost more if rows that a LIMIT waits for came last (`exposure`)."""

    cost: float
    effort: float
    exposed: float = 0.0


@dataclass(frozen=True)
class Scale:
    """What the prices of a statement's calls are worth together, in the unit of the workload's cost. ``exposed`` is what the plan of today
    may cost more: only what others may beyond that counts."""

    cost: float = 1.0
    effort: float = 0.0
    exposed: float = 0.0

    def value(self, price: Price) -> float:
        late = max(price.exposed - self.exposed, 0.0) * _LATE
        return (price.cost + late) * self.cost + price.effort * self.effort


class Useful(NamedTuple):
    """A configuration with the planner's cost of a call and what all calls are worth."""

    used: Configuration
    cost: float
    value: float


@dataclass
class Costs:
    """For each statement, by number, the configurations that are known and their prices; ``scales`` make values of these.
    ``failed`` has the reasons of statements that cannot be planned."""

    known: dict[int, dict[Configuration, Price]] = field(default_factory=dict)
    scales: dict[int, Scale] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    def learn(self, statement: int, found: Mapping[Configuration, Price]) -> None:
        mine = self.known.setdefault(statement, {})
        for used, price in found.items():
            mine[used] = min(price, mine.get(used, price))

    def plan(self, statement: int, chosen: Collection[int]) -> tuple[Price, Configuration]:
        """The price with the chosen candidates and which of them are used: the planner takes what costs least, whatever its effort."""
        chosen = frozenset(chosen)
        known = self.known[statement].items()
        return min(((price, used) for used, price in known if used <= chosen), key=lambda one: (one[0], sorted(one[1])))

    def of(self, statement: int, chosen: Collection[int]) -> float:
        """What all calls of the statement are worth with the chosen candidates."""
        return self.value(statement, self.plan(statement, chosen)[0])

    def value(self, statement: int, price: Price) -> float:
        return self.scales[statement].value(price)

    def base(self, statement: int) -> float:
        """What all calls are worth without any candidate."""
        return self.value(statement, self.known[statement][NONE])

    def useful(self, statement: int) -> list[Useful]:
        """The configurations that cost less than each of their parts, or have another value, by more than counts, cheapest first."""
        known = self.known[statement]
        kept: list[Useful] = []
        cost_counts, value_counts = known[NONE].cost * _COUNTS, self.base(statement) * _COUNTS
        for used, price in sorted(known.items(), key=lambda item: (len(item[0]), item[1], sorted(item[0]))):
            value = self.value(statement, price)
            if not any(
                less.cost <= price.cost + cost_counts and abs(less.value - value) <= value_counts and less.used <= used
                for less in kept
            ):
                kept.append(Useful(used, price.cost, value))
        return sorted(kept, key=lambda one: (one.cost, sorted(one.used)))


class Interrupted(Exception):
    """No more plans are wanted, by the user or for their time; what was found stands."""


class Looker:
    """One statement under supposed indexes; remembers what it was told."""

    def __init__(
        self,
        statement: str,
        numbers: Iterable[int],
        stop: Callable[[], bool] = lambda: False,
        most: int | None = None,
        efforts: Efforts | None = None,
        rows_of: Callable[[str], float | None] = lambda _table: None,
    ) -> None:
        """``stop`` is asked before each plan; a look raises Interrupted once it says so, and once ``most`` plans were made. ``efforts``
        estimates the effort beside the cost, ``rows_of`` tells how many rows a table has."""
        self._efforts = efforts
        self._rows_of = rows_of
        self._entries: dict[tuple[str, ...], float] = {}
        self._stop = stop
        self._most = most
        self.statement = statement
        self.numbers = frozenset(numbers)
        self.looks = 0
        self.found: dict[Configuration, Price] = {}
        self._seen: list[tuple[frozenset[int], Configuration, float]] = []
        self._what_if: WhatIf | None = None
        self._position: Mapping[int, int] = {}
        self._number: Mapping[int, int] = {}

    def attach(self, what_if: WhatIf, position: Mapping[int, int]) -> None:
        """Ask there from now on; ``position`` tells where each candidate stands."""
        self._what_if, self._position = what_if, position
        self._number = {place: number for number, place in position.items()}

    def look(self, on: Iterable[int]) -> tuple[float, Configuration]:
        """What it costs with these candidates, and which of them it uses."""
        on = self.numbers.intersection(on)
        for seen, used, cost in self._seen:
            if used <= on <= seen:
                return cost, used
        assert self._what_if is not None
        if self._stop() or (self._most is not None and self.looks >= self._most):
            raise Interrupted
        self._what_if.switch({self._position[number] for number in on})
        plan, places = self._what_if.plan(self.statement)
        used = frozenset(self._number[place] for place in places)
        self.looks += 1
        self._seen.append((on, used, plan.cost))
        if used not in self.found or plan.cost < self.found[used].cost:
            self.found[used] = Price(plan.cost, self._effort(plan), exposure(plan, self._rows_of))
        return plan.cost, used

    def _effort(self, plan: Plan) -> float:
        if self._efforts is None:
            return plan.cost
        assert self._what_if is not None
        filtered = {
            number: self._sought(node)
            for number, node in enumerate(plan.nodes())
            if "Filter" in node and "Index Name" in node
        }
        if any(sought not in self._entries for sought in filtered.values()):
            entries = self._what_if.session.entries(self.statement, plan)
            for number, sought in filtered.items():
                self._entries.setdefault(sought, entries.get(number, 0.0))
        entries = {number: self._entries[sought] for number, sought in filtered.items()}
        return self._efforts.of(plan, entries, self._what_if.definition)

    def _sought(self, node: Node) -> tuple[str, ...]:
        """What decides how many entries of an index are read: indexes with the same condition have as many."""
        assert self._what_if is not None
        supposed = self._what_if.definition(node["Index Name"])
        part = node["Index Name"] if supposed is None else str(supposed.predicate)
        return str(node.get("Alias")), str(node.get("Index Cond")), part


def explore(looker: Looker, indexes: Mapping[int, WhatIfIndex], limit: int = _LOOKS) -> None:
    """Find the configurations that matter for a statement: the best, the best without what that used, and so on until nothing helps; the
    best of smaller and smaller indexes; each index that ever helped alone, and the best of these in pairs."""
    base, _ = looker.look(NONE)
    sizes = {n: indexes[n].bytes for n in looker.numbers}
    used = dict.fromkeys(_peel(looker, looker.numbers, base, _PEELS))
    for among in _by_plainness(looker.numbers, indexes):
        used |= dict.fromkeys(_peel(looker, among, base, 3))
        for size in _sizes((sizes[n] for n in among), _STEP):
            used |= dict.fromkeys(_peel(looker, frozenset(n for n in among if sizes[n] <= size), base, 2))
    alone: dict[int, float] = {}
    for number in sorted({n for one in used for n in one}, key=lambda n: (sizes[n], n)):
        cost, _ = looker.look({number})
        if cost < base:
            alone[number] = (base - cost) / sizes[number]
    parts = dict.fromkeys(part for one in used for part in _parts(one))
    best = sorted(alone, key=lambda n: (-alone[n], n))[:_PAIRED]
    parts |= dict.fromkeys(map(frozenset, combinations(best, 2)))
    for part in sorted(parts, key=lambda p: (len(p), sum(sizes[n] for n in p), sorted(p))):
        if looker.looks >= limit:
            return
        looker.look(part)


def _by_plainness(numbers: frozenset[int], indexes: Mapping[int, WhatIfIndex]) -> Iterable[frozenset[int]]:
    """All, those that other statements may share (nothing carried along, no condition), and of these the ones of a single column: what is
    made for one statement alone is best for it and would hide them."""
    yield numbers
    yield frozenset(n for n in numbers if is_plain(indexes[n].definition))
    yield frozenset(n for n in numbers if is_plain(indexes[n].definition, 1))


def is_plain(index: CreateIndex, most_keys: int = MOST_KEYS) -> bool:
    """Whether several statements may share it: nothing carried along, no condition, at most so many keys."""
    return not index.include and index.predicate is None and len(index.keys) <= most_keys


def _peel(looker: Looker, on: frozenset[int], base: float, most: int) -> Iterable[Configuration]:
    """What is used, what is used without that, and so on while it helps."""
    for _ in range(most):
        cost, used = looker.look(on)
        if cost >= base or not used:
            return
        yield used
        on -= used


def refine(looker: Looker, indexes: Mapping[int, WhatIfIndex], chosen: frozenset[int], price: float) -> None:
    """Find the configurations that matter for a statement beside a choice: what it uses of it, what it would cost without each of
    these, and what more would be worth its bytes at ``price`` (cost for a byte)."""
    cost, used = looker.look(chosen)
    best = min(looker.found.values()).cost
    affordable = frozenset(n for n in looker.numbers - chosen if indexes[n].bytes * price <= cost - best)
    for size in ((1 << 62), *_sizes((indexes[n].bytes for n in affordable), 2.0)):
        among = frozenset(n for n in affordable if indexes[n].bytes <= size)
        for _ in range(2):
            _, with_more = looker.look(chosen | among)
            more = with_more - chosen
            for number in sorted(more):
                looker.look(chosen | {number})
            among -= more
    for number in sorted(used):
        looker.look(chosen - {number})
        smaller = {n for n in looker.numbers - chosen if indexes[n].bytes < indexes[number].bytes}
        looker.look((chosen - {number}) | smaller)


def _parts(used: Configuration) -> Iterable[Configuration]:
    """Smaller configurations that may do as well."""
    for size in range(2, min(len(used), 4)):
        yield from map(frozenset, combinations(sorted(used), size))


def _sizes(sizes: Iterable[int], step: float) -> Iterable[int]:
    """From the largest down, each smaller by a factor."""
    sizes = sorted(set(sizes))
    if not sizes:
        return
    size, least = sizes[-1] / step, sizes[0]
    while size >= least:
        yield int(size)
        size /= step


class Workers:
    """Planning sessions that work at the same time, one statement each."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._count = len(sessions)
        self._sessions: SimpleQueue[Session] = SimpleQueue()
        for session in sessions:
            self._sessions.put(session)

    def each(self, work: Callable[[Session, int], Result], items: Iterable[int]) -> list[Result]:
        """Answers in the order of the items, whoever was first."""

        def with_session(item: int) -> Result:
            session = self._sessions.get()
            try:
                return work(session, item)
            finally:
                self._sessions.put(session)

        with ThreadPoolExecutor(self._count) as pool:
            return list(pool.map(with_session, items))
