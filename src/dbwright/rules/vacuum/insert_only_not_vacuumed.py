"""A large table that only grows is not vacuumed, so few of its pages are marked all-visible.

## Why it matters

Only VACUUM marks pages as visible to all and frozen.
Until it does, an index-only scan visits the table for every row, and the work of freezing gathers for one long forced vacuum.
Dead rows never trigger it on such a table; inserts do (PostgreSQL 13 and later) unless the insert threshold is off or far away.

## When to ignore

When no query could be answered from an index alone and the table will be dropped or detached whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.change import Change, Maintain, Operation, SetStorageParameter
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import hours_since, insert_threshold, stored_tables
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {"rows": 1_000_000, "bytes": 256 * 1024**2, "visible_share": 0.5, "changed_share": 0.05, "inserted_share": 0.3}
COVERS = ("all-visible-low", "index-only-heap-fetches")
YIELDS_TO = ("vacuum/autovacuum-off-on-table", "vacuum/dead-rows", "vacuum/scale-factor-on-large-table")

_LOG = """
CREATE TABLE log (id bigint PRIMARY KEY, note text) WITH ({options});
INSERT INTO log SELECT n, 'x' FROM generate_series(1, 20000) n;
ANALYZE log;
"""
_OFF = _LOG.format(options="autovacuum_vacuum_insert_threshold = -1")
_SMALL = {"rows": 5000, "bytes": 100_000}

BAD = (
    # What VACUUM marked stays marked.
    Sample(_OFF, limits=_SMALL, reversible=False),
    Sample(_LOG.format(options="autovacuum_vacuum_insert_scale_factor = 50"), limits=_SMALL),
)
GOOD = (
    Sample(_OFF),
    Sample(_OFF + "SELECT pg_sleep(1.1); VACUUM log;", limits=_SMALL),
    Sample(_OFF + "UPDATE log SET note = 'y' WHERE id % 4 = 0;", limits=_SMALL),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, row in stored_tables(snapshot):
        if row.estimated_rows < limits["rows"] or row.heap_bytes < limits["bytes"] or row.pages <= 0:
            continue
        if (
            table.kind != "table"
            or not _only_grows(row, limits)
            or row.all_visible_pages >= limits["visible_share"] * row.pages
        ):
            continue
        yield _finding(snapshot, limits, table, row)


def _only_grows(row: TableStatistics, limits: Limits) -> bool:
    """Whether it takes next to no updates, and much was inserted since the last vacuum."""
    quiet = row.updated + row.deleted <= limits["changed_share"] * row.inserted
    return quiet and row.inserted_since_vacuum >= limits["inserted_share"] * row.estimated_rows


def _finding(snapshot: Snapshot, limits: Limits, table: Table, row: TableStatistics) -> Finding:
    hidden = (row.pages - row.all_visible_pages) / row.pages
    due = insert_threshold(snapshot, table, row.estimated_rows)
    when = "off" if due is None else f"due from {due:,.0f}"
    hours = hours_since(snapshot, row.last_vacuum, row.last_autovacuum)
    steps: list[Operation] = [Maintain(table.schema, table.name, vacuum=True)]
    own = table.option("autovacuum_vacuum_insert_threshold")
    if own is not None and due is None:
        steps.append(SetStorageParameter(table.schema, table.name, "autovacuum_vacuum_insert_threshold", own, None))
    return Finding(
        title=f"{hidden:.0%} of {table.name} is not marked all-visible",
        message=f"{row.inserted_since_vacuum:,} rows were inserted since the last vacuum; vacuum by inserts is {when}. "
        "Index-only scans must visit the table, and freezing is put off.",
        objects=(table_ref(table),),
        impact=Impact(hidden * row.heap_bytes, "bytes", limits["bytes"], 1024**4, estimated=True),
        evidence={
            "pages": row.pages,
            "all_visible_pages": row.all_visible_pages,
            "inserted_since_vacuum": row.inserted_since_vacuum,
            "heap": bytes_text(row.heap_bytes),
            "insert_threshold": due,
            "hours_since_vacuum": None if hours is None else round(hours, 1),
        },
        confidence="medium",
        change=Change(tuple(steps)),
    )
