"""Which rows belong to which: whether an equality leaves the few rows of one parent, those of a whole tenant, or all.

A table belongs to another when its rows cannot be without one of the other's. What belongs to nothing and has what belongs to it at second
hand (users, organisations, sites, accounts) is a tenant: a condition on it leaves a share of the table that grows. A condition on anything
below leaves what one order, one article, one event has.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from dbwright.model.asked import unique_keys
from dbwright.model.query import Query
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot, once
from dbwright.model.source import Place, SourceColumn, SourceQuery, SourceTable

Scope = Literal["row", "rows", "parent", "tenant", ""]
"""What the rows that a query asks a table for have in common: a key, that their keys are given, a parent, the tenant, or nothing."""

_TENANT = re.compile(r"(^|_)(users?|organi[sz]ations?|accounts?|sites?|tenants?|workspaces?|company|companies)$")
_OF_ALL = frozenset(("django_content_type", "django_site"))
"""What nearly all rows share."""
_KEPT_ON = re.compile(
    r"(log|logs|logentry|audit|event|events|history|message|messages|notification|notifications|activity|metric|hit)$"
)
"""Tables of what happens: one parent may have many thousands of rows."""


@once
def _parents(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """By table what its rows belong to, of the project's own tables."""
    own = {table.name for table in snapshot.source.tables if table.owned}
    return {
        table.name: frozenset(
            column.references.table
            for column in table.columns
            if column.references is not None
            and column.not_null
            and column.references.table in own
            and column.references.table != table.name
        )
        for table in snapshot.source.tables
        if table.owned
    }


def belongs(snapshot: Snapshot, table: str) -> bool:
    """A row of the table cannot be without one of another of the project's."""
    return bool(_parents(snapshot).get(table))


@once
def tenants(snapshot: Snapshot) -> frozenset[str]:
    """The tables that belong to nothing, or are named so, and to whose children something belongs."""
    parents = _parents(snapshot)
    children: defaultdict[str, set[str]] = defaultdict(set)
    for table in snapshot.source.tables:
        for column in table.columns:
            if column.references is not None and column.not_null and column.references.table != table.name:
                children[column.references.table].add(table.name)
    return frozenset(
        name
        for name, below in children.items()
        if name not in _OF_ALL
        and (not parents.get(name) or _TENANT.search(name))
        and any(children.get(child, set()) - {name, child} for child in below)
    )


def keeps_events(snapshot: Snapshot, table: SourceTable) -> bool:
    """By its name its rows are what happened, was said or was recorded, and nothing belongs to them."""
    if any(table.name in parents for parents in _parents(snapshot).values()):
        return False
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", table.symbol.rpartition(".")[2]).lower()
    return bool(_KEPT_ON.search(words) or _KEPT_ON.search(table.name))


def comes_in_by_time(snapshot: Snapshot, table: SourceTable) -> bool:
    """Its rows tell when they were made, or are events."""
    shape = shape_of_source(snapshot, table)
    return keeps_events(snapshot, table) or any(facts.stamped for facts in shape.columns.values())


def is_vocabulary(snapshot: Snapshot, table: SourceTable) -> bool:
    """Its name says that its rows are the kinds, states or levels of other things, and they belong to nothing but other such tables and
    whoever defines them: a few that are set up once."""
    if not _VOCABULARY.search(table.symbol.rpartition(".")[2] or table.name):
        return False
    above = (snapshot.source.table_by_name.get(name) for name in _parents(snapshot).get(table.name, ()))
    return all(
        parent is not None and (parent.name in tenants(snapshot) or is_vocabulary(snapshot, parent)) for parent in above
    )


_VOCABULARY = re.compile(
    r"(?:Type|Kind|Status|State|Choice|Category|Role|Level|Priority|Currency|Country|Language|Licen[cs]e|Unit|Scale|Phase|Permission)$"
    r"|(?:type|kind|status|state|choice|category|role|level|priority|currency|country|language|licen[cs]e|unit|scale|phase)(?:e?s)?$"
)
"""The last word of a class, or of a table without one."""


def is_set_up_once(snapshot: Snapshot, table: SourceTable) -> bool:
    """Kinds of things, how the site is set up, and tenants that are no accounts: people who run the site make them, one after the other."""
    name = table.symbol.rpartition(".")[2] or table.name
    if is_vocabulary(snapshot, table) or (_SETTING.search(name) and not keeps_events(snapshot, table)):
        return True
    return table.name in tenants(snapshot) and not _ACCOUNT.search(table.name)


_SETTING = re.compile(
    r"(?:Config|Configuration|Settings?|Server|Policy|Provider|Template|Plugin|Backend|Integration|Webhook|Schema)$"
)


def is_leaf(snapshot: Snapshot, table: str) -> bool:
    """Nothing belongs to its rows: a setting, an answer, a membership, and no order, ticket or thread."""
    return not any(table in parents for parents in _parents(snapshot).values())


def is_written_by_accounts(table: SourceTable) -> bool:
    """Users add rows to it, each with its moment, and not those who run the site."""
    moments = any(
        column.option("auto_now_add") or (column.has_default and (column.type or "").startswith("timestamp"))
        for column in table.columns
    )
    return moments and any(
        column.references is not None and bool(_ACCOUNT.search(column.references.table)) for column in table.columns
    )


_ACCOUNT = re.compile(r"(^|_)(user|account|customer|member)s?$")


def finds_few(snapshot: Snapshot, query: SourceQuery) -> bool:
    """One row at most, rows of given keys, what one parent has, or who has a name: what is saved on each of them is nothing that anybody
    waits for. Not so of tables of what happens."""
    table = snapshot.source.table_by_name.get(query.table or "")
    if table is None or query.query is None:
        return False
    scope = scope_of(snapshot, query.query, table)
    if scope in ("row", "rows") or (scope == "parent" and not keeps_events(snapshot, table)):
        return True
    shape = shape_of_source(snapshot, table)
    return any(
        p.operator == "=" and p.narrows and p.column.table == table.name and shape.facts(p.column.column).identifies
        for p in query.query.predicates
    )


@once
def fetched_by_line(snapshot: Snapshot) -> dict[tuple[Place | None, str], list[SourceQuery]]:
    """The queries that fetch rows, by the line that makes them and their table."""
    found: defaultdict[tuple[Place | None, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.issued_by in ("rows", "relation", "prefetch") and query.table is not None:
            found[query.made, query.table].append(query)
    return dict(found)


def scope_of(snapshot: Snapshot, query: Query, table: SourceTable) -> Scope:
    """What the rows that a query asks a table for have in common, by the equalities on the table and on those joined with it."""
    names = {t.alias: t.name for t in query.tables}
    equal: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for p in query.predicates:
        is_equality = p.operator in ("=", "in") and p.value != "column" and not p.negated and not p.wrapped
        if is_equality and p.narrows and p.clause == "where":
            equal[p.column.alias][p.column.column] = p.operator == "in"
    found: set[Scope] = set()
    for alias in _joined(query, table.name):
        at = snapshot.source.table_by_name.get(names[alias])
        if at is not None:
            found |= set(_by_keys(snapshot, at, equal[alias], table))
            found |= set(_by_columns(snapshot, at, equal[alias], table))
    return next((scope for scope in _NARROWEST_FIRST if scope in found), "")


def _by_keys(snapshot: Snapshot, at: SourceTable, equal: Mapping[str, bool], table: SourceTable) -> Iterator[Scope]:
    """By unique keys of one of the tables joined; ``equal`` has by column whether several values are given."""
    for key in unique_keys(at):
        if key <= equal.keys():
            yield _of_one(snapshot, at.name) if at is not table else "rows" if any(map(equal.get, key)) else "row"


def _by_columns(snapshot: Snapshot, at: SourceTable, equal: Mapping[str, bool], table: SourceTable) -> Iterator[Scope]:
    """By references, names and generic relations of one of the tables joined."""
    columns = [column for column in at.columns if column.name in equal]
    if any(map(_is_generic, columns)) and any(_OBJECT.search(column.name) for column in columns):
        yield "parent"
    for column in columns:
        if column.references is not None:
            if _is_led_by(at, column.name):
                yield _of_one(snapshot, column.references.table)
        elif at is not table and (column.type or "").startswith(_NAMES):
            yield "tenant"


def is_of_named_tenant(snapshot: Snapshot, query: Query) -> bool:
    """An equality narrows a table, or what is joined with it, to what one user, organisation, site … has: tables that are named so."""
    tables = snapshot.source.table_by_name
    columns = (
        tables[p.column.table].column(p.column.column)
        for p in query.predicates
        if p.operator == "=" and p.value != "column" and p.narrows and not p.negated and p.column.table in tables
    )
    return any(c is not None and c.references is not None and _TENANT.search(c.references.table) for c in columns)


_NAMES = ("text", "varchar", "citext", "uuid")
"""A name of what the rows are joined with picks out a share of them."""


_NARROWEST_FIRST: tuple[Scope, ...] = ("row", "parent", "rows", "tenant")
_OBJECT = re.compile(r"(^|_)object_?(id|pk|uuid)$")
"""What a generic relation keeps beside the type."""


def _is_led_by(table: SourceTable, column: str) -> bool:
    """Some index begins with the column, so that its rows are found by it."""
    keys = (
        *(i.columns for i in table.indexes),
        *(c.columns for c in table.constraints if c.kind in ("unique", "primary key")),
    )
    return any(key[:1] == (column,) for key in keys)


def _is_generic(column: SourceColumn) -> bool:
    return column.references is not None and column.references.table == "django_content_type"


def _of_one(snapshot: Snapshot, parent: str) -> Scope:
    if parent in _OF_ALL:
        return ""
    return "tenant" if parent in tenants(snapshot) else "parent"


def _joined(query: Query, table: str) -> frozenset[str]:
    """The aliases of a table and of all that is joined with it: its rows are looked up from theirs, or theirs from its."""
    mine = [t for t in query.tables if t.name == table]
    if not mine:
        return frozenset()
    levels = {t.alias: t.select for t in query.tables}
    found = {mine[0].alias}
    ties = [
        pair
        for p in query.predicates
        if p.other is not None and p.value == "column" and p.operator == "=" and p.narrows and not p.negated
        for pair in ((p.column.alias, p.other.alias), (p.other.alias, p.column.alias))
    ]
    waiting = True
    while waiting:
        more = {b for a, b in ties if a in found and b not in found and levels.get(b) == levels[mine[0].alias]}
        found |= more
        waiting = bool(more)
    return frozenset(found)
