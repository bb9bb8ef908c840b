"""Dead rows make up a large part of a table.

## Why it matters

An UPDATE or DELETE leaves the old version of the row in place until VACUUM removes it.
Until then every scan reads it, every index points at it, and new rows cannot use its room, so the files grow and stay large.

## When to ignore

Right after a large batch, when autovacuum has not had its turn yet, or when the table is about to be truncated.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.change import Change, Maintain
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import (
    autovacuum_off,
    dead_share,
    horizon_holders,
    hours_since,
    latest,
    stored_tables,
    vacuum_threshold,
)
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {
    "dead_rows": 100_000,
    # autovacuum's default (autovacuum_vacuum_scale_factor = 0.2) starts at a share of 1/6.
    "share": 0.2,
    "recent_hours": 1,
}
COVERS = ("dead-tuples-high", "vacuum-stale", "AB-12")
YIELDS_TO = ("vacuum/autovacuum-off-on-table",)

_HALF_DEAD = """
CREATE TABLE orders (id bigint PRIMARY KEY, note text) WITH (autovacuum_enabled = off);
INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 20000) n;
ANALYZE orders;
DELETE FROM orders WHERE id > 10000;
"""
# A session sends its counts at most once a second; those that come after a VACUUM would be added to it.
_COUNTED = "SELECT pg_sleep(1.1);"
_FEW = {"dead_rows": 5_000}

BAD = (
    Sample(_HALF_DEAD, limits=_FEW),
    Sample(_HALF_DEAD.replace("id > 10000", "id % 2 = 0"), limits=_FEW),
)
GOOD = (
    Sample(_HALF_DEAD),
    Sample(_HALF_DEAD + _COUNTED + "VACUUM orders;", limits=_FEW),
    Sample("CREATE TABLE orders (id int);", statistics={"orders": {"rows": 9e6, "dead_rows": 900_000}}),
    Sample("CREATE TABLE jobs (id int);", statistics={"jobs": {"rows": 10, "dead_rows": 40_000}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    busy = {p.table_oid for p in snapshot.activity.progress if p.command == "vacuum"}
    for table, row in stored_tables(snapshot):
        share = dead_share(row)
        if row.dead_rows < limits["dead_rows"] or share < limits["share"] or table.oid in busy:
            continue
        yield _finding(snapshot, limits, table, row, share)


def _finding(snapshot: Snapshot, limits: Limits, table: Table, row: TableStatistics, share: float) -> Finding:
    hours = hours_since(snapshot, row.last_vacuum, row.last_autovacuum)
    holders = horizon_holders(snapshot)
    kept = hours is not None and hours < limits["recent_hours"] and bool(holders)
    threshold = vacuum_threshold(snapshot, table, row.estimated_rows)
    last = latest(row.last_vacuum, row.last_autovacuum)
    held = f"It was vacuumed {hours or 0:.1f} hours ago, but {holders[0].what} keeps the dead rows." if kept else ""
    return Finding(
        title=f"{table.name}: {share:.0%} of its rows are dead",
        message=f"About {row.dead_rows:,} dead rows lie among {row.estimated_rows:,} live ones, in {bytes_text(row.heap_bytes)} that every "
        f"scan reads. {held or _cause(snapshot, table, row, threshold, hours)}",
        objects=(table_ref(table),),
        impact=Impact(row.dead_rows, "rows", limits["dead_rows"], 100_000_000, estimated=True),
        evidence={
            "dead_rows": row.dead_rows,
            "live_rows": row.estimated_rows,
            "share": round(share, 3),
            "heap_bytes": row.heap_bytes,
            "autovacuum_from_dead_rows": round(threshold),
            "last_vacuum": last.isoformat() if last else None,
        },
        confidence="high" if hours is None or hours > 24 else "medium",
        change=None if kept else Change((Maintain(table.schema, table.name, vacuum=True, analyze=True),)),
        next_step=holders[0].step if kept else None,
    )


def _cause(snapshot: Snapshot, table: Table, row: TableStatistics, threshold: float, hours: float | None) -> str:
    if autovacuum_off(table) or snapshot.settings.on("autovacuum") is False:
        return "Autovacuum is off for it."
    if row.dead_rows < threshold:
        return f"Autovacuum waits for {threshold:,.0f} dead rows."
    when = "there is no vacuum on record" if hours is None else f"the last vacuum was {hours:,.0f} hours ago"
    return f"Autovacuum is due from {threshold:,.0f} dead rows, yet {when}: look for locks that cancel it or workers that are all busy."


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    large = [
        (t, s) for t, s in stored_tables(snapshot) if s.estimated_rows >= limits["dead_rows"] and s.updated + s.deleted
    ]
    if large:
        table, row = max(large, key=lambda pair: dead_share(pair[1]))
        yield Strength(
            "Dead rows are removed in time",
            f"Of {len(large)} large tables that are updated, {table.name} has the largest share of dead rows: {dead_share(row):.1%}.",
            {"tables": len(large), "largest_share": round(dead_share(row), 4)},
        )
