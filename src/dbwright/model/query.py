"""A query taken apart: what a planner looks at. Made from SQL text, whoever wrote that: an ORM, a person, ``pg_stat_statements``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verb = Literal["select", "insert", "update", "delete", "other"]
JoinKind = Literal["from", "inner", "left", "right", "full", "cross", "sub-select"]
Operator = str
"""As PostgreSQL spells it: ``=``, ``<``, ``in``, ``like``, ``ilike``, ``is null``, ``is not null``, ``between``, ``@>``, ``exists`` …"""


@dataclass(frozen=True, slots=True)
class QueryTable:
    """A table in a query. ``alias`` is unique within the query; ``depth`` counts the sub-queries around it."""

    name: str
    schema: str | None
    alias: str
    join: JoinKind
    depth: int = 0


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A column of one of the query's tables. ``table`` is the table's name, empty when the text does not tell."""

    table: str
    column: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A comparison in a WHERE, ON or HAVING clause.

    ``column`` is compared by ``operator`` with a constant or parameter (``value`` is ``parameter`` or the literal's text), or with
    ``other``, another column. ``wrapped`` is the expression around the column (``upper(text)``, ``date(…)``) or empty: then a plain index on the column
    serves. ``negated``: under NOT. ``alternative``: it stands below an OR, so that it alone does not narrow the query; predicates of one OR share
    its number. ``clause`` tells where it stands.
    """

    column: QueryColumn
    operator: Operator
    value: str = "parameter"
    other: QueryColumn | None = None
    wrapped: str = ""
    negated: bool = False
    alternative: int = 0
    clause: Literal["where", "on", "having"] = "where"
    depth: int = 0
    leading_wildcard: bool = False


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of ORDER BY; ``column`` is None for an expression, whose text is ``expression``."""

    column: QueryColumn | None
    descending: bool = False
    nulls_first: bool | None = None
    expression: str = ""


@dataclass(frozen=True)
class Query:
    """A statement as the planner sees it. ``group_by``, ``order_by``, ``limit``, ``offset``, ``distinct`` are those of the outermost level;
    ``aggregates`` the aggregate functions called; ``columns`` the columns selected (``*`` for all); ``set_columns`` those written."""

    verb: Verb
    tables: tuple[QueryTable, ...]
    predicates: tuple[Predicate, ...] = ()
    group_by: tuple[QueryColumn, ...] = ()
    order_by: tuple[OrderKey, ...] = ()
    aggregates: tuple[str, ...] = ()
    columns: tuple[QueryColumn, ...] = ()
    set_columns: tuple[str, ...] = ()
    limit: Literal["", "constant", "parameter"] = ""
    offset: Literal["", "constant", "parameter"] = ""
    distinct: bool = False
    locking: str = ""
    has_sub_select: bool = False
    has_union: bool = False
    has_where: bool = False
    fingerprint: str = ""
    """postgast's fingerprint of the text: equal for statements that differ in constants only."""
