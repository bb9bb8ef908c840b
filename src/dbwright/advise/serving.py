"""Which statements may use an index, and which indexes a statement is worth planning with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dbwright.advise.form import Form
from dbwright.advise.occurrences import Occurrence
from dbwright.advise.promise import Promise
from dbwright.model.change import IndexKey

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
    by_table: defaultdict[int, list[_Offer]] = defaultdict(list)
    for position, (form, table) in enumerate(forms):
        by_table[table].append(_offer(position, form, Promise(occurrences[table][0].facts)))
    turns: defaultdict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
    shared: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for table, offers in by_table.items():
        mine = occurrences[table]
        serving, promise = Serving(mine), Promise(mine[0].facts)
        served: defaultdict[int, list[_Offer]] = defaultdict(list)
        for offer in offers:
            for number in serving.positions(offer.form):
                served[number].append(offer)
        alike: dict[Hashable, dict[int, tuple[int, float]]] = {}
        for number, usable in served.items():
            statement, likeness = mine[number].statement, mine[number].likeness()
            shared[statement].update(dict.fromkeys(offer.position for offer in usable))
            if likeness not in alike:
                alike[likeness] = _undominated(usable, mine[number], promise)
            for position, turn in alike[likeness].items():
                turns[statement][position] = min(turn, turns[statement].get(position, turn))
    return {statement: _chosen(turns[statement], shared[statement], most) for statement in sorted(shared)}


def _chosen(turns: Mapping[int, tuple[int, float]], shared: Iterable[int], most: int) -> tuple[int, ...]:
    """Positions are in the order of promise: the lowest promise the most."""
    own = sorted(turns, key=lambda position: (turns[position], position))[: int(most * (1 - _SHARED))]
    others = sorted(set(shared) - set(own))[: most - len(own)]
    return (*own, *others)


@dataclass(frozen=True, slots=True)
class _Offer:
    """A form with what is asked of it again and again."""

    position: int
    form: Form
    names: tuple[str, ...]
    columns: frozenset[str]
    size: float


def _offer(position: int, form: Form, promise: Promise) -> _Offer:
    names = tuple(key.column or key.expression or "" for key in form.keys)
    return _Offer(position, form, names, frozenset(form.columns), promise.size(form))


def _undominated(usable: Iterable[_Offer], occurrence: Occurrence, promise: Promise) -> dict[int, tuple[int, float]]:
    """The positions of forms that none outdoes for the occurrence, each with its turn: ways in, with and without the table, have their best
    first, then their second best; of one turn those that save the most."""
    wants = _Wants(occurrence)
    smallest: dict[frozenset[Feature], _Offer] = {}
    for offer in usable:
        does = wants.met_by(offer)
        known = smallest.get(does)
        if known is None or offer.size < known.size:
            smallest[does] = offer
    kept: list[frozenset[Feature]] = []
    ways: defaultdict[frozenset[Feature], list[tuple[float, int, float]]] = defaultdict(list)
    ordered = sorted(smallest.items(), key=lambda item: (item[1].size, -len(item[0]), item[1].position))
    for does, offer in ordered:
        if not any(does <= more for more in kept):
            kept.append(does)
            gain = promise.gain(offer.form, occurrence)
            way = frozenset(feature for feature in does if feature[0] in _WAYS)
            ways[way].append((-gain / offer.size**0.5, offer.position, -gain))
    return {position: (turn, gain) for way in ways.values() for turn, (_, position, gain) in enumerate(sorted(way))}


class _Wants:
    """What an occurrence can make use of."""

    def __init__(self, occurrence: Occurrence) -> None:
        exact = (name for name, how in occurrence.expressions if how == "=")
        within = (name for name, how in occurrence.expressions if how == "range")
        self.exact = {*occurrence.equal, *occurrence.join_columns, *exact}
        self.ranged = {*occurrence.ranged, *within}
        self.used = occurrence.used
        self.orders: defaultdict[str | None, list[tuple[IndexKey, ...]]] = defaultdict(list)
        for order in occurrence.orders:
            self.orders[order.keys[0].column].append(order.keys)

    def met_by(self, offer: _Offer) -> frozenset[Feature]:
        """What a form does for it: what it is searched by, the order that it gives, what it spares."""
        form = offer.form
        if form.method != "btree":
            return frozenset((("method", f"{form.method} {form.keys[0]}"),))
        found: list[Feature] = [("first", offer.names[0])]
        if self.used and self.used <= offer.columns:
            found.append(("holds", "all"))
        found += [("where", condition) for condition in form.conditions]
        place = 0
        while place < len(offer.names) and offer.names[place] in self.exact:
            found.append(("equal", offer.names[place]))
            place += 1
        if place < len(offer.names):
            found += self.after(offer, place)
        return frozenset(found)

    def after(self, offer: _Offer, place: int) -> Iterator[Feature]:
        """Behind the keys that are equal: a range or an order, then what can be checked in the index."""
        rest = offer.form.keys[place:]
        for keys in self.orders.get(offer.names[place] if rest[0].column else None, ()):
            length = next((n for n, (one, other) in enumerate(zip(keys, rest, strict=False)) if one != other), None)
            length = min(len(keys), len(rest)) if length is None else length
            if length:
                yield "order", f"{length} of {keys}"
        if offer.names[place] in self.ranged:
            yield "range", offer.names[place]
        for name in offer.names[place + 1 :]:
            if name in self.exact or name in self.ranged:
                yield "checked", name
