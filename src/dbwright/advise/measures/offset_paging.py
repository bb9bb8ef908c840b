"""Pages by OFFSET as pages by key: the page after a row is found in an index, while OFFSET reads all rows before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dbwright.advise.evidence import Evidence, Observed
from dbwright.advise.rewriting import (
    Node,
    Rewriting,
    Scope,
    Source,
    common_names,
    conjuncts,
    operation,
    operator_of,
    rewrites,
    scope_of,
    set_where,
    walk,
)
from dbwright.model.advice import Measure
from dbwright.model.catalog import Column
from dbwright.model.change import CreateIndex, IndexKey
from dbwright.model.indexing import free_name
from dbwright.source.expressions import string_of

DEEP = 1000
"""Rows passed over from which a page costs more than finding it by key, whatever it shows."""
SPREAD = 5
"""The longest call against the shortest: what depends on depth differs a lot."""
BLOCKS = 500
"""Pages of 8 KiB that a call touches: a first page needs a few."""
_NOT_SIMPLE = ("groupClause", "havingClause", "windowClause", "distinctClause", "larg", "withClause")


@dataclass(frozen=True)
class _Key:
    """A key of the order: how the statement writes it, and its column."""

    node: Node
    column: Column


def measures(evidence: Evidence) -> Iterator[Measure]:
    yield from rewrites(evidence, rewriting)


def rewriting(evidence: Evidence, observed: Observed, root: Node) -> Rewriting | None:
    if "limitOffset" not in root or "limitCount" not in root or any(key in root for key in _NOT_SIMPLE):
        return None
    if observed.query.aggregates or not (depth := _depth(evidence, observed, root["limitOffset"])):
        return None
    scope = scope_of(root, evidence.relations, common_names(root))
    found = _order(root, scope)
    if found is None:
        return None
    source, keys, descending = found
    first = 1 + max((node["ParamRef"].get("number", 0) for node in walk(root) if "ParamRef" in node), default=0)
    _page_by_key(root, keys, descending, first)
    names = tuple(key.column.name for key in keys)
    return Rewriting(
        "offset_paging",
        f"the next page of {source.table.name} by key instead of OFFSET",
        root,
        f"{depth} OFFSET reads all rows before the page. By key, with ({', '.join(names)}) of the last row shown as"
        f" ${first} to ${first + len(keys) - 1}, every page costs what the first does.",
        "It gives the next page, no page by number: rows that are added meanwhile are neither shown twice nor passed over.",
        tuple(_missing(evidence, source, names, descending, conjuncts(root.get("whereClause")))),
    )


def _depth(evidence: Evidence, observed: Observed, offset: Node) -> str:
    """What shows that deep pages are asked for; empty where nothing does."""
    number = offset.get("A_Const", {}).get("ival", {}).get("ival")
    if "ParamRef" in offset:
        number = observed.statement.parameters.get(offset["ParamRef"].get("number", 0))
    try:
        rows = int(str(number))
    except ValueError:
        rows = 0
    if rows >= DEEP:
        return f"{rows:,} rows are passed over."
    for row in evidence.snapshot.workload.statements:
        if row.query == observed.statement.sql and row.calls:
            blocks = (row.shared_blocks_hit + row.shared_blocks_read) / row.calls
            if blocks >= BLOCKS and row.max_milliseconds >= SPREAD * row.min_milliseconds:
                return (
                    f"A call touches {blocks:,.0f} pages on average and takes from {row.min_milliseconds:,.1f} to"
                    f" {row.max_milliseconds:,.0f} ms."
                )
    return ""


def _order(root: Node, scope: Scope) -> tuple[Source, list[_Key], bool] | None:
    """The table that is paged, its keys up to a unique one, and whether the order descends. All must be NOT NULL and of one direction,
    so that a comparison of rows says what comes after."""
    items = [item["SortBy"] for item in root.get("sortClause", ())]
    directions = {item.get("sortby_dir") == "SORTBY_DESC" for item in items}
    if not items or len(directions) != 1 or any(item.get("sortby_nulls") != "SORTBY_NULLS_DEFAULT" for item in items):
        return None
    owners = [scope.owner(item["node"]) for item in items]
    known = [owner for owner in owners if owner is not None]
    sources = {source.alias: source for source, _ in known}
    if len(known) != len(owners) or len(sources) != 1 or len(scope.sources) != 1 or not scope.complete:
        return None
    source = next(iter(sources.values()))
    keys = [_Key(item["node"], column) for item, (_, column) in zip(items, known, strict=True)]
    keys += _tie_breakers(scope, source, keys)
    if not all(key.column.not_null for key in keys) or not _is_unique(scope, source, keys):
        return None
    return source, keys, directions.pop()


def _tie_breakers(scope: Scope, source: Source, keys: Sequence[_Key]) -> list[_Key]:
    """The primary key's columns, where the order is not that of a unique key yet."""
    if _is_unique(scope, source, keys):
        return []
    primary = scope.relations.catalog.primary_key(source.table)
    have = {key.column.name for key in keys}
    columns = [scope.relations.catalog.column(source.table, name) for name in (primary.columns if primary else ())]
    return [_Key(_reference(source, column.name), column) for column in columns if column and column.name not in have]


def _reference(source: Source, name: str) -> Node:
    return {"ColumnRef": {"fields": [{"String": {"sval": source.alias}}, {"String": {"sval": name}}]}}


def _is_unique(scope: Scope, source: Source, keys: Sequence[_Key]) -> bool:
    names = {key.column.name for key in keys}
    return any(
        index.is_unique and index.predicate is None and not any(index.is_expression) and set(index.keys) <= names
        for index in scope.relations.catalog.indexes_of(source.table)
    )


def _page_by_key(root: Node, keys: Sequence[_Key], descending: bool, first: int) -> None:
    values: list[Node] = [
        {
            "TypeCast": {
                "arg": {"ParamRef": {"number": number}},
                "typeName": {"names": [{"String": {"sval": key.column.base_type}}], "typemod": -1},
            }
        }
        for number, key in enumerate(keys, first)
    ]
    nodes = [key.node for key in keys]
    left, right = (_row(nodes), _row(values)) if len(keys) > 1 else (nodes[0], values[0])
    after = operation("<" if descending else ">", left, right)
    set_where(root, [*conjuncts(root.get("whereClause")), after])
    direction = "SORTBY_DESC" if descending else "SORTBY_DEFAULT"
    root["sortClause"] = [
        {"SortBy": {"node": node, "sortby_dir": direction, "sortby_nulls": "SORTBY_NULLS_DEFAULT"}} for node in nodes
    ]
    root.pop("limitOffset")


def _row(nodes: Sequence[Node]) -> Node:
    return {"RowExpr": {"args": list(nodes), "row_format": "COERCE_IMPLICIT_CAST"}}


def _missing(
    evidence: Evidence, source: Source, names: tuple[str, ...], descending: bool, conditions: Sequence[Node]
) -> Iterator[CreateIndex]:
    """The index of that order, behind columns that equal a value, where neither one is there nor advised."""
    table = source.table
    scope_names = [column.name for column in evidence.snapshot.catalog.columns_of(table)]
    equal = tuple(
        dict.fromkeys(name for c in conditions if (name := _equal_column(c)) in scope_names and name not in names)
    )
    have = [index.columns for index in evidence.facts(table).indexes]
    have += [
        tuple(key.column for key in index.definition.keys)
        for index in evidence.advised
        if (index.definition.schema, index.definition.table) == (table.schema, table.name)
    ]
    if not any(keys[: len(names)] == names or keys[: len(equal) + len(names)] == (*equal, *names) for keys in have):
        keys = (*(IndexKey(name) for name in equal), *(IndexKey(name, descending=descending) for name in names))
        yield CreateIndex(
            table.schema,
            table.name,
            free_name(evidence.snapshot.catalog, table, (*equal, *names)),
            keys,
            on_partitioned=table.kind == "partitioned table",
        )


def _equal_column(condition: Node) -> str:
    if operator_of(condition) != "=":
        return ""
    left, right = condition["A_Expr"]["lexpr"], condition["A_Expr"]["rexpr"]
    if "ColumnRef" not in left or any("ColumnRef" in node for node in walk(right)):
        return ""
    return string_of(left["ColumnRef"]["fields"][-1])
