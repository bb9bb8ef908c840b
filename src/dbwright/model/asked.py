"""What rules on code ask of the source: how large a table is by its name, places as locations, code that nobody waits for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache

from dbwright.model.catalog import Table
from dbwright.model.change import AddConstraint, Change, CreateIndex, IndexKey
from dbwright.model.finding import Location, ObjectRef
from dbwright.model.indexing import free_name
from dbwright.model.query import Predicate
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import FactKind, Parameter, Place, SourceColumn, SourceQuery, SourceTable

_AID = re.compile(
    r"(^|/)(load[_-]|seed|fill_|populate|demo|fake|run_workload|workload|bench)[\w-]*\.py$"
    r"|(^|/)(seeds?|fixtures?|benchmarks?|scripts?|demos?|examples?|devtools|dev|factories|testing|testutils|test_utils|loadtest)/",
    re.IGNORECASE,
)
_RUNS_ONCE = re.compile(
    r"(^|/)(management/commands|migrations|alembic|versions|scripts?|demo\w*|fixtures|seeds?|tools)[/.]"
)
_UNKNOWN_OFFSET = "OFFSET 7654321"
"""How the reader writes an OFFSET that only the request tells."""
_BATCH = re.compile(
    r"(^|/)(management/commands|migrations|versions|scripts?|tools?|cli|bin|commands)/|(^|/)cli\w*\.py$"
)


@once
def _tables(snapshot: Snapshot) -> dict[str, Table]:
    return {table.name: table for table in snapshot.catalog.user_tables}


def table_named(snapshot: Snapshot, name: str | None) -> Table | None:
    """The catalog's table of that name."""
    return _tables(snapshot).get(name) if name else None


_ROWS_FIRST = "It fails, and changes nothing, while rows break it: correct these first."


def check_change(snapshot: Snapshot, table: SourceTable, columns: tuple[str, ...], condition: str) -> Change | None:
    """The check constraint that holds a condition over some columns; None for a table that the catalog does not have."""
    found = table_named(snapshot, table.name)
    if found is None:
        return None
    name = free_name(snapshot.catalog, found, columns, "check")
    return Change((AddConstraint(found.schema, found.name, name, f"CHECK ({condition})", validate=True),), _ROWS_FIRST)


def unique_change(snapshot: Snapshot, table: SourceTable, columns: tuple[str, ...]) -> Change | None:
    """The unique index on some columns; None for a table that the catalog does not have."""
    found = table_named(snapshot, table.name)
    if found is None:
        return None
    name = free_name(snapshot.catalog, found, columns, "key")
    return Change(
        (CreateIndex(found.schema, found.name, name, tuple(map(IndexKey, columns)), unique=True),), _ROWS_FIRST
    )


def rows_of(snapshot: Snapshot, name: str | None) -> int | None:
    """Estimated rows of a table; None when nothing was measured."""
    table = table_named(snapshot, name)
    return snapshot.rows(table) if table is not None and snapshot.statistics_of(table) is not None else None


def size_of(snapshot: Snapshot, name: str | None) -> str:
    """How large a table is, for a sentence in brackets."""
    rows = rows_of(snapshot, name)
    return "how many rows there are was not measured" if rows is None else f"about {rows:,} rows"


def is_aid(place: Place) -> bool:
    """Code that fills databases for development and trials."""
    return _is_named(_AID, place.file)


def is_batch(place: Place) -> bool:
    """Code that somebody runs by hand or at night: commands, migrations, scripts."""
    return _is_named(_BATCH, place.file)


@lru_cache(maxsize=20_000)
def _is_named(pattern: re.Pattern[str], file: str) -> bool:
    """Kept, because rules ask it of each query, and a project has far fewer files."""
    return pattern.search(file) is not None


@once
def sought_columns(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """By table the columns that rows are looked up by, where no key finds them first: what an index for them would be is told with the
    queries."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    tables = snapshot.source.table_by_name
    for query in snapshot.source.queries:
        if query.query is None or runs_once(query) or is_admin_list(query):
            continue
        for name in {t.name for t in query.query.tables} & tables.keys():
            equal = equal_columns(query, name)
            if not holds_key(tables[name], equal):
                found[name] |= equal
    return {name: frozenset(columns) for name, columns in found.items()}


@once
def _lines(snapshot: Snapshot) -> dict[FactKind, frozenset[tuple[str, int]]]:
    found: defaultdict[FactKind, set[tuple[str, int]]] = defaultdict(set)
    for fact in snapshot.source.facts:
        last = max(fact.place.line, fact.end_line)
        found[fact.kind].update((fact.place.file, line) for line in range(fact.place.line, last + 1))
    return {kind: frozenset(lines) for kind, lines in found.items()}


def lines_of(snapshot: Snapshot, kind: FactKind) -> frozenset[tuple[str, int]]:
    """The lines of all facts of a kind."""
    return _lines(snapshot).get(kind, frozenset())


def locations(places: Iterable[Place], most: int = 20) -> tuple[Location, ...]:
    """The lines, each once, in the order given."""
    return tuple(dict.fromkeys(Location(place.file, place.line) for place in places if place.line > 0))[:most]


def runs_once(query: SourceQuery) -> bool:
    """A query of a migration, or of a command or script that somebody types, outside of its loops."""
    return bool(_RUNS_ONCE.search(query.issued.file)) and not query.loops


def is_declared(query: SourceQuery) -> bool:
    """Sent by what a class declares (a viewset, a list view, the admin), not by a line of a function."""
    function = query.issued.function
    return function[:1].isupper() and "." not in function


def is_admin_list(query: SourceQuery) -> bool:
    """A list of Django's admin: its filters offer what the column holds, and an operator reads it now and then."""
    return "admin" in query.issued.file and is_declared(query)


_OF_OPERATORS = re.compile(r"(^|[/_])(admin|staff|dashboards?|backoffice|reports?)[/_.]")


def is_of_operators(place: Place) -> bool:
    """A page of those who run the site, who open it now and then."""
    return _is_named(_OF_OPERATORS, place.file)


def function_ref(place: Place, table: str | None = None) -> ObjectRef:
    """The function that a place stands in."""
    return ObjectRef("function", place.function or place.file, table=table)


def source_table_ref(table: SourceTable) -> ObjectRef:
    """A table of the source as findings name it."""
    return ObjectRef("table", table.name, table.schema or "public", table.name)


def column_ref(table: SourceTable, name: str) -> ObjectRef:
    """A column of the source as findings name it."""
    return ObjectRef("column", name, table.schema or "public", table.name, (name,))


def own_tables(snapshot: Snapshot) -> Iterator[SourceTable]:
    """The tables whose models stand in the project and that its migrations make, without the copies that a library keeps of their rows."""
    for table in snapshot.source.tables:
        if table.owned and table.managed and table.column("history_type") is None:
            yield table


def is_library(column: SourceColumn) -> bool:
    """The column comes with a class of a library that dbwright knows by heart: the project cannot change it."""
    return column.file.startswith("stubs/")


def column_place(table: SourceTable, name: str) -> Place:
    """The line that defines a column."""
    column = table.column(name)
    if column is None or not column.line or is_library(column):
        return table.place
    return Place(column.file or table.place.file, column.line)


def model_name(table: SourceTable) -> str:
    """The class of a table without its module."""
    return table.symbol.rpartition(".")[2]


def skips_as_told(query: SourceQuery) -> bool:
    """The request says how many rows the query skips."""
    if query.query is None:
        return False
    return query.query.offset == "parameter" or (query.sql is not None and _UNKNOWN_OFFSET in query.sql)


def parameter_of(query: SourceQuery, predicate: Predicate) -> Parameter | None:
    """The value that a predicate compares with, when it is a placeholder."""
    number = predicate.parameter
    return query.parameters[number - 1] if 0 < number <= len(query.parameters) else None


def is_told(query: SourceQuery, predicate: Predicate) -> bool:
    """The value that a predicate compares with is written in the source."""
    parameter = parameter_of(query, predicate)
    return predicate.is_constant or (parameter is not None and parameter.origin == "constant")


def unique_keys(table: SourceTable) -> tuple[frozenset[str], ...]:
    """Sets of columns of which the database admits each combination once."""
    return tuple(dict.fromkeys(_unique_keys(table)))


def holds_key(table: SourceTable, columns: Set[str]) -> bool:
    """Whether the database admits each combination of the columns once, because a unique key is among them."""
    return any(key <= columns for key in unique_keys(table))


def _unique_keys(table: SourceTable) -> Iterator[frozenset[str]]:
    for constraint in table.constraints:
        if constraint.kind in ("unique", "primary key", "exclusion") and constraint.columns:
            yield frozenset(constraint.columns)
    for index in table.indexes:
        if index.unique and index.columns:
            yield frozenset(index.columns)
    for column in table.columns:
        if column.unique or (column.primary_key and sum(c.primary_key for c in table.columns) == 1):
            yield frozenset((column.name,))


def equal_columns(query: SourceQuery, table: str) -> frozenset[str]:
    """The columns of a table that every row of the result has one given value in."""
    if query.query is None:
        return frozenset()
    return frozenset(
        p.column.column
        for p in query.query.predicates
        if p.narrows and not p.negated and p.operator in ("=", "in") and p.column.table == table and p.value != "column"
    )
