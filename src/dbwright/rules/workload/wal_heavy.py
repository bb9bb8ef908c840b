"""One statement writes most of the write-ahead log.

## Why it matters

WAL is written to disk at each commit, sent to every standby and kept in the archive: its volume sets the cost of replication and backups.
A statement that writes most of it usually changes wide or much-indexed rows one by one, or rows that did not change at all.

## When to ignore

When it loads the data the application lives on, in as few rows as can be.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    headline,
    recorded,
    reference,
    sample_statement,
    statements,
    tables_in,
    window_hours,
)
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("workload.statements",)
LIMITS = {"share": 0.5, "bytes_a_day": 10 * 1024**3}
COVERS = ("query-wal-heavy",)
YIELDS_TO = ("workload/dominant-statement", "workload/slow-statement")

_QUERY = "UPDATE orders SET seen_at = $1 WHERE id = $2"
_OTHER = sample_statement("INSERT INTO lines VALUES ($1)", 9_000, 1.0, query_id=2, wal_bytes=2 * 1024**3)

BAD = (
    Sample(
        "CREATE TABLE orders (id int);",
        edit=recorded(sample_statement(_QUERY, 9_000_000, 0.2, wal_bytes=60 * 1024**3), _OTHER),
    ),
)
GOOD = (
    Sample(edit=recorded(sample_statement(_QUERY, 9_000_000, 0.2, wal_bytes=1024**3), _OTHER)),
    Sample(edit=recorded(sample_statement(_QUERY, 9_000_000, 0.2, wal_bytes=60 * 1024**3), _OTHER, hours=24 * 30)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    total = sum(row.wal_bytes for row in snapshot.workload.statements)
    days = window_hours(snapshot) / 24
    for row in statements(snapshot.workload):
        if row.wal_bytes < limits["share"] * total or row.wal_bytes / days < limits["bytes_a_day"]:
            continue
        indexes = {t.name: len(snapshot.catalog.indexes_of(t)) for t in tables_in(row.query, snapshot.catalog).values()}
        yield Finding(
            title=f"{headline(row, snapshot)} writes {row.wal_bytes / total:.0%} of all WAL",
            message=f"{row.calls:,} calls wrote {bytes_text(row.wal_bytes)}, {bytes_text(row.wal_bytes / days)} a day and "
            f"{bytes_text(row.wal_bytes / max(row.rows, 1))} a row.",
            objects=(reference(row),),
            impact=Impact(row.wal_bytes / days, "bytes a day", limits["bytes_a_day"], 2 * 1024**4),
            evidence=evidence(snapshot, row) | {"wal_bytes": row.wal_bytes, "indexes": indexes},
            confidence="medium",
            next_step="Change only rows that differ (WHERE ... IS DISTINCT FROM ...), drop indexes on columns that it sets, and look at "
            "wal_compression and the distance of checkpoints.",
        )
