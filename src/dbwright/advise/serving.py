"""Which statements may use an index, and which indexes a statement is worth planning with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dbwright.advise.form import Form
from dbwright.advise.occurrences import Occurrence
from dbwright.advise.promise import Promise

_SHARED = 0.15
"""Part of a statement's looks that is kept for candidates which others outdo for it, but which promise the most to the whole workload."""
_WAYS = frozenset(("first", "holds", "method"))
Feature = tuple[str, str]


class Serving:
    """Of one table: statements that search by an index's first key, and those of which it holds all columns."""

    def __init__(self, occurrences: Iterable[Occurrence]) -> None:
        self.by_first: defaultdict[str, set[int]] = defaultdict(set)
        self.by_used: defaultdict[frozenset[str], set[int]] = defaultdict(set)
        self.by_condition: defaultdict[str, set[int]] = defaultdict(set)
        for position, occurrence in enumerate(occurrences):
            for name in firsts_of(occurrence):
                self.by_first[name].add(position)
            if occurrence.used:
                self.by_used[occurrence.used].add(position)
            for condition in occurrence.conditions:
                self.by_condition[condition.sql].add(position)
        self.numbers = [occurrence.statement for occurrence in occurrences]

    def positions(self, form: Form) -> set[int]:
        """Positions of the occurrences."""
        found = set(self.by_first.get(form.keys[0].column or form.keys[0].expression or "", ()))
        if form.method == "btree":
            carried = set(form.columns)
            for used, positions in self.by_used.items():
                if used <= carried:
                    found |= positions
        for condition in form.conditions:
            found &= self.by_condition[condition]
        return found

    def statements(self, form: Form) -> frozenset[int]:
        return frozenset(self.numbers[position] for position in self.positions(form))


def firsts_of(occurrence: Occurrence) -> dict[str, None]:
    """What an index may begin with so that the occurrence can be searched or ordered by it."""
    o = occurrence
    ordered = (key.column for order in o.orders for key in order.keys[:1])
    branches = (name for branch in o.branches for name in branch)
    special = (name for special in o.specials for name in (special.column, special.expression))
    names = (*o.equal, *o.join_columns, *o.ranged, *ordered, *branches, *special, *(e for e, _ in o.expressions))
    return {name: None for name in names if name}


def worth_a_look(
    forms: Sequence[tuple[Form, int]], occurrences: Mapping[int, Sequence[Occurrence]], most: int
) -> dict[int, tuple[int, ...]]:
    """For each statement the positions of the forms (each with its table): every way into every occurrence in turn, the best for its size
    first. Of two forms that do the same for an occurrence the smaller is enough; one that does more for more bytes is kept."""
    by_table: defaultdict[int, list[int]] = defaultdict(list)
    for position, (_, table) in enumerate(forms):
        by_table[table].append(position)
    turns: defaultdict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
    shared: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for table, positions in by_table.items():
        mine = occurrences[table]
        serving, promise = Serving(mine), Promise(mine[0].facts)
        served: defaultdict[int, list[int]] = defaultdict(list)
        for position in positions:
            for number in serving.positions(forms[position][0]):
                served[number].append(position)
        for number, usable in served.items():
            statement = mine[number].statement
            shared[statement].update(dict.fromkeys(usable))
            for position, turn in _undominated(usable, forms, mine[number], promise).items():
                turns[statement][position] = min(turn, turns[statement].get(position, turn))
    return {statement: _chosen(turns[statement], shared[statement], most) for statement in sorted(shared)}


def _chosen(turns: Mapping[int, tuple[int, float]], shared: Iterable[int], most: int) -> tuple[int, ...]:
    """Positions are in the order of promise: the lowest promise the most."""
    own = sorted(turns, key=lambda position: (turns[position], position))[: int(most * (1 - _SHARED))]
    others = sorted(set(shared) - set(own))[: most - len(own)]
    return (*own, *others)


def _undominated(
    usable: Iterable[int], forms: Sequence[tuple[Form, int]], occurrence: Occurrence, promise: Promise
) -> dict[int, tuple[int, float]]:
    """The positions of forms that none outdoes for the occurrence, each with its turn: ways in, with and without the table, have their best
    first, then their second best; of one turn those that save the most."""
    smallest: dict[frozenset[Feature], tuple[float, int]] = {}
    for position in usable:
        form = forms[position][0]
        does = frozenset(features(form, occurrence))
        size = promise.size(form)
        if does not in smallest or size < smallest[does][0]:
            smallest[does] = (size, position)
    kept: list[frozenset[Feature]] = []
    ways: defaultdict[frozenset[Feature], list[tuple[float, int, float]]] = defaultdict(list)
    for does, (size, position) in sorted(smallest.items(), key=lambda item: (item[1][0], -len(item[0]), item[1][1])):
        if not any(does <= more for more in kept):
            kept.append(does)
            gain = promise.gain(forms[position][0], occurrence)
            way = frozenset(feature for feature in does if feature[0] in _WAYS)
            ways[way].append((-gain / size**0.5, position, -gain))
    return {position: (turn, gain) for way in ways.values() for turn, (_, position, gain) in enumerate(sorted(way))}


def features(form: Form, occurrence: Occurrence) -> Iterator[Feature]:
    """What a form does for an occurrence: what it is searched by, the order that it gives, what it spares."""
    joins = occurrence.join_columns
    if form.method != "btree":
        yield "method", f"{form.method} {form.keys[0]}"
        return
    if form.covers(occurrence.used):
        yield "holds", "all"
    for condition in form.conditions:
        yield "where", condition
    yield "first", form.keys[0].column or form.keys[0].expression or ""
    searched = True
    for position, key in enumerate(form.keys):
        name = key.column or key.expression or ""
        exact = name in occurrence.equal or name in joins or (name, "=") in occurrence.expressions
        if searched and exact:
            yield "equal", name
            continue
        if searched:
            searched = False
            rest = form.keys[position:]
            for order in occurrence.orders:
                for length in range(min(len(order.keys), len(rest)), 0, -1):
                    if order.keys[:length] == rest[:length]:
                        yield "order", f"{length} of {order.keys}"
                        break
            if name in occurrence.ranged or (name, "range") in occurrence.expressions:
                yield "range", name
                continue
        if exact or name in occurrence.ranged:
            yield "checked", name
