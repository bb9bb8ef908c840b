"""Indexes hold the rows that are only marked as deleted.

## Why it matters

Queries of an application with soft deletion add "and not deleted" to everything.
Where many rows are deleted, each search goes through entries that it throws away; partial indexes hold only the living
rows, are smaller and find them at once.

## When to ignore

When reports or an admin site search the deleted rows by the same columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dbwright.model.catalog import Column, Index, Table
from dbwright.model.change import Change, CreateIndex
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import (
    create_like,
    drop,
    index_ref,
    is_free,
    is_plain,
    own_tables,
    statements_about,
    statements_by_word,
    use_of,
)
from dbwright.model.indexing import free_name, serves_equality
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.indexes", "statistics.columns")
LIMITS = {"deleted": 0.3, "bytes_won": 50 * 1024**2, "index_bytes": 10 * 1024**2}
COVERS = ("soft-delete-not-indexed", "CH-12")
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/covered-by-include",
    "indexes/prefix-of-another",
    "indexes/partial-inside-full",
    "indexes/invalid",
)

_MARKER = re.compile(r"(is_)?(soft_)?(deleted|removed)(_at|_on|_time|_date)?|date_deleted|deletion_(time|date)", re.I)

_TABLE = """
CREATE TABLE message (id integer PRIMARY KEY, sender integer, at timestamptz, deleted_at timestamptz, is_removed boolean);
INSERT INTO message (id, deleted_at, is_removed) SELECT n, CASE WHEN n % 3 > 0 THEN now() END, n % 2 = 0
FROM generate_series(1, 900) n; ANALYZE message;
"""
_INDEX = "CREATE INDEX i ON message (sender, at DESC);"
_LARGE: dict[str, dict[str, Any]] = {"message": {"rows": 3e7}, "i": {"bytes": 900 * 1024**2}}

BAD = (
    Sample(_TABLE + _INDEX, statistics=_LARGE),
    Sample(
        _TABLE + _INDEX,
        statistics=_LARGE,
        edit=with_history(9, "SELECT * FROM message WHERE sender = $1 AND deleted_at IS NULL"),
    ),
    Sample(_TABLE.replace("deleted_at", "seen_at") + _INDEX, statistics=_LARGE),
)
GOOD = (
    Sample(_TABLE + _INDEX),
    Sample(_TABLE.replace("n % 3 > 0", "n % 30 = 0").replace("n % 2 = 0", "false") + _INDEX, statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON message (sender) WHERE deleted_at IS NULL;", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON message (sender, deleted_at);", statistics=_LARGE),
    Sample(_TABLE + _INDEX, statistics=_LARGE, edit=with_history(9, "SELECT * FROM message WHERE sender = $1")),
    Sample(
        "CREATE TABLE person (id integer PRIMARY KEY);"
        + _TABLE
        + "ALTER TABLE message ADD FOREIGN KEY (sender) REFERENCES person;"
        "CREATE INDEX i ON message (sender);",
        statistics=_LARGE,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "Indexes of {} tables are full of deleted rows")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    words = statements_by_word(snapshot.workload.statements)
    for table, indexes in own_tables(snapshot):
        marker, deleted = _marker(snapshot, table)
        if marker is None or deleted < limits["deleted"]:
            continue
        about = statements_about(words, table.name, marker.name)
        if snapshot.workload.available and not about:
            continue
        found = []
        for index in indexes:
            use = use_of(snapshot, index) if _may_be_partial(snapshot, table, index, marker) else None
            if use and use.bytes >= limits["index_bytes"]:
                found.append((use.bytes, index))
        won = int(sum(size for size, _ in found) * deleted)
        if found and won >= limits["bytes_won"]:
            figures = {"deleted_share": round(deleted, 3), "bytes_won": won, "statements": len(about)}
            yield _finding(snapshot, table, marker, [index for _, index in found], figures, limits)


def _marker(snapshot: Snapshot, table: Table) -> tuple[Column | None, float]:
    """The column that marks deleted rows, and the share of rows that it marks by the planner's estimate."""
    best: tuple[Column | None, float] = (None, 0.0)
    for column in snapshot.catalog.columns_of(table):
        if not _MARKER.fullmatch(column.name):
            continue
        statistics = statistics_of(snapshot, table, column.name)
        if statistics is None:
            continue
        if column.base_type == "bool":
            shares = dict(zip(statistics.common_values, statistics.common_frequencies, strict=False))
            share = shares.get("t", shares.get("true", 0.0))
        elif column.base_type in ("timestamp", "timestamptz", "date") and not column.not_null:
            share = 1 - statistics.null_fraction
        else:
            continue
        best = max(best, (column, share), key=lambda pair: pair[1])
    return best


def _may_be_partial(snapshot: Snapshot, table: Table, index: Index, marker: Column) -> bool:
    keys = snapshot.catalog.constraints_of(table, "foreign key")
    return (
        index.access_method == "btree"
        and index.predicate is None
        and not index.is_unique
        and marker.name not in index.columns
        and is_plain(snapshot, table, index)
        and is_free(snapshot, table, index)
        # The check of a foreign key looks for deleted rows too.
        and not any(serves_equality(index, key.columns) for key in keys)
    )


def _finding(
    snapshot: Snapshot, table: Table, marker: Column, indexes: list[Index], figures: dict[str, Any], limits: Limits
) -> Finding:
    quoted = quote_identifier(marker.name)
    predicate = f"NOT {quoted}" if marker.base_type == "bool" else f"{quoted} IS NULL"
    operations: list[CreateIndex] = []
    replaced: list[Index] = []
    for index in indexes:
        name = free_name(snapshot.catalog, table, tuple(c for c in index.columns if c))
        if name not in {o.name for o in operations}:
            operations.append(create_like(table, index, name, predicate=predicate))
            replaced.append(index)
    return Finding(
        title=f"{len(indexes)} indexes of {table.name} hold its deleted rows"
        if len(indexes) > 1
        else f"{indexes[0].name} on {table.name} holds its deleted rows",
        message=f"{figures['deleted_share']:.0%} of the rows are marked by {marker.name} (planner's estimate); partial indexes of the "
        f"living rows would be about {bytes_text(figures['bytes_won'])} smaller (estimated).",
        objects=tuple(index_ref(table, index) for index in indexes[:20]),
        impact=Impact(figures["bytes_won"], "bytes", limits["bytes_won"], 10 * 1024**3, estimated=True),
        evidence={**figures, "marker": marker.name, "indexes": [index.name for index in indexes]},
        confidence="medium" if figures["statements"] else "low",
        change=Change(
            (*operations, *(drop(table, index) for index in replaced)),
            note=f"Only queries that say WHERE {predicate} can use the partial indexes.",
        ),
    )
