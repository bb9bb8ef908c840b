"""From the definition of an index to one that a phantom can suppose: with rows, pages and height."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dbwright.errors import DbwrightError
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.phantom import Phantom, PlanFailed, Session, WhatIfIndex
from dbwright.phantom.sizes import index_size
from dbwright.source.expressions import string_of
from dbwright.source.sql import CannotTakeApart, parse_statements
from dbwright.source.usage import faithful

Node = Mapping[str, Any]


class NoIndex(DbwrightError):
    """The text is not a CREATE INDEX that can be supposed."""


def supposed(session: Session, snapshot: Snapshot, definitions: Iterable[CreateIndex]) -> list[WhatIfIndex]:
    """Each with its estimated size. How many rows a partial one holds is the planner's own estimate."""
    rows_where: dict[tuple[str, str, str], float | None] = {}
    found = []
    for definition in definitions:
        table = snapshot.catalog.table_by_name[definition.schema, definition.table]
        rows: float = snapshot.rows(table)
        if definition.predicate is not None:
            key = (definition.schema, definition.table, definition.predicate)
            if key not in rows_where:
                rows_where[key] = _rows_where(session, definition)
            part = rows_where[key]
            rows = rows if part is None else part
        size = index_size(definition, snapshot.catalog, snapshot.statistics, rows)
        found.append(WhatIfIndex(definition, size.pages, rows, size.levels or 0))
    return found


def _rows_where(session: Session, definition: CreateIndex) -> float | None:
    table = quote_identifier(definition.schema, definition.table)
    try:
        return session.plan(f"SELECT 1 FROM {table} WHERE {definition.predicate}").rows  # noqa: S608 -- EXPLAIN on a server of our own
    except PlanFailed:
        return None


def supposed_from_text(phantom: Phantom, text: str) -> WhatIfIndex:
    """An index that a person wrote down. Raises NoIndex."""
    definition = definition_of(phantom.snapshot, text)
    with phantom.session() as session:
        try:
            index = supposed(session, phantom.snapshot, [definition])[0]
        except KeyError as error:
            raise NoIndex(
                f"{definition.table} has no column {error}.", "Give one of the columns of the table."
            ) from None
        with session.what_if([index]) as what_if:
            if what_if.refused:
                raise NoIndex(f"PostgreSQL does not make that index: {what_if.refused[0]}.", "Give another --index.")
    return index


def definition_of(snapshot: Snapshot, text: str) -> CreateIndex:
    """The index that a CREATE INDEX statement makes. Raises NoIndex."""
    remedy = 'Give --index "CREATE INDEX ON table (column, …)".'
    try:
        nodes = parse_statements(text)
    except CannotTakeApart as error:
        raise NoIndex(f"--index is not SQL: {error}.", remedy) from None
    node: Node | None = nodes[0].get("IndexStmt") if len(nodes) == 1 else None
    if node is None:
        raise NoIndex("--index is no CREATE INDEX statement.", remedy)
    relation = node["relation"]
    tables = [
        table
        for table in snapshot.catalog.tables
        if table.name == relation["relname"] and relation.get("schemaname") in (None, table.schema)
    ]
    if not tables:
        raise NoIndex(f"The snapshot has no table {relation['relname']}.", remedy)
    table = next((t for t in tables if t.schema == "public"), tables[0])
    return CreateIndex(
        table.schema,
        table.name,
        node.get("idxname") or "supposed",
        tuple(_key(part["IndexElem"]) for part in node.get("indexParams", ())),
        unique=bool(node.get("unique")),
        method=node.get("accessMethod", "btree"),
        include=tuple(part["IndexElem"]["name"] for part in node.get("indexIncludingParams", ())),
        predicate=faithful(node["whereClause"], {}) if "whereClause" in node else None,
        nulls_not_distinct=bool(node.get("nulls_not_distinct")),
        options=tuple(_option(part["DefElem"]) for part in node.get("options", ())),
    )


def _key(element: Node) -> IndexKey:
    nulls = {"SORTBY_NULLS_FIRST": True, "SORTBY_NULLS_LAST": False}.get(element.get("nulls_ordering", ""))
    return IndexKey(
        element.get("name"),
        None if element.get("name") else faithful(element["expr"], {}),
        element.get("ordering") == "SORTBY_DESC",
        nulls,
        string_of(element["opclass"][-1]) if element.get("opclass") else None,
    )


def _option(element: Node) -> str:
    """A storage parameter as SQL says it: ``fillfactor=100``; a word such as ``off`` is a type's name to the grammar."""
    if "arg" not in element:
        return str(element["defname"])
    ((kind, content),) = element["arg"].items()
    if kind == "TypeName":
        value = string_of(content["names"][-1])
    else:
        value = str(content.get({"Integer": "ival", "Float": "fval", "Boolean": "boolval"}.get(kind, "sval"), 0))
    return f"{element['defname']}={value.lower()}"
