"""The forms of indexes that one table of one statement could use, whatever is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from math import prod

from dbwright.advise.form import Form, Kind, Wanted, fits
from dbwright.advise.occurrences import Condition, Occurrence, Order
from dbwright.advise.special import special_forms
from dbwright.advise.tables import TableFacts
from dbwright.model.change import IndexKey
from dbwright.model.snapshot import Snapshot

Part = Sequence[str] | Sequence[IndexKey]
MOST_KEYS = 6
MOST_COLUMNS = 9
"""Columns of one table that are tried in pairs."""
SELECTIVE = 0.3
"""Share of the rows up to which a partial index is worth asking for."""
MANY_CALLS = 0.01
"""Share of the calls on a table from which a condition of theirs is worth an index of its own."""
FEW_VALUES = 20
"""Distinct values up to which a constant is one of few states, not one call's parameter."""
SCALE = 200
"""The same for a range of numbers: years, percentages, a quantity."""
CORRELATED = 0.95
LARGE_PAGES = 4096
"""32 MiB: from there on a BRIN index, which reads 128 pages at a time, leaves most of a table out."""
_FEW_COLUMNS = 4
"""Columns up to which all that a statement reads is tried as keys: a B-tree stores equal keys once, but not carried columns."""


@dataclass(frozen=True)
class Common:
    """What a table's statements have in common: for each column how many search by it, for each condition its share of their calls."""

    columns: Mapping[str, int]
    conditions: Mapping[str, float]


def forms_of(occurrence: Occurrence, shared: Common, snapshot: Snapshot, notes: dict[str, None]) -> Wanted:
    """All forms for an occurrence, with what each is for. ``notes`` gets what would be proposed if the server had it."""
    paths = _Paths(occurrence, shared)
    for keys, kind in paths.sequences().items():
        yield Form(keys), kind, _reason(keys, kind)
    yield from _covering(paths)
    yield from _partial(paths)
    yield from special_forms(occurrence, snapshot, notes, paths.filters)
    yield from _brin(occurrence)


@dataclass
class _Paths:
    """The ways into a table, as sequences of keys."""

    occurrence: Occurrence
    shared: Common

    def __post_init__(self) -> None:
        facts, o = self.occurrence.facts, self.occurrence
        usable = facts.can_be_key
        self.equal = [name for name in o.equal if usable(name)]
        self.joins = [name for name in o.join_columns if usable(name)]
        self.ranged = [name for name in o.ranged if usable(name)]
        self.orders = [keys for order in o.orders if (keys := _usable_keys(order, usable))]
        self.branches = [branch for names in o.branches if (branch := tuple(filter(usable, names)))]
        self.partners = [
            part for names in o.joined.values() if len(part := tuple(name for name in names if usable(name))) > 1
        ]
        by_fraction = sorted(self.equal, key=lambda name: (o.fractions.get(name, 1.0), name))
        by_shared = sorted(by_fraction, key=lambda name: -self.shared.columns.get(name, 0))
        self.filters = tuple(by_fraction)
        self.filter_orders = tuple(dict.fromkeys((tuple(by_fraction[:MOST_KEYS]), tuple(by_shared[:MOST_KEYS]))))
        ordered = (key.column for keys in self.orders for key in keys if key.column)
        branched = (name for branch in self.branches for name in branch)
        self.indexable = tuple(dict.fromkeys((*by_fraction, *self.joins, *self.ranged, *ordered, *branched)))

    def sequences(self, without: frozenset[str] = frozenset()) -> dict[tuple[IndexKey, ...], Kind]:
        """Sequences of keys with what each is for, the plainest first; columns ``without`` are left out."""
        found: dict[tuple[IndexKey, ...], Kind] = {}

        def add(kind: Kind, *parts: Part) -> None:
            if keys := _joined(parts, without):
                found.setdefault(keys, kind)

        for name in self.indexable:
            add(self.kind_of(name), (name,))
        self.searches(add)
        for one, other in permutations(self.indexable[:MOST_COLUMNS], 2):
            add(self.kind_of(one), (one,), (other,))
        searched = tuple(dict.fromkeys((*self.filters, *self.joins)))[:MOST_KEYS]
        for first, second in permutations(searched, 2):
            for third in self.indexable[:MOST_COLUMNS]:
                add(self.kind_of(first), (first,), (second,), (third,))
        return found

    def searches(self, add: Callable[..., None]) -> None:
        """The whole of what the statement asks for, in the orders that a B-tree can answer."""
        for filters in self.filter_orders:
            self.after(filters, add)
        for name in self.joins:
            self.after((name,), add)
        for part in self.partners:
            for turned in islice(permutations(part), MOST_KEYS):
                self.after(turned, add)
        for keys in self.orders:
            add("order", keys)
            for name in self.equal:
                add("order", (name,), keys)
        for branch in self.branches:
            add("equality", branch)
            add("equality", self.filters, branch)

    def after(self, first: Sequence[str], add: Callable[..., None]) -> None:
        """Equality first, then joins, a range or the order."""
        add(self.kind_of(first[0]) if first else "equality", first)
        for name in self.ranged:
            add("range", first, (name,))
        for keys in self.orders:
            add("order", first, keys)
        for name in self.joins:
            add("join", first, (name,))
            add("join", (name,), first)
        for filters in self.filter_orders:
            add("join", first, filters)
            add("join", filters, first)
            for name in self.ranged:
                add("range", first, filters, (name,))
            for keys in self.orders:
                add("order", first, filters, keys)

    def kind_of(self, name: str) -> Kind:
        if name in self.occurrence.equal or any(name in branch for branch in self.branches):
            return "equality"
        if name in self.joins:
            return "join"
        return "range" if name in self.ranged else "order"

    def entrances(self) -> dict[tuple[IndexKey, ...], Kind]:
        """Sequences that covering indexes are made on: the short ones, and the full ones by which the table is searched."""
        whole = self.sequences()
        first = {*self.filters, *self.joins, *self.ranged, *(keys[0].column for keys in self.orders)}
        wanted: list[tuple[Part, ...]] = [(keys,) for keys in self.orders]
        for filters in self.filter_orders:
            wanted.append((filters,))
            wanted += [(filters, (name,)) for name in self.ranged]
            wanted += [(filters, keys) for keys in self.orders]
            wanted += [((name,), filters) for name in self.joins]
        full = {_joined(parts, frozenset()) for parts in wanted}
        return {
            keys: kind
            for keys, kind in whole.items()
            if len(keys) == 1 or keys in full or (len(keys) == 2 and keys[0].column in first)
        }


def _usable_keys(order: Order, usable: Callable[[str], bool]) -> tuple[IndexKey, ...]:
    keys: list[IndexKey] = []
    for key in order.keys:
        if key.column is None or not usable(key.column):
            break
        keys.append(key)
    return tuple(keys)


def _joined(parts: Iterable[Part], without: frozenset[str]) -> tuple[IndexKey, ...]:
    """Keys one after the other, each column once."""
    keys: dict[str | None, IndexKey] = {}
    for part in parts:
        for item in part:
            key = item if isinstance(item, IndexKey) else IndexKey(item)
            if key.column not in keys and key.column not in without:
                keys[key.column] = key
    return tuple(keys.values())[:MOST_KEYS]


def _reason(keys: Sequence[IndexKey], kind: Kind) -> str:
    names = ", ".join(key.column or str(key.expression) for key in keys)
    return {
        "equality": f"searches by {names}",
        "join": f"joins by {names}",
        "range": f"a range of {names}",
        "order": f"the order of {names}",
    }.get(kind, names)


def _covering(paths: _Paths) -> Wanted:
    """Indexes that hold all that the statement reads of the table, so that the table itself is not read."""
    occurrence, facts = paths.occurrence, paths.occurrence.facts
    used = occurrence.used
    if not used or not all(facts.can_be_payload(name) for name in used):
        return
    if len(used) == len(facts.columns) > _FEW_COLUMNS:
        return  # a second copy of the table
    for keys, kind in (paths.entrances() or _scanned(used, facts)).items():
        carried = sorted(used - {key.column for key in keys}, key=lambda name: facts.columns[name].number)
        if not carried:
            continue
        form = Form(keys, tuple(carried))
        if fits(form, facts):
            yield form, "covering", f"{_reason(keys, kind)}, and holds all that is read: {', '.join(carried)}"
        if len(used) <= _FEW_COLUMNS and all(facts.can_be_key(name) for name in carried):
            plain = Form((*keys, *(IndexKey(name) for name in sorted(carried, key=facts.distinct))))
            if fits(plain, facts):
                yield plain, "covering", f"{_reason(plain.keys, kind)}: all that is read"


def _scanned(used: frozenset[str], facts: TableFacts) -> dict[tuple[IndexKey, ...], Kind]:
    """For a table that is read whole: the column with the fewest values, whose keys a B-tree stores once."""
    names = sorted((name for name in used if facts.can_be_key(name)), key=lambda name: (facts.distinct(name), name))
    return {(IndexKey(name),): "order" for name in names[:1]}


def _partial(paths: _Paths) -> Wanted:
    """Indexes of the rows alone that meet conditions which no call changes."""
    occurrence, facts = paths.occurrence, paths.occurrence.facts
    worth = [
        condition
        for condition in occurrence.conditions
        if condition.fraction < SELECTIVE
        and (condition.always or facts.distinct(condition.column) <= (SCALE if condition.is_range else FEW_VALUES))
        and paths.shared.conditions.get(condition.sql, 0.0) >= MANY_CALLS
    ]
    groups: list[tuple[Condition, ...]] = [(condition,) for condition in worth]
    if len(worth) > 1:
        groups.append(tuple(sorted(worth, key=lambda c: c.sql)))
    for group in groups:
        without = frozenset(condition.column for condition in group if not condition.is_range)
        sequences = paths.sequences(without) or _any_key(paths, without)
        for keys, kind in sequences.items():
            yield _limited(Form(keys), group), "partial", f"{_reason(keys, kind)} where {_sql(group)}"
            used = occurrence.used
            carried = tuple(sorted((used or frozenset()) - {key.column for key in keys}))
            if carried and len(keys) < 3 and all(facts.can_be_payload(name) for name in carried):
                form = Form(keys, carried)
                if fits(form, facts):
                    yield (
                        _limited(form, group),
                        "partial",
                        f"{_reason(keys, kind)} where {_sql(group)}, and holds all that is read",
                    )


def _any_key(paths: _Paths, without: frozenset[str]) -> dict[tuple[IndexKey, ...], Kind]:
    """Where nothing but the conditions is asked for, any narrow key does: the primary key, else what the condition is about."""
    facts = paths.occurrence.facts
    primary = facts.catalog.primary_key(facts.table)
    names = primary.columns[:1] if primary else tuple(sorted(without))[:1]
    return {(IndexKey(name),): "order" for name in names if facts.can_be_key(name)}


def _sql(group: Sequence[Condition]) -> str:
    return " AND ".join(condition.sql for condition in group)


def _limited(form: Form, group: Sequence[Condition]) -> Form:
    fraction = prod(condition.fraction for condition in group)
    conditions = tuple(condition.sql for condition in group)
    columns = tuple(condition.column for condition in group)
    return Form(form.keys, form.include, form.method, _sql(group), conditions, columns, fraction)


def _brin(occurrence: Occurrence) -> Wanted:
    """Block ranges, where rows lie in the order of the column."""
    facts = occurrence.facts
    if (facts.pages or 0) < LARGE_PAGES:
        return
    for name in (*occurrence.ranged, *occurrence.equal):
        correlation = facts.correlation(name)
        if correlation is not None and abs(correlation) > CORRELATED and facts.can_be_key(name):
            yield Form((IndexKey(name),), method="brin"), "brin", f"rows lie in the order of {name}"
