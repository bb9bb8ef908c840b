"""Candidates: the indexes worth trying for a workload, from its statements and a snapshot alone.

For each table of each statement every access path that an index could open is written down as an index: equality before a range or
an order, joins before filters and after, everything the statement reads of the table carried along, the conditions that never change
as ``WHERE``. Candidates that an existing index answers already are left out, and which statements each may serve is told, so that
the rest need not be planned with it. Whether one pays is for the planner to say: here, only what is worth asking it.

Pure and deterministic: the same workload and snapshot give the same candidates in the same order, the most promising first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbwright.advise.existing import replaced, server_of
from dbwright.advise.form import SHARES, Form, Kind, share_of
from dbwright.advise.forms import Common, forms_of
from dbwright.advise.merging import merged
from dbwright.advise.naming import Names
from dbwright.advise.occurrences import Occurrence, occurrences_of
from dbwright.advise.promise import Promise
from dbwright.advise.relations import Relations
from dbwright.advise.serving import Serving, worth_a_look
from dbwright.advise.tables import TableFacts, facts_of
from dbwright.model.catalog import Table
from dbwright.model.change import CreateIndex
from dbwright.model.query import Usage
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.model.workload import StatementProblem, WorkloadStatement
from dbwright.source.sql import CannotTakeApart
from dbwright.source.usage import usage_of

TINY_PAGES = 10
"""Tables below that are read as fast as an index of them."""
MOST_SERVED = 5
_OBVIOUS = ("equality", "range", "order", "join")
_INDEXED_KINDS = ("table", "partitioned table", "materialized view")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many candidates are made. ``occurrence``: of one table in one statement, of all kinds; ``total``: of all; ``looks``: with which
    one statement is worth planning. The least promising are left out."""

    occurrence: int = 150
    total: int = 6000
    looks: int = 100


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
    would be proposed if the server had it; ``left_out`` counts candidates that the bounds cut off. ``looks`` gives, for each statement by
    its number, the positions in ``indexes`` of those that it is worth planning with, the best for their size first: of all that it may use
    those that no other, smaller one outdoes for it, and those that most promise elsewhere. ``served`` are plain ones that somebody may
    miss, with the name of the index that gives the same already; ``asked`` the positions of those that were asked for; ``joins`` the
    columns, by table, that each statement joins by."""

    indexes: tuple[Candidate, ...] = ()
    problems: tuple[StatementProblem, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: int = 0
    looks: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    served: tuple[tuple[CreateIndex, str], ...] = ()
    asked: tuple[int, ...] = ()
    joins: Mapping[int, frozenset[tuple[int, str]]] = field(default_factory=dict)


def candidates(
    statements: Sequence[WorkloadStatement],
    snapshot: Snapshot,
    bounds: Bounds = Bounds(),
    asked: Sequence[CreateIndex] = (),
) -> Candidates:
    """The candidates of a workload, and those that somebody ``asked`` for, whatever they promise. What cannot be read is a problem in the
    result, never an error."""
    work = _Work(statements, snapshot, bounds, asked)
    for number in range(len(statements)):
        work.read(number)
    return work.result()


@dataclass
class _Made:
    """A form on its way to a candidate."""

    form: Form
    facts: TableFacts
    bytes: float
    kinds: dict[Kind, None] = field(default_factory=dict)
    reason: str = ""
    by: dict[int, float] = field(default_factory=dict)
    """What each statement is promised of it."""

    @property
    def promised(self) -> float:
        return sum(self.by.values())


@dataclass
class _Work:
    statements: Sequence[WorkloadStatement]
    snapshot: Snapshot
    bounds: Bounds
    asked: Sequence[CreateIndex] = ()
    occurrences: defaultdict[int, list[Occurrence]] = field(default_factory=lambda: defaultdict(list))
    problems: list[StatementProblem] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    served: defaultdict[tuple[CreateIndex, str], float] = field(default_factory=lambda: defaultdict(float))
    tiny: dict[str, None] = field(default_factory=dict)
    left_out: int = 0

    def __post_init__(self) -> None:
        self.tables = Relations(self.snapshot)
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
            of_system = all(name.startswith("pg_") for name in missing)
            what = "which are the system's" if of_system else "which the snapshot does not have"
            self.problem(number, f"names {', '.join(missing)}, {what}")
            return
        self.keep(number, usage, {alias: found for alias, found, _ in named if found is not None})

    def keep(self, number: int, usage: Usage, tables: Mapping[str, Table]) -> None:
        facts = {
            alias: self.facts_of(table)
            for alias, table in tables.items()
            if table.kind in _INDEXED_KINDS and table.persistence != "temporary"
        }
        for occurrence in occurrences_of(number, usage, facts):
            if _is_tiny(occurrence.facts):
                self.tiny[occurrence.facts.table.name] = None
            else:
                self.occurrences[occurrence.facts.table.oid].append(occurrence)

    def facts_of(self, table: Table) -> TableFacts:
        if table.oid not in self.facts:
            self.facts[table.oid] = facts_of(self.snapshot, table)
        return self.facts[table.oid]

    def problem(self, number: int, reason: str) -> None:
        self.problems.append(StatementProblem(self.statements[number].origin, reason, number))

    # Making

    def result(self) -> Candidates:
        made = [one for oid in sorted(self.occurrences) for one in self.of_table(self.occurrences[oid])]
        made.sort(key=lambda one: (-one.promised, one.bytes, one.facts.table.oid, one.reason, str(one.form)))
        kept = made[: self.bounds.total]
        serving = {oid: Serving(occurrences) for oid, occurrences in self.occurrences.items()}
        names = Names(self.snapshot.catalog)
        found = tuple(self.candidate(one, serving[one.facts.table.oid], names) for one in kept)
        left_out = self.left_out + len(made) - len(kept)
        looks = worth_a_look([(one.form, one.facts.table.oid) for one in kept], self.occurrences, self.bounds.looks)
        if self.tiny:
            self.notes[
                f"of {listed(self.tiny)} no index is read faster than the table, which has fewer than {TINY_PAGES} pages"
            ] = None
        most = sorted(self.served, key=lambda one: (-self.served[one], str(one)))[:MOST_SERVED]
        tables = self.snapshot.catalog.table_by_name
        served = [(replace(i, name=names.of(tables[i.schema, i.table], i)), by) for i, by in most]
        more, positions = self.asked_for(found, names)
        looks = {**looks}
        for position in positions:
            for number in (*found, *more)[position].serves:
                looks[number] = tuple(dict.fromkeys((*looks.get(number, ()), position)))
        return Candidates(
            (*found, *more),
            tuple(self.problems),
            tuple(self.notes),
            left_out,
            looks,
            tuple(served),
            positions,
            self.joins(),
        )

    def joins(self) -> dict[int, frozenset[tuple[int, str]]]:
        found: defaultdict[int, set[tuple[int, str]]] = defaultdict(set)
        for oid, occurrences in self.occurrences.items():
            for one in occurrences:
                found[one.statement].update((oid, name) for name in one.join_columns)
        return {number: frozenset(columns) for number, columns in found.items()}

    def asked_for(self, found: Sequence[Candidate], names: Names) -> tuple[list[Candidate], tuple[int, ...]]:
        """What was asked for and is no candidate yet, and the positions of all that was asked for."""
        there = {replace(candidate.index, name=""): position for position, candidate in enumerate(found)}
        more: list[Candidate] = []
        for index in self.asked:
            bare = replace(index, name="", unique=False)
            if bare not in there:
                table = self.snapshot.catalog.table_by_name[index.schema, index.table]
                there[bare] = len(found) + len(more)
                serves = frozenset(occurrence.statement for occurrence in self.occurrences.get(table.oid, ()))
                named = replace(bare, name=names.of(table, bare))
                more.append(Candidate(named, serves, ("asked",), "asked for"))
        return more, tuple(dict.fromkeys(there[replace(index, name="", unique=False)] for index in self.asked))

    def candidate(self, one: _Made, serving: Serving, names: Names) -> Candidate:
        facts = one.facts
        answered = replaced(one.form, facts, self.snapshot)
        index = one.form.index(facts.table)
        return Candidate(
            index=replace(index, name=names.of(facts.table, index)),
            serves=serving.statements(one.form) | frozenset(one.by),
            kinds=(*one.kinds, "existing-extended") if answered else tuple(one.kinds),
            reason=one.reason,
            replaces=answered,
            promise=one.promised,
            bytes=one.bytes,
        )

    def of_table(self, occurrences: list[Occurrence]) -> list[_Made]:
        facts = occurrences[0].facts
        promise = Promise(facts)
        shared = self.common(occurrences)
        made: dict[Form, _Made] = {}
        alike: defaultdict[Hashable, list[Occurrence]] = defaultdict(list)
        for occurrence in occurrences:
            alike[occurrence.likeness()].append(occurrence)
        for group in alike.values():
            self.of_occurrence(group[0], [o.statement for o in group], promise, shared, made)
        for form, one, other in merged({form: one.promised for form, one in made.items()}, facts):
            both = made[one].by.keys() | made[other].by.keys()
            by = {number: max(made[one].by.get(number, 0.0), made[other].by.get(number, 0.0)) for number in both}
            made[form] = _Made(form, facts, promise.size(form), {"merged": None}, "serves what two others serve", by)
        return list(made.values())

    def common(self, occurrences: Sequence[Occurrence]) -> Common:
        columns = Counter(name for o in occurrences for name in {**o.equal, **o.join_columns})
        calls: Counter[str] = Counter()
        for o in occurrences:
            calls.update(
                dict.fromkeys((condition.sql for condition in o.conditions), self.statements[o.statement].calls)
            )
        total = sum(self.statements[o.statement].calls for o in occurrences)
        return Common(columns, {sql: of / total if total else 0.0 for sql, of in calls.items()})

    def of_occurrence(
        self,
        occurrence: Occurrence,
        statements: Sequence[int],
        promise: Promise,
        shared: Common,
        made: dict[Form, _Made],
    ) -> None:
        """Candidates of one table as these statements meet it, within the bound; of each kind the most promising."""
        wanted: defaultdict[str, dict[Form, tuple[Kind, str]]] = defaultdict(dict)
        for form, kind, reason in forms_of(occurrence, shared, self.snapshot, self.notes):
            server = server_of(form, occurrence.facts, form.covers(occurrence.used))
            if server is None:
                wanted[share_of(kind)].setdefault(form, (kind, reason))
            elif kind in _OBVIOUS and len(form.keys) == 1 and not form.include and form.predicate is None:
                calls = sum(self.statements[number].calls for number in statements)
                self.served[form.index(occurrence.facts.table), server.name] += calls
        for share, found in wanted.items():
            gains = {form: promise.gain(form, occurrence) for form in found}
            ranked = sorted(found, key=lambda form: -gains[form] / promise.size(form) ** 0.5)
            most = int(self.bounds.occurrence * SHARES[share])
            self.left_out += max(len(ranked) - most, 0)
            for form in ranked[:most]:
                kind, reason = found[form]
                one = made.setdefault(form, _Made(form, occurrence.facts, promise.size(form), reason=reason))
                one.kinds[kind] = None
                for number in statements:
                    gain = gains[form] * self.statements[number].calls
                    one.by[number] = max(one.by.get(number, 0.0), gain)


def _is_tiny(facts: TableFacts) -> bool:
    return facts.pages is not None and facts.pages < TINY_PAGES
