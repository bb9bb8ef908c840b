"""What was read of a project's source: its tables as the code defines them, the queries that it can issue, and what could not be told.

Files are named relative to the project's root with forward slashes; lines count from 1.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from dbwright.model.migrations import Migrations
from dbwright.model.query import Query
from dbwright.model.source_table import (
    Framework,
    Place,
    SourceColumn,
    SourceConstraint,
    SourceIndex,
    SourceReference,
    SourceTable,
)

__all__ = [
    "FactKind",
    "Framework",
    "Issued",
    "Parameter",
    "ParameterOrigin",
    "Place",
    "QueryLoop",
    "Source",
    "SourceColumn",
    "SourceConstraint",
    "SourceFact",
    "SourceIndex",
    "SourceProblem",
    "SourceQuery",
    "SourceReference",
    "SourceTable",
]

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
class Parameter:
    """A placeholder's value: where it comes from, and the value itself when it is written in the source. ``or_none``: the value may be
    None, and for ``column = $1`` the framework then writes ``column IS NULL``."""

    origin: ParameterOrigin
    value: Any = None
    or_none: bool = False


@dataclass(frozen=True, slots=True)
class QueryLoop:
    """A loop around a query. ``table``: it runs once for each row of a query on that table, made at ``rows_made`` and built further at
    ``rows_built``; ``count``: it runs that often, as written in the source; neither: nobody knows how often."""

    place: Place
    table: str | None = None
    rows_made: Place | None = None
    count: int | None = None
    rows_built: tuple[Place, ...] = ()
    relation: str | None = None
    """The path by which its rows are reached from those of a loop outside of it, of a query made at ``owner``."""
    owner: Place | None = None
    owner_table: str | None = None
    by_framework: bool = False
    """It stands in the framework's code; ``place`` is the line that calls for it."""
    of_unknown_row: bool = False
    """Its rows are related to a row of which nobody knows how it was fetched, and so what was fetched along."""
    by_graphql: bool = False
    """Its rows are those that a GraphQL query asks for; no queryset of the project's gives them."""
    of_choices: bool = False
    """Its rows are what a field of a form, or a filter, offers to choose from."""
    asked: Place | None = None
    """Where rows are asked for that were prefetched with a queryset of their own, which is made at ``rows_made``."""
    made_by_framework: bool = False
    """No line of the project makes its rows' query; ``rows_made`` is the line that the framework was asked at, or the class."""


@dataclass(frozen=True)
class SourceQuery:
    """One query that the project can issue.

    ``made`` is where the query is built (where a fix goes), ``issued`` where it is sent (where it hurts). ``sql`` is PostgreSQL's with
    ``$1`` placeholders, ``query`` the same taken apart; both are None when the query could not be written, and ``unknown`` says why.
    ``optional`` are the spans of ``sql`` with conditions that the statement may not have, the outer before the inner ones: filters that
    are put together under conditions.
    ``partial`` names conditions that are added at run time and could not be told. ``relation``: the path that was touched, for
    ``issued_by`` ``relation`` and ``prefetch``, and the one by which a related manager was reached for the others; it starts at a row of
    the query on ``owner_table`` made at ``owner``. ``whole``: a related manager is asked
    for all its rows, which it answers by itself when they were prefetched.
    ``guards``: how many conditions that are not known it stands under in the body of the innermost of its loops; ``conditions``: the same
    in the functions that this calls, where two that only ask the columns of the row whose method it is are no doubt yet.
    ``loops`` go from the outside in;
    ``calls`` lead from the entry point to the place; ``entries`` are the files of all entry points that lead to it.
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
    owner: Place | None = None
    owner_table: str | None = None
    whole: bool = False
    guards: int = 0
    conditions: int = 0
    loops: tuple[QueryLoop, ...] = ()
    calls: tuple[Place, ...] = ()
    entries: tuple[str, ...] = ()
    in_async: bool = False
    in_transaction: bool = False
    request_text: bool = False
    consumer: str = ""
    optional: tuple[tuple[int, int], ...] = ()

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


FactKind = Literal[
    "input in SQL",
    "order from request",
    "read-modify-write",
    "naive moment",
    "counted and used",
    "default key",
    "time zones",
    "one row",
    "several rows caught",
    "refusal caught",
    "refused in code",
    "structure checked in code",
    "effect in transaction",
    "counted for a test",
    "only counted",
    "only tested",
    "columns read",
    "operator of Python",
    "raw SQL in extra",
    "default made once",
    "filled in before saving",
    "job",
    "on failure",
    "remembered",
    "few turns",
    "left after",
    "list handed in",
    "listens to writes",
]


@dataclass(frozen=True, slots=True)
class SourceFact:
    """What the text of a function or class shows by itself.

    * ``input in SQL``: ``name`` is the call that runs the SQL, ``end_line`` its last line; ``owner`` the line that puts the text into SQL
      where the call hands it to another function.
    * ``order from request``: the same of text that names what rows are ordered by.
    * ``read-modify-write``: the attribute written back, ``owner`` the variable whose attribute it is, ``end_line`` the line of ``save``.
    * ``naive moment``: the call that gives it; ``owner`` tells where it goes (``default``, ``stored``, ``in a query``, ``compared``,
      ``returned``, ``passed on``).
    * ``counted and used``: what is counted though used.
    * ``default key``: the field class that tables without a key of their own get, ``owner`` the class that says so (empty: the settings).
    * ``time zones``: what the settings say of ``USE_TZ``, ``on`` or ``off``.
    * ``one row``: a result is asked for its only row by the method ``name``, which ends at ``end_line``.
    * ``refusal caught``: the lines to ``end_line`` are tried, and the database's refusal of a row (``IntegrityError``) is caught.
    * ``several rows caught``: the function catches the error that a second row gives.
    * ``refused in code``: a method of the model ``owner``, or of a form or serializer for it, raises for some values of the fields in
      ``name`` (commas between them).
    * ``structure checked in code``: a form or serializer for the model ``owner`` refuses some values of the field ``name`` by other means.
    * ``effect in transaction``: the call that queues a task, sends mail or asks another server while a transaction is open.
    * ``counted for a test``: a number of rows is asked for to know whether there are any.
    * ``only counted``, ``only tested``: the call or the variable ``name`` on the lines to ``end_line`` is asked for its length, or whether
      it is empty, and the function makes no other use of it than to build further queries.
    * ``columns read``: of the rows that are walked over on the lines to ``end_line`` nothing but the attributes in ``name`` (commas between
      them) is read, and the function makes no other use of them.
    * ``operator of Python``: a condition on a column of the class ``owner`` is written with Python's operator ``name``.
    * ``raw SQL in extra``: the arguments of ``extra()`` that hold SQL.
    * ``default made once``: a column's default that is computed when the module is imported, or shared by all rows, as written.
    * ``job``: the body of a function that a queue or a clock calls, or that such functions alone name; ``name`` is what makes it one.
    * ``on failure``: the lines of an exception's handler.
    * ``remembered``: lines that run once for each key of the mapping ``name`` (``if key not in seen: seen[key] = …``), or the body of a
      function whose results are kept by its arguments (``name`` is empty).
    * ``few turns``: a loop over a form's fields, settings, choices or what is written down in the file; ``name`` is which.
    * ``left after``: the lines of a loop's body (``owner`` is the line of its head) after which it goes round no more, or may not: what
      ``any``, ``all`` and ``next`` ask a generator for.
    * ``list handed in``: a loop over what the caller of its function hands in, or what was parsed from a file or an answer.
    * ``listens to writes``: a function that a signal of the model ``owner`` (of any, when empty) calls, or its own ``save()``; ``name`` is
      which.
    * ``filled in before saving``: ``save()`` or ``clean()`` of the class ``owner`` sets the attribute ``name``.
    """

    kind: FactKind
    place: Place
    name: str
    end_line: int = 0
    owner: str = ""


@dataclass(frozen=True)
class Source:
    """A project's source as the planner would see it. ``lines`` counts those of the files read; ``sites`` the lines that issue
    queries, of which ``sites_with_table`` and ``sites_with_sql`` were understood so far."""

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
    key: str = field(default="", compare=False)
    """Names the content of the files that it was read from; empty where nobody worked that out."""

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
