"""A query taken apart: what a planner looks at. Made from SQL text, whoever wrote that: an ORM, a person, ``pg_stat_statements``.

A statement may hold several SELECTs: sub-selects, common table expressions, branches of a UNION. Each has a number, 0 for the
outermost (an INSERT, UPDATE or DELETE is number 0 itself), by which tables, predicates and `InnerSelect` belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Verb = Literal["select", "insert", "update", "delete", "other"]
JoinKind = Literal["from", "inner", "left", "right", "full", "cross", "sub-select"]
"""``from``: the first table of its SELECT; ``sub-select``: the first table of a SELECT inside another statement. A table after a comma is
``inner`` when a condition ties it to another table, otherwise ``cross``."""
Operator = str
"""As PostgreSQL spells it, in small letters: ``=``, ``<``, ``like``, ``ilike``, ``is null``, ``is not null``, ``between``, ``@>``,
``exists``; ``in`` stands for IN lists, ``= ANY (…)`` and ``IN (SELECT …)``, ``any`` for a value sought in an array column."""
Clause = Literal["where", "on", "having"]
Amount = Literal["", "constant", "parameter"]
Conflict = Literal["", "nothing", "update"]


@dataclass(frozen=True, slots=True)
class QueryTable:
    """A table in a query. ``alias`` is unique within the query; ``depth`` counts the sub-queries around it; ``select`` numbers its
    SELECT."""

    name: str
    schema: str | None
    alias: str
    join: JoinKind
    depth: int = 0
    select: int = 0


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A column of one of the query's tables. ``table`` is the table's name, empty when the text does not tell; ``alias`` that of
    the `QueryTable`."""

    table: str
    column: str
    alias: str = ""


NO_COLUMN = QueryColumn("", "")


@dataclass(frozen=True, slots=True)
class Predicate:
    """A comparison in a WHERE, ON or HAVING clause.

    ``column`` (`NO_COLUMN` for EXISTS) is compared by ``operator`` with ``value``: a literal as SQL writes it (``'open'``, ``5``,
    ``true``, ``('a', 'b')``), or one of the words ``parameter`` (its number is ``parameter``; a list of parameters is
    ``parameter`` too), ``expression`` (``now() - …``), ``sub-select``, ``column`` (then ``other`` is that column, and
    ``other_wrapped`` the expression around it). For ``in`` with a sub-select ``other`` is the column that the sub-select returns,
    when it is one.

    ``wrapped`` is the expression around the column with the column's bare name in it (``upper(email::text)``, ``data ->> 'key'``)
    or empty: then a plain index on the column serves. ``wrapper`` is its outermost function or operator (``upper``, ``::date``,
    ``at time zone``, ``->>``).

    ``negated``: under NOT; ``NOT is_active`` reads ``is_active = false``. ``alternative``: it stands below an OR, so that it alone
    does not narrow the query; predicates of one OR share that number and differ in ``branch``. ``row``: its place in a row
    comparison ``(a, b) < (x, y)``, from 1. ``leading_wildcard``: a pattern that begins with ``%`` or ``_``, None when only the
    parameter's value would tell.
    """

    column: QueryColumn
    operator: Operator
    value: str = "parameter"
    other: QueryColumn | None = None
    wrapped: str = ""
    negated: bool = False
    alternative: int = 0
    clause: Clause = "where"
    depth: int = 0
    leading_wildcard: bool | None = False
    select: int = 0
    branch: int = 0
    parameter: int = 0
    wrapper: str = ""
    other_wrapped: str = ""
    row: int = 0

    @property
    def narrows(self) -> bool:
        """Every row of the result fulfils it: it stands in a WHERE or ON clause and under no OR."""
        return not self.alternative and self.clause != "having"

    @property
    def is_constant(self) -> bool:
        """Compared with a literal."""
        return self.value not in ("parameter", "expression", "sub-select", "column", "")


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of ORDER BY; ``column`` is None for an expression, whose text is ``expression``. ``nulls_first`` is None when the
    text leaves it to PostgreSQL (first when descending)."""

    column: QueryColumn | None
    descending: bool = False
    nulls_first: bool | None = None
    expression: str = ""


@dataclass(frozen=True, slots=True)
class InnerSelect:
    """Grouping, order and limit of a SELECT inside the statement; ``correlated``: it uses columns of a SELECT around it."""

    number: int
    depth: int
    group_by: tuple[QueryColumn, ...] = ()
    order_by: tuple[OrderKey, ...] = ()
    aggregates: tuple[str, ...] = ()
    limit: Amount = ""
    offset: Amount = ""
    distinct: bool = False
    distinct_on: tuple[QueryColumn, ...] = ()
    correlated: bool = False


@dataclass(frozen=True)
class Query:
    """A statement as the planner sees it. ``group_by``, ``order_by``, ``limit``, ``offset``, ``distinct``, ``aggregates``,
    ``windows`` are those of the outermost SELECT, ``inner`` those of the others; ``columns`` the columns that the outermost
    selects (``*`` for all).

    ``set_columns`` are the columns written by INSERT and UPDATE, ``computed_columns`` those of them whose new value is made from
    columns (``stock = stock - 1``). ``conflict_columns`` are the columns of ON CONFLICT.
    """

    verb: Verb
    tables: tuple[QueryTable, ...]
    predicates: tuple[Predicate, ...] = ()
    group_by: tuple[QueryColumn, ...] = ()
    order_by: tuple[OrderKey, ...] = ()
    aggregates: tuple[str, ...] = ()
    columns: tuple[QueryColumn, ...] = ()
    set_columns: tuple[str, ...] = ()
    limit: Amount = ""
    offset: Amount = ""
    distinct: bool = False
    locking: str = ""
    """``update``, ``no key update``, ``share``, ``key share``, with ``nowait`` or ``skip locked`` after it; of any of its SELECTs."""
    has_sub_select: bool = False
    has_union: bool = False
    has_where: bool = False
    fingerprint: str = ""
    """postgast's fingerprint of the text: equal for statements that differ in constants only."""
    inner: tuple[InnerSelect, ...] = ()
    distinct_on: tuple[QueryColumn, ...] = ()
    group_expressions: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    computed_columns: tuple[str, ...] = ()
    conflict: Conflict = ""
    conflict_columns: tuple[str, ...] = ()

    @property
    def target(self) -> QueryTable | None:
        """The table that an INSERT, UPDATE or DELETE writes."""
        written = self.verb in ("insert", "update", "delete")
        return next((t for t in self.tables if t.select == 0), None) if written else None

    def selects(self) -> Iterator[InnerSelect]:
        """Every SELECT of the statement in one form, the outermost first."""
        yield InnerSelect(
            number=0,
            depth=0,
            group_by=self.group_by,
            order_by=self.order_by,
            aggregates=self.aggregates,
            limit=self.limit,
            offset=self.offset,
            distinct=self.distinct,
            distinct_on=self.distinct_on,
        )
        yield from self.inner


def with_values(query: Query, values: Mapping[int, Any]) -> Query:
    """The query with values of parameters that the source states (``{1: "%x%"}``, by the number of ``$1``): literals take the
    parameter's place and patterns tell how they begin. Values that SQL has no plain literal for stay parameters."""
    if not values:
        return query
    predicates = tuple(_with_value(p, values) if p.parameter in values else p for p in query.predicates)
    return replace(query, predicates=predicates)


def _with_value(predicate: Predicate, values: Mapping[int, Any]) -> Predicate:
    value = values[predicate.parameter]
    wildcard = predicate.leading_wildcard
    if wildcard is None and isinstance(value, str):
        wildcard = value[:1] in ("%", "_")
    text = literal(value) if predicate.value == "parameter" and predicate.operator in _LITERAL_OPERATORS else None
    return replace(predicate, value=text or predicate.value, leading_wildcard=wildcard)


_LITERAL_OPERATORS = frozenset(("=", "<>", "<", "<=", ">", ">=", "like", "ilike", "is", "is not"))


def literal(value: Any) -> str | None:
    """A Python value as SQL writes it, None when it has no plain literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return None


@dataclass(frozen=True)
class Usage:
    """A query with what an index would have to hold to answer it alone.

    ``columns`` are all columns that the statement reads of its tables, wherever they stand (``*`` for all of one); a ``*`` in a
    sub-select counts only as far as its columns are used outside. ``extremes`` are columns asked for their ``min`` or ``max``,
    ``windows`` the orders that windows (``OVER``) need. ``twins`` pairs an output column of the first branch of a UNION with those of the
    others: a condition on the one holds for the other. ``expressions`` gives, for the text of an expression as `Predicate` and
    `OrderKey` spell it, the SQL to index: faithful in types and quoting, its columns unqualified.
    """

    query: Query
    columns: tuple[QueryColumn, ...]
    extremes: tuple[QueryColumn, ...] = ()
    twins: tuple[tuple[QueryColumn, QueryColumn], ...] = ()
    windows: tuple[tuple[OrderKey, ...], ...] = ()
    expressions: Mapping[str, str] = field(default_factory=dict)
