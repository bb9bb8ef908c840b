"""A B-tree on a whole array or JSON document, which cannot find what is inside.

## Why it matters

A B-tree compares arrays and documents as wholes: it finds equal ones and nothing else.
Queries for an element or a key (`@>`, `&&`, `?`, `->>`) cannot use it, and a value that is too large for a B-tree entry (some 2,700 bytes)
makes the INSERT fail.

## When to ignore

When whole values really are compared (de-duplication of short arrays).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import drop, index_ref, is_free, own_tables, use_of
from dbwright.model.indexing import free_name
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.tables", "statistics.indexes")
LIMITS = {"rows": 5_000, "entry_bytes": 2_704}  # a third of a page: BTMaxItemSize
COVERS = ("btree-on-array", "DL-03")
YIELDS_TO = ("indexes/duplicate", "indexes/prefix-of-another", "indexes/invalid")

_TABLE = "CREATE TABLE post (id bigint PRIMARY KEY, tags text[], body jsonb);"
_LARGE = {"post": {"rows": 2e6}}

BAD = (
    Sample(_TABLE + "CREATE INDEX i ON post (tags);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON post (body);", statistics=_LARGE),
)
GOOD = (
    Sample(_TABLE + "CREATE INDEX i ON post (tags);", statistics={"post": {"rows": 300}}),
    Sample(
        _TABLE + "CREATE INDEX i ON post USING gin (tags); CREATE INDEX j ON post ((body ->> 'kind'));",
        statistics=_LARGE,
    ),
    Sample(_TABLE + "CREATE UNIQUE INDEX i ON post (tags);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON post (tags);", statistics={**_LARGE, "i": {"scans": 4_000}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        for index in indexes:
            if index.access_method != "btree" or index.is_unique or len(index.keys) != 1 or index.predicate is not None:
                continue
            column = snapshot.catalog.column(table, index.columns[0] or "")
            if column is None or not (column.base_type == "jsonb" or column.base_type.startswith("_")):
                continue
            use, rows = use_of(snapshot, index), snapshot.rows(table)
            if use is None or use.scans or rows < limits["rows"] or not is_free(snapshot, table, index):
                continue
            yield _finding(snapshot, table, index, "document" if column.base_type == "jsonb" else "array", limits)


def _finding(snapshot: Snapshot, table: Table, index: Index, what: str, limits: Limits) -> Finding:
    rows, column = snapshot.rows(table), index.keys[0]
    statistics = statistics_of(snapshot, table, column)
    width = statistics.average_width if statistics else None
    risk = (
        f" Its values take {width:,} bytes on average; from {limits['entry_bytes']:,.0f} bytes an INSERT fails."
        if width and width > limits["entry_bytes"] / 4
        else ""
    )
    gin = CreateIndex(
        table.schema,
        table.name,
        free_name(snapshot.catalog, table, (column,), "gin"),
        (IndexKey(column),),
        method="gin",
        on_partitioned=table.kind == "partitioned table",
    )
    return Finding(
        title=f"{index.name} on {table.name} is a B-tree on a whole {what}",
        message=f"It finds rows whose {column} equals another {what} as a whole, never an element or key inside, and no scan used it; "
        f"{table.name} has {rows:,} rows (estimated).{risk}",
        objects=(index_ref(table, index),),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence={"rows": rows, "average_width": width, "scans": 0, "definition": index.definition},
        confidence="medium",
        change=Change(
            (gin, drop(table, index)),
            note="A GIN index costs writers more than a B-tree; when nothing searches inside the column, dropping is enough.",
        ),
    )
