"""What was read of a project's source: its tables as the code defines them, the queries that it can issue, and what could not be told.

Files are named relative to the project's root with forward slashes; lines count from 1.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from dbwright.model import migrations as _migrations
from dbwright.model.migrations import Migrations
from dbwright.model.query import Query

Framework = Literal["django", "sqlalchemy", "sql"]
ParameterOrigin = Literal["constant", "argument", "request", "row", "settings", "unknown"]
"""Where the value of a placeholder comes from: the source itself, a caller, a user's request, a row of another query."""

Issued = Literal[
    "rows",
    "get",
    "first",
    "count",
    "exists",
    "aggregate",
    "insert",
    "update",
    "delete",
    "prefetch",
    "relation",
    "raw",
    "lock",
    "other",
]
"""How a query is issued. ``relation``: a relation that was not loaded is touched on an instance."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the project and the function (``Class.method``) that it stands in."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class SourceReference:
    """A foreign key in the code. ``on_delete`` is what the framework does, ``database_on_delete`` what the database is told."""

    table: str
    column: str
    on_delete: str | None = None
    database_on_delete: str | None = None


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as the code defines it. ``field`` is the attribute's name, ``type`` PostgreSQL's, ``options`` what else the field says
    that rules want to know (``choices``, ``validators``, ``auto_now``, ``blank``, ``default``: plain values)."""

    name: str
    field: str
    type: str | None
    not_null: bool
    primary_key: bool = False
    unique: bool = False
    has_default: bool = False
    references: SourceReference | None = None
    line: int = 0
    file: str = ""
    field_class: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str) -> Any:
        return next((value for key, value in self.options if key == name), None)


@dataclass(frozen=True, slots=True)
class SourceIndex:
    """An index in the code. ``columns`` are names, or expressions as text (then ``is_expression``); ``implicit``: made by a field's own
    option or by a foreign key."""

    name: str | None
    columns: tuple[str, ...]
    unique: bool = False
    method: str = "btree"
    descending: tuple[bool, ...] = ()
    is_expression: tuple[bool, ...] = ()
    opclasses: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    condition: str | None = None
    implicit: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceConstraint:
    """A constraint in the code; ``kind`` as in the catalog."""

    name: str | None
    kind: Literal["primary key", "unique", "check", "foreign key", "exclusion"]
    columns: tuple[str, ...] = ()
    condition: str | None = None
    deferrable: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table as the code defines it. ``symbol`` is the class (``shop.models.Order``) or the variable; ``ordering`` the default order
    in the framework's own words; ``owned``: the class stands in the project, not in a library."""

    name: str
    schema: str | None
    symbol: str
    place: Place
    framework: Framework
    columns: tuple[SourceColumn, ...] = ()
    indexes: tuple[SourceIndex, ...] = ()
    constraints: tuple[SourceConstraint, ...] = ()
    ordering: tuple[str, ...] = ()
    managed: bool = True
    owned: bool = True
    through: bool = False

    def column(self, name: str) -> SourceColumn | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A placeholder's value: where it comes from, and the value itself when it is written in the source."""

    origin: ParameterOrigin
    value: Any = None


@dataclass(frozen=True, slots=True)
class QueryLoop:
    """A loop around a query. ``table``: it runs once for each row of a query on that table, made at ``rows_made``;
    ``count``: it runs that often, as written in the source; neither: nobody knows how often."""

    place: Place
    table: str | None = None
    rows_made: Place | None = None
    count: int | None = None


@dataclass(frozen=True)
class SourceQuery:
    """One query that the project can issue.

    ``made`` is where the query is built (where a fix goes), ``issued`` where it is sent (where it hurts). ``sql`` is PostgreSQL's with
    ``$1`` placeholders, ``query`` the same taken apart; both are None when the query could not be written, and ``unknown`` says why.
    ``partial`` names conditions that are added at run time and could not be told. ``relation``: the path that was touched, for
    ``issued_by`` ``relation`` and ``prefetch``, and the one by which a related manager was reached for the others.
    ``loops`` go from the outside in;
    ``calls`` lead from the entry point to the place.
    ``request_text``: text of the user's request becomes part of the SQL itself. ``consumer``: what asked for the rows, in a word
    (``iterated``, ``len``, ``bool``, ``save``, ``get_or_create``, ``touch``).
    """

    framework: Framework
    issued_by: Issued
    made: Place
    issued: Place
    symbol: str | None = None
    table: str | None = None
    sql: str | None = None
    query: Query | None = None
    parameters: tuple[Parameter, ...] = ()
    unknown: str | None = None
    partial: str | None = None
    relation: str | None = None
    loops: tuple[QueryLoop, ...] = ()
    calls: tuple[Place, ...] = ()
    in_async: bool = False
    in_transaction: bool = False
    request_text: bool = False
    consumer: str = ""

    @property
    def rows_loops(self) -> tuple[QueryLoop, ...]:
        """The loops over rows of other queries."""
        return tuple(loop for loop in self.loops if loop.table is not None)


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """What could not be read of the source, and why."""

    file: str
    line: int
    reason: str


FactKind = Literal["input in SQL", "read-modify-write", "naive moment", "counted and used"]


@dataclass(frozen=True, slots=True)
class SourceFact:
    """What the text of a function shows by itself. ``name``: the call that runs the SQL, the attribute written back, the call that gives
    the moment, what is counted though used; ``end_line``: the last line of that call, the line of ``save``; ``owner``: the variable whose
    attribute it is."""

    kind: FactKind
    place: Place
    name: str
    end_line: int = 0
    owner: str = ""


@dataclass(frozen=True)
class Source:
    """A project's source as the planner would see it. ``lines`` counts those of the files read; ``sites`` the calls that look like queries,
    of which ``sites_with_table`` and ``sites_with_sql`` were understood so far."""

    tables: tuple[SourceTable, ...] = ()
    queries: tuple[SourceQuery, ...] = ()
    problems: tuple[SourceProblem, ...] = ()
    facts: tuple[SourceFact, ...] = ()
    files: int = 0
    lines: int = 0
    sites: int = 0
    sites_with_table: int = 0
    sites_with_sql: int = 0
    exact: bool = field(default=False)
    """The tables were asked of the framework itself (``--import``)."""
    migrations: Migrations = field(default_factory=Migrations)

    @cached_property
    def table_by_name(self) -> dict[str, SourceTable]:
        return {table.name: table for table in self.tables}

    @cached_property
    def _queries_by_table(self) -> dict[str, tuple[SourceQuery, ...]]:
        groups: defaultdict[str, list[SourceQuery]] = defaultdict(list)
        for query in self.queries:
            names = {t.name for t in query.query.tables} if query.query else {query.table} - {None}
            for name in names:
                groups[str(name)].append(query)
        return {name: tuple(group) for name, group in groups.items()}

    def queries_on(self, table: str) -> tuple[SourceQuery, ...]:
        """The queries that read or write a table, in the order of the source."""
        return self._queries_by_table.get(table, ())


# The two modules name each other's classes: a reading that was kept is read back by these names.
vars(_migrations).update(Place=Place, SourceTable=SourceTable)
