"""Candidates: the indexes worth trying for a workload, from its statements and a snapshot alone.

For each table of each statement every access path that an index could open is written down as an index: equality before a range or
an order, joins before filters and after, everything the statement reads of the table carried along, the conditions that never change
as ``WHERE``. Candidates that an existing index answers already are left out, and which statements each may serve is told, so that
the rest need not be planned with it. Whether one pays is for the planner to say: here, only what is worth asking it.

Pure and deterministic: the same workload and snapshot give the same candidates in the same order, the most promising first.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbwright.advise.form import SHARES, Form, Kind, fits, share_of
from dbwright.advise.forms import forms_of
from dbwright.advise.occurrences import Occurrence, occurrences_of
from dbwright.advise.promise import Promise
from dbwright.advise.tables import TableFacts, facts_of
from dbwright.model.catalog import Catalog, Index, Table
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.query import Usage
from dbwright.model.quoting import shortened
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import StatementProblem, WorkloadStatement
from dbwright.source.sql import CannotTakeApart
from dbwright.source.usage import usage_of

TINY_PAGES = 10
"""Tables below that are read as fast as an index of them."""
MOST_MERGED = 60
"""Merged candidates of one table."""
MERGED_OF = 40
"""The most promising candidates of a table, from which merged ones are made."""
_INDEXED_KINDS = ("table", "partitioned table", "materialized view")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many candidates are made. ``occurrence``: of one table in one statement, of each kind; ``total``: of all; the least
    promising are left out."""

    occurrence: int = 150
    total: int = 6000


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that may help. ``serves`` are the numbers of the statements that may use it; ``kinds`` and ``reason`` say what for.
    ``replaces`` names existing indexes of the table that it answers for, so that they may go when it comes. ``promise`` is a guess in
    pages that the workload would read less, ``bytes`` one of its size: both only to put candidates in order."""

    index: CreateIndex
    serves: frozenset[int]
    kinds: tuple[Kind, ...]
    reason: str
    replaces: tuple[str, ...] = ()
    promise: float = 0.0
    bytes: float = 0.0


@dataclass(frozen=True)
class Candidates:
    """All candidates, the most promising first. ``problems`` are statements that could not be used, by their numbers; ``notes`` say what
    would be proposed if the server had it; ``left_out`` counts candidates that the bounds cut off."""

    indexes: tuple[Candidate, ...] = ()
    problems: tuple[StatementProblem, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: int = 0


def candidates(statements: Sequence[WorkloadStatement], snapshot: Snapshot, bounds: Bounds = Bounds()) -> Candidates:
    """The candidates of a workload. What cannot be read is a problem in the result, never an error."""
    work = _Work(statements, snapshot, bounds)
    for number in range(len(statements)):
        work.read(number)
    return work.result()


@dataclass
class _Made:
    """A form on its way to a candidate."""

    form: Form
    kinds: dict[Kind, None] = field(default_factory=dict)
    reason: str = ""
    promise: float = 0.0
    by: dict[int, float] = field(default_factory=dict)


@dataclass
class _Work:
    statements: Sequence[WorkloadStatement]
    snapshot: Snapshot
    bounds: Bounds
    occurrences: defaultdict[int, list[Occurrence]] = field(default_factory=lambda: defaultdict(list))
    problems: list[StatementProblem] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    left_out: int = 0

    def __post_init__(self) -> None:
        self.tables = _Tables(self.snapshot)
        self.facts: dict[int, TableFacts] = {}

    # Reading

    def read(self, number: int) -> None:
        """One statement's occurrences, by table."""
        statement = self.statements[number]
        try:
            usage = usage_of(statement.sql, self.tables.schema, statement.parameters, self.tables.views)
        except CannotTakeApart as error:
            self.problem(number, f"cannot be read: {error}")
            return
        if usage.query.verb == "other":
            self.problem(number, "is no query")
            return
        named = [(table.alias, self.tables.find(table.schema, table.name), table.name) for table in usage.query.tables]
        missing = sorted({name for _, found, name in named if found is None})
        if missing:
            self.problem(number, f"names {', '.join(missing)}, which the snapshot does not have")
            return
        self.keep(number, usage, {alias: found for alias, found, _ in named if found is not None})

    def keep(self, number: int, usage: Usage, tables: Mapping[str, Table]) -> None:
        facts = {
            alias: self.facts_of(table)
            for alias, table in tables.items()
            if table.kind in _INDEXED_KINDS and table.persistence != "temporary"
        }
        for occurrence in occurrences_of(number, usage, facts):
            if not _is_tiny(occurrence.facts):
                self.occurrences[occurrence.facts.table.oid].append(occurrence)

    def facts_of(self, table: Table) -> TableFacts:
        if table.oid not in self.facts:
            self.facts[table.oid] = facts_of(self.snapshot, table)
        return self.facts[table.oid]

    def problem(self, number: int, reason: str) -> None:
        self.problems.append(StatementProblem(self.statements[number].origin, reason, number))

    # Making

    def result(self) -> Candidates:
        made = [candidate for oid in sorted(self.occurrences) for candidate in self.of_table(self.occurrences[oid])]
        made.sort(
            key=lambda c: (-c[1].promise, c[1].bytes, c[0].table.schema, c[0].table.name, c[1].reason, str(c[1].index))
        )
        kept = made[: self.bounds.total]
        names = _Names(self.snapshot.catalog)
        named = tuple(replace(c, index=replace(c.index, name=names.of(facts.table, c.index))) for facts, c in kept)
        return Candidates(named, tuple(self.problems), tuple(self.notes), self.left_out + len(made) - len(kept))

    def of_table(self, occurrences: list[Occurrence]) -> Iterator[tuple[TableFacts, Candidate]]:
        facts = occurrences[0].facts
        promise = Promise(facts)
        shared = Counter(name for o in occurrences for name in {**o.equal, **o.join_columns})
        made: dict[Form, _Made] = {}
        for occurrence in occurrences:
            self.of_occurrence(occurrence, promise, shared, made)
        service = _Service(occurrences, facts)
        for merged in _merged(made, facts):
            made.setdefault(merged, _Made(merged, {"merged": None}, "serves what two others serve"))
        for form, one in made.items():
            replaced = tuple(
                i.name for i in facts.indexes if _answers_for(form, i) and not _is_bound(self.snapshot, facts, i)
            )
            if replaced:
                one.kinds["existing-extended"] = None
            serves = service.of(form) | frozenset(one.by)
            yield (
                facts,
                Candidate(
                    index=form.index(facts.table),
                    serves=serves,
                    kinds=tuple(one.kinds),
                    reason=one.reason,
                    replaces=replaced,
                    promise=sum(one.by.values()) or self.merged_promise(form, serves, occurrences, promise),
                    bytes=promise.size(form),
                ),
            )

    def merged_promise(
        self, form: Form, serves: frozenset[int], occurrences: Iterable[Occurrence], promise: Promise
    ) -> float:
        return sum(
            promise.gain(form, occurrence) * self.statements[occurrence.statement].calls
            for occurrence in occurrences
            if occurrence.statement in serves
        )

    def of_occurrence(
        self, occurrence: Occurrence, promise: Promise, shared: Mapping[str, int], made: dict[Form, _Made]
    ) -> None:
        """Candidates of one table of one statement, within the bound; of each kind the most promising."""
        wanted: defaultdict[str, dict[Form, tuple[Kind, str]]] = defaultdict(dict)
        for form, kind, reason in forms_of(occurrence, shared, self.snapshot, self.notes):
            if not _is_served(form, occurrence.facts, form.covers(occurrence.used)):
                wanted[share_of(kind)].setdefault(form, (kind, reason))
        calls = self.statements[occurrence.statement].calls
        for share, found in wanted.items():
            ranked = sorted(
                (
                    (promise.gain(form, occurrence), promise.size(form), position, form)
                    for position, form in enumerate(found)
                ),
                key=lambda item: (-item[0] / item[1] ** 0.5, item[2]),
            )
            most = int(self.bounds.occurrence * SHARES[share])
            self.left_out += max(len(ranked) - most, 0)
            for gain, _, _, form in ranked[:most]:
                kind, reason = found[form]
                one = made.setdefault(form, _Made(form, reason=reason))
                one.kinds[kind] = None
                one.by[occurrence.statement] = max(one.by.get(occurrence.statement, 0.0), gain * calls)


def _is_tiny(facts: TableFacts) -> bool:
    return facts.pages is not None and facts.pages < TINY_PAGES


# Names


class _Tables:
    """The relations of a snapshot as statements name them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.catalog = snapshot.catalog
        path = _search_path(snapshot)
        rank = {schema: position for position, schema in enumerate(path)}
        self.by_name: dict[str, Table] = {}
        for table in sorted(self.catalog.tables, key=lambda t: (rank.get(t.schema, len(rank)), t.schema, t.oid)):
            self.by_name.setdefault(table.name, table)
        self.schema = {
            name: frozenset(column.name for column in self.catalog.columns_of(table))
            for name, table in self.by_name.items()
        }
        self.views = {
            name: table.definition for name, table in self.by_name.items() if table.kind == "view" and table.definition
        }

    def find(self, schema: str | None, name: str) -> Table | None:
        if schema is not None:
            return self.catalog.table_by_name.get((schema, name))
        return self.by_name.get(name)


def _search_path(snapshot: Snapshot) -> list[str]:
    text = snapshot.settings.text("search_path") or '"$user", public'
    names = [part.strip().strip('"') for part in text.split(",")]
    return [snapshot.target.user if name == "$user" else name for name in names if name]


class _Names:
    """Names for indexes: PostgreSQL's own pattern, at most 63 bytes, none that the schema has or that was given before."""

    def __init__(self, catalog: Catalog) -> None:
        self.taken = {schema: set(names) for schema, names in catalog.relation_names.items()}
        for constraint in catalog.constraints:
            table = catalog.table_by_oid.get(constraint.table_oid)
            if table is not None:
                self.taken.setdefault(table.schema, set()).add(constraint.name)
        self.numbers: Counter[tuple[str, str, str]] = Counter()

    def of(self, table: Table, index: CreateIndex) -> str:
        taken = self.taken.setdefault(table.schema, set())
        columns = (key.column or "expr" for key in index.keys)
        suffix = {"btree": "idx"}.get(index.method, f"{index.method}_idx")
        suffix = ("covering_" if index.include else "") + ("partial_" if index.predicate else "") + suffix
        stem = shortened("_".join((table.name, *columns)), f"_{suffix}", len("9999"))
        while True:
            number = self.numbers[table.schema, stem, suffix]
            self.numbers[table.schema, stem, suffix] += 1
            ending = f"_{suffix}{number or ''}"
            name = stem.encode()[: 63 - len(ending)].decode(errors="ignore") + ending
            if name not in taken:
                taken.add(name)
                return name


# What is there already


def _is_served(form: Form, facts: TableFacts, covers: bool) -> bool:
    """Whether an index of the table gives all that the form would give."""
    return any(_gives(index, form, facts, covers) for index in facts.indexes)


def _gives(index: Index, form: Form, facts: TableFacts, covers: bool) -> bool:
    if index.access_method != form.method or index.predicate is not None:
        return False
    if form.method != "btree":
        return len(index.keys) == 1 and _same_key(index, 0, form.keys[0], flip=False)
    carried = {*index.include, *(column for column in index.columns if column)}
    if not {*form.include, *form.conditioned} <= carried:
        return False
    if _leads(index, form.keys):
        return True
    # With all columns of a unique index equal there is one row: further keys can only be there to be read.
    first = {key.column for key in form.keys[: len(index.keys)]}
    unique = index.is_unique and not covers and len(index.keys) < len(form.keys) and first == set(index.columns)
    return unique and all(facts.columns[column].not_null for column in index.columns if column)


def _leads(index: Index, keys: Sequence[IndexKey]) -> bool:
    """Whether the index's keys begin with these, read from either end."""
    if len(keys) > len(index.keys):
        return False
    return any(all(_same_key(index, n, key, flip) for n, key in enumerate(keys)) for flip in (False, True))


def _same_key(index: Index, position: int, key: IndexKey, flip: bool) -> bool:
    if key.column is not None:
        if index.is_expression[position] or index.keys[position] != key.column:
            return False
    elif not index.is_expression[position] or _bare(index.keys[position]) != _bare(key.expression or ""):
        return False
    if (key.opclass is None) != index.default_opclass[position] or (
        key.opclass is not None and key.opclass != index.opclasses[position]
    ):
        return False
    if index.access_method != "btree":
        return True
    nulls_first = key.descending if key.nulls_first is None else key.nulls_first
    return (index.descending[position] != flip) == key.descending and (
        index.nulls_first[position] != flip
    ) == nulls_first


def _bare(expression: str) -> str:
    """An expression without what the server adds to it when it prints it."""
    return re.sub(r"::(text|character varying|regconfig)|[\s()]", "", expression).lower()


def _answers_for(form: Form, index: Index) -> bool:
    """Whether the form, once built, gives all that the index gives."""
    if (
        form.method != "btree"
        or index.access_method != "btree"
        or form.predicate is not None
        or index.predicate is not None
    ):
        return False
    if len(index.keys) > len(form.keys) or any(index.is_expression):
        return False
    carried = {*form.include, *(k.column for k in form.keys)}
    return set(index.include) <= carried and any(
        all(_same_key(index, n, key, flip) for n, key in enumerate(form.keys[: len(index.keys)]))
        for flip in (False, True)
    )


def _is_bound(snapshot: Snapshot, facts: TableFacts, index: Index) -> bool:
    """Whether the index is there for more than reading."""
    return bool(
        index.is_unique
        or index.is_primary
        or index.constraint
        or index.is_exclusion
        or index.is_replica_identity
        or index.is_clustered
        or index.extension
        or index.parent_oid is not None
        or any(key.index_oid == index.oid for key in snapshot.catalog.references_to(facts.table))
    )


# Merging


def _merged(made: Mapping[Form, _Made], facts: TableFacts) -> Iterator[Form]:
    """Forms that do the work of two: the longer keys with what both carry."""
    ranked = sorted(
        (one for one in made.values() if one.form.method == "btree" and one.form.predicate is None),
        key=lambda one: -sum(one.by.values()),
    )[:MERGED_OF]
    count = 0
    for position, one in enumerate(ranked):
        for other in ranked[position + 1 :]:
            merged = _merge(one.form, other.form)
            if merged is None or merged in made or _is_served(merged, facts, covers=True) or not fits(merged, facts):
                continue
            yield merged
            count += 1
            if count >= MOST_MERGED:
                return


def _merge(one: Form, other: Form) -> Form | None:
    short, long = sorted((one, other), key=lambda form: len(form.keys))
    if long.keys[: len(short.keys)] != short.keys:
        return None
    keys = {key.column for key in long.keys}
    include = tuple(sorted({*short.include, *long.include} - keys))
    return replace(long, include=include) if include != long.include else None


# Which statements


class _Service:
    """Which statements may use an index: those that search by its first key, and those that it holds all columns of."""

    def __init__(self, occurrences: Iterable[Occurrence], facts: TableFacts) -> None:
        self.facts = facts
        self.by_first: defaultdict[str, set[int]] = defaultdict(set)
        self.by_used: defaultdict[frozenset[str], set[int]] = defaultdict(set)
        self.by_condition: defaultdict[str, set[int]] = defaultdict(set)
        for o in occurrences:
            ordered = (key.column for order in o.orders for key in order.keys[:1])
            branches = (name for branch in o.branches for name in branch)
            searched = (name for special in o.specials for name in (special.column, special.expression))
            firsts = (
                *o.equal,
                *o.join_columns,
                *o.ranged,
                *ordered,
                *branches,
                *searched,
                *(e for e, _ in o.expressions),
            )
            for name in firsts:
                if name:
                    self.by_first[name].add(o.statement)
            if o.used:
                self.by_used[o.used].add(o.statement)
            for condition in o.conditions:
                self.by_condition[condition.sql].add(o.statement)

    def of(self, form: Form) -> frozenset[int]:
        first = form.keys[0].column or form.keys[0].expression or ""
        found = set(self.by_first.get(first, ()))
        carried = {*form.include, *(key.column for key in form.keys if key.column)}
        if form.method == "btree":
            for used, statements in self.by_used.items():
                if used <= carried:
                    found |= statements
        for condition in form.conditions:
            found &= self.by_condition[condition]
        return frozenset(found)
