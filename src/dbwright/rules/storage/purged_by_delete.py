"""A large table of passing rows is emptied by DELETE.

## Why it matters

Rows that come in by time and are deleted after a while are written three times: inserted, marked dead, vacuumed, with all their index
entries.
DELETE gives no space back to the disk and leaves indexes bloated at their old end. Dropping a partition does the same work by removing a
file.

## When to ignore

When the deletes keep pace and neither space nor vacuuming is felt, or when which rows go does not depend on time.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.growth import time_of_arrival
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    "bytes": 10 * 1024**3,
    "deleted": 5_000_000,
    # Deleted for each inserted row: about as many go as come.
    "share": 0.3,
    "updates": 0.5,
    "correlation": 0.7,
}
COVERS = ("transient-table-unpartitioned", "DL-17")
YIELDS_TO = ("storage/large-table-unpartitioned",)

_LOG = """
CREATE TABLE log (id bigint PRIMARY KEY, logged_at timestamptz NOT NULL);
INSERT INTO log SELECT g, timestamptz '2024-01-01' + g * interval '1 minute' FROM generate_series(1, 2000) g {};
ANALYZE log;
"""
_GB = 1024**3
_PASSING = {"rows": 6e7, "table_bytes": 30 * _GB, "inserted": 9 * 10**7, "deleted": 8 * 10**7}

BAD = (Sample(_LOG.format(""), statistics={"log": _PASSING}),)
GOOD = (
    Sample(_LOG.format(""), statistics={"log": _PASSING | {"deleted": 10**6}}),
    Sample(_LOG.format(""), statistics={"log": _PASSING | {"table_bytes": _GB}}),
    Sample(_LOG.format("ORDER BY md5(g::text)"), statistics={"log": _PASSING}),
    Sample(_LOG.format(""), statistics={"log": _PASSING | {"updated": 9 * 10**7}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    for table in snapshot.catalog.user_tables:
        row, size = snapshot.statistics_of(table), snapshot.total_bytes(table)
        if table.kind != "table" or table.parents or row is None or size < limits["bytes"]:
            continue
        passing = row.deleted >= max(limits["deleted"], limits["share"] * row.inserted)
        if not passing or row.updated > limits["updates"] * max(row.inserted, 1):
            continue
        column = time_of_arrival(snapshot, table, limits["correlation"])
        if column is None:
            continue
        since = f"{days:,.0f} days" if days and days >= 2 else "the time since the counters began"
        yield Finding(
            title=f"{table.name} is purged by DELETE: {row.deleted:,} rows",
            message=f"In {since} {row.inserted:,} rows came into {table.name} ({bytes_text(size)}) and {row.deleted:,} were deleted; they "
            f"arrive in order of {column.name}.",
            objects=(table_ref(table), object_ref("column", table, column.name)),
            impact=Impact(row.deleted, "rows deleted", limits["deleted"], 5_000_000_000),
            evidence={
                "bytes": size,
                "inserted": row.inserted,
                "deleted": row.deleted,
                "dead_rows": row.dead_rows,
                "time_column": column.name,
                "days": None if days is None else round(days, 1),
            },
            confidence="medium",
            next_step=f"Partition by RANGE ({column.name}) so that one partition holds about a tenth of what is kept, make partitions "
            "ahead, and replace the DELETE by DROP TABLE of the oldest one (ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY first).",
        )
