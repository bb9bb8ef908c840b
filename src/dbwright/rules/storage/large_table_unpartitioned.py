"""A very large table that grows by time is one piece.

## Why it matters

VACUUM, index builds, REINDEX and dumps work on whole tables: at hundreds of gigabytes each takes hours, and old rows can only be taken
away by DELETE, which leaves the space behind.
In monthly partitions the old ones stay frozen and are dropped or moved in an instant.

## When to ignore

When rows are found by keys without a time and none is ever removed: partitions make such queries slower, and every unique key would
have to hold the partition column.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.growth import time_of_arrival
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    # PostgreSQL's manual: worthwhile when a table is larger than the server's memory. Memory is not known here; 100 GB is more than
    # most servers of small teams have, and is where maintenance of one table takes hours.
    "bytes": 100 * 1024**3,
    "correlation": 0.9,
    # Rows updated for each inserted above which the table is no record of events.
    "updates": 0.5,
}
COVERS = ("large-table-unpartitioned", "table-very-large", "BP-23", "CH-19", "DL-16")

_EVENTS = """
CREATE TABLE events (id bigint PRIMARY KEY, created_at timestamptz NOT NULL){};
INSERT INTO events SELECT g, timestamptz '2024-01-01' + g * interval '1 minute' FROM generate_series(1, 2000) g {};
ANALYZE events;
"""
_GB = 1024**3
_LARGE = {"events": {"rows": 9e8, "table_bytes": 260 * _GB, "inserted": 10**7}}

BAD = (Sample(_EVENTS.format("", ""), statistics=_LARGE),)
GOOD = (
    Sample(_EVENTS.format("", ""), statistics={"events": {"rows": 9e6, "table_bytes": 2 * _GB}}),
    Sample(_EVENTS.format("", "ORDER BY md5(g::text)"), statistics=_LARGE),
    Sample(
        _EVENTS.format("", ""),
        statistics={"events": {"rows": 9e8, "table_bytes": 260 * _GB, "inserted": 1000, "updated": 10**7}},
    ),
    Sample(
        _EVENTS.replace("bigint PRIMARY KEY", "bigint")
        .format(" PARTITION BY RANGE (created_at)", "")
        .replace("INSERT", "CREATE TABLE events_all PARTITION OF events DEFAULT; INSERT"),
        statistics={"events_all": {"rows": 9e8, "table_bytes": 260 * _GB}},
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        size = snapshot.total_bytes(table)
        row = snapshot.statistics_of(table)
        if table.kind != "table" or table.parents or row is None or size < limits["bytes"]:
            continue
        column = time_of_arrival(snapshot, table, limits["correlation"])
        if column and row.updated <= limits["updates"] * max(row.inserted, 1):
            yield _finding(snapshot, table, column, size, limits)


def _finding(snapshot: Snapshot, table: Table, column: Column, size: int, limits: Limits) -> Finding:
    row = snapshot.statistics.column(table, column.name)
    rows = snapshot.rows(table)
    unique = [i.name for i in snapshot.catalog.indexes_of(table) if i.is_unique and column.name not in i.columns]
    references = len(snapshot.catalog.references_to(table))
    hindrances = [f"unique keys that would have to take in {column.name}: {', '.join(unique[:3])}"] if unique else []
    hindrances += [f"foreign keys that point at it: {references}"] if references else []
    hindrance = f" In the way stand {' and '.join(hindrances)}." if hindrances else ""
    return Finding(
        title=f"{table.name} holds {bytes_text(size)} in one piece",
        message=f"About {rows:,} rows lie in order of {column.name} and are rarely updated, so range partitions by {column.name} fit."
        f"{hindrance}",
        objects=(table_ref(table), object_ref("column", table, column.name)),
        impact=Impact(size, "bytes", limits["bytes"], 4 * 1024**4),
        evidence={
            "bytes": size,
            "rows": rows,
            "time_column": column.name,
            "correlation": row.correlation if row else None,
            "unique_indexes_without_it": unique,
            "foreign_keys_to_it": references,
        },
        confidence="medium",
        next_step=f"Make a table partitioned by RANGE ({column.name}), by month, beside it; give {table.name} a validated CHECK on its "
        "range and attach it as the first partition, which moves no row; make partitions ahead and drop or archive old ones on a schedule.",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    sizes = [(snapshot.total_bytes(t), t) for t in snapshot.catalog.user_tables if t.kind == "table"]
    if sizes:
        size, table = max(sizes, key=lambda entry: (entry[0], entry[1].name))
        if 0 < size < limits["bytes"]:
            yield Strength(
                "No table needs partitioning",
                f"The largest table, {table.name}, has {bytes_text(size)}; partitions begin to pay at about "
                f"{bytes_text(limits['bytes'])}.",
                {"largest": table.name, "bytes": size},
            )
