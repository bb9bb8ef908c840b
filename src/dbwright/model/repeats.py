"""What bears on a query that is sent once a row: whether anybody waits for it, whether it is sent at all, and where a path of relations
goes round."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import is_batch, lines_of
from dbwright.model.query import Predicate
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import Place, QueryLoop, SourceColumn, SourceQuery, SourceTable

ALTERNATIVES = 3
"""Classes whose methods of one name are reached from one line, from which on it is not told which of them runs."""
_ALL_RUN = frozenset("__init__ to_representation to_internal_value validate clean get_attribute".split())
"""Methods that a framework calls on each part of a whole: they are no alternatives."""


def in_job(snapshot: Snapshot, place: Place) -> bool:
    """A line of a task, a command or a script: nobody waits for the answer."""
    return is_batch(place) or (place.file, place.line) in lines_of(snapshot, "job")


def only_on_failure(snapshot: Snapshot, places: Sequence[Place]) -> bool:
    """Some of the lines runs only when something failed."""
    lines = lines_of(snapshot, "on failure")
    return any((place.file, place.line) in lines for place in places)


@once
def _mappings(snapshot: Snapshot) -> dict[tuple[str, int], str]:
    return {
        (fact.place.file, line): fact.name
        for fact in snapshot.source.facts
        if fact.kind == "remembered"
        for line in range(fact.place.line, fact.end_line + 1)
    }


def is_remembered(snapshot: Snapshot, places: Sequence[Place], loop: Place) -> bool:
    """Some of the lines runs once for each key of a mapping that outlives the turns of the loop; one that hangs on ``self`` may be the
    row's own."""
    mappings = _mappings(snapshot)
    for place in places:
        name = mappings.get((place.file, place.line))
        if name is not None and (not name.startswith("self.") or place.function == loop.function):
            return True
    return False


def goes_few_times(snapshot: Snapshot, loop: Place) -> bool:
    """The loop walks over a form's fields, settings, choices, or what is written down."""
    return (loop.file, loop.line) in lines_of(snapshot, "few turns")


@once
def _alternatives(snapshot: Snapshot) -> frozenset[tuple[str, int]]:
    reached: defaultdict[tuple[Place, str], set[str]] = defaultdict(set)
    for query in snapshot.source.queries:
        chain = (*query.calls, query.issued)
        for call, inside in itertools.pairwise(chain):
            owner, _, method = inside.function.rpartition(".")
            if owner and inside.file.endswith(".py") and method not in _ALL_RUN and inside.function != call.function:
                reached[call, method].add(owner)
    return frozenset((call.file, call.line) for (call, _), owners in reached.items() if len(owners) >= ALTERNATIVES)


def is_alternative(snapshot: Snapshot, calls: Sequence[Place]) -> bool:
    """One of the calls reaches the method of one of several classes; which, is not told."""
    return any(call.line > 1 and (call.file, call.line) in _alternatives(snapshot) for call in calls)


@once
def _walked_back(snapshot: Snapshot) -> dict[tuple[object, str | None], str]:
    """By what rows were reached (a line, or the name of a relation) and their table, the column that leads back, where it is always one."""
    found: defaultdict[tuple[object, str | None], set[str]] = defaultdict(set)
    for query in snapshot.source.queries:
        if query.issued_by in ("rows", "prefetch") and query.relation and query.query is not None:
            table = snapshot.source.table_by_name.get(query.table or "")
            column = next((p.column.column for p in query.query.predicates if _is_reference(table, p)), None)
            if column is not None:  # the manager's own condition stands before those that are added to it
                found[query.made, query.table].add(column)
                found[query.relation.rpartition("__")[2], query.table].add(column)
    return {key: columns.pop() for key, columns in found.items() if len(columns) == 1}


def _is_reference(table: SourceTable | None, predicate: Predicate) -> bool:
    column = (
        table.column(predicate.column.column) if table is not None and predicate.column.table == table.name else None
    )
    return column is not None and column.references is not None and predicate.operator in ("=", "in")


def leads_back(snapshot: Snapshot, query: SourceQuery, loop: QueryLoop) -> bool:
    """The first step leads back to the row whose related manager gave those of the loop: Django has set it on each of them."""
    tables = snapshot.source.table_by_name
    table = tables.get(loop.table or "")
    if query.framework != "django" or table is None or not query.relation:
        return False
    column = _forward(tables, table, query.relation.partition("__")[0])
    back = _walked_back(snapshot)
    relation = (loop.relation or "").rpartition("__")[2]
    return column is not None and column.name in (
        back.get((loop.rows_made, loop.table)),
        back.get((relation, loop.table)),
    )


def cut(path: str) -> str:
    """The path up to where a relation comes a second time: a tree or a ring has no depth of its own."""
    parts = path.split("__")
    end = next((n for n, part in enumerate(parts) if part in parts[:n]), len(parts))
    return "__".join(parts[:end])


def is_left_early(snapshot: Snapshot, loop: Place) -> bool:
    """The loop may end before its last turn: something in it returns or breaks."""
    return (loop.file, str(loop.line)) in _left_early(snapshot)


@once
def _left_early(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    return frozenset((fact.place.file, fact.owner) for fact in snapshot.source.facts if fact.kind == "left after")


def _lineage(tables: dict[str, SourceTable], table: SourceTable) -> Iterator[SourceTable]:
    """A table and those that its key belongs to: classes above its class."""
    seen: set[str] = set()
    at: SourceTable | None = table
    while at is not None and at.name not in seen:
        yield at
        seen.add(at.name)
        parent = next((c.references for c in at.columns if c.primary_key and c.references is not None), None)
        at = tables.get(parent.table) if parent is not None else None


def _forward(tables: dict[str, SourceTable], table: SourceTable, field: str) -> SourceColumn | None:
    """The foreign key of a table or of those above it."""
    columns = (column for one in _lineage(tables, table) for column in one.columns)
    return next((c for c in columns if c.field == field and c.references is not None), None)
