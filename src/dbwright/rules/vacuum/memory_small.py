"""Autovacuum's memory is too small for the dead rows of a large table.

## Why it matters

VACUUM collects the places of dead rows in memory; when that is full it goes over every index of the table, empties it and reads on.
Each further round reads all indexes again. Before PostgreSQL 17 a dead row takes six bytes and no more than 1 GB is used.

## When to ignore

When memory is short: the setting counts once for each worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import Progress
from dbwright.model.catalog import Table
from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import stored_tables, vacuum_threshold
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "catalog.tables", "statistics.tables")
LIMITS = {
    # Indexes smaller than this are read again in no time.
    "index_bytes": 2 * 1024**3,
    # PostgreSQL before 17: one item pointer.
    "bytes_per_row": 6,
    # PostgreSQL before 17 never uses more.
    "most_bytes": 1024**3,
    "passes": 2,
}
COVERS = ("vacuum-multiple-index-phases", "autovacuum-work-mem")

_TABLE = "CREATE TABLE orders (id int);"
_LARGE = {"orders": {"rows": 9e7, "updated": 40_000_000, "index_bytes": 9 * 1024**3}}


def _passes(passes: int) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        (table,) = (t for t in snapshot.catalog.tables if t.name == "orders")
        row = Progress(9, "vacuum", table.oid, "scanning heap", 0.62, passes, 600.0)
        return replace(snapshot, activity=replace(snapshot.activity, progress=(row,)))

    return Sample(_TABLE, statistics={"orders": {"index_bytes": 9 * 1024**3}}, edit=edit)


def _on_15(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, target=replace(snapshot.target, version=150018))


BAD = (_passes(2), Sample(_TABLE, statistics=_LARGE, edit=_on_15))
GOOD = (
    _passes(1),
    Sample(_TABLE, statistics={"orders": {"rows": 9e6, "updated": 4_000_000, "index_bytes": 9 * 1024**3}}, edit=_on_15),
    Sample(_TABLE, {"autovacuum_work_mem": "'256MB'"}, _LARGE, edit=_on_15),
    Sample(_TABLE, statistics={"orders": {"rows": 9e7, "updated": 40, "index_bytes": 9 * 1024**3}}, edit=_on_15),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    memory = _memory(snapshot)
    if memory is None or memory >= limits["most_bytes"]:
        return
    needs = [
        (_dead_rows(snapshot, table, row) * limits["bytes_per_row"], table)
        for table, row in stored_tables(snapshot)
        if row.index_bytes >= limits["index_bytes"]
    ]
    needed, table = max(needs, key=lambda pair: pair[0], default=(0.0, None))
    watched = _watched(snapshot, limits)
    if watched:
        table, needed = watched[0], max(needed, memory * (watched[1] + 1))
    if table is None or needed <= memory or (snapshot.target.major >= 17 and not watched):
        return
    yield _finding(snapshot, limits, table, needed, memory, watched)


def _finding(
    snapshot: Snapshot, limits: Limits, table: Table, needed: float, memory: int, watched: tuple[Table, int] | None
) -> Finding:
    new = int(min(limits["most_bytes"], 64 * 1024**2 * (needed // (64 * 1024**2) + 1)))
    row = snapshot.statistics_of(table)
    seen = f"The VACUUM that runs on {table.name} has gone over its indexes {watched[1]} times" if watched else None
    text = seen or f"The dead rows at which autovacuum comes to {table.name} need an estimated {bytes_text(needed)}"
    workers = snapshot.settings.number("autovacuum_max_workers") or 3
    return Finding(
        title=f"VACUUM's {bytes_text(memory)} of memory is too small for {table.name}",
        message=f"{text}, and each round reads {bytes_text(row.index_bytes if row else 0)} of indexes again.",
        objects=(ObjectRef("setting", "autovacuum_work_mem"),),
        impact=Impact(needed / memory, "rounds", 1, 20, estimated=not watched),
        evidence={
            "memory_bytes": memory,
            "needed_bytes": round(needed),
            "formula": f"dead rows at which autovacuum comes * {limits['bytes_per_row']:g} bytes, in steps of 64 MB",
            "table": f"{table.schema}.{table.name}",
            "index_bytes": row.index_bytes if row else None,
            "index_passes": watched[1] if watched else None,
        },
        confidence="high" if watched else "medium",
        change=Change(
            (
                SetServerParameter(
                    "autovacuum_work_mem", snapshot.settings.text("autovacuum_work_mem"), f"{new // 1024}"
                ),
            ),
            note=f"Each of {workers:g} workers may take as much, only while it needs it.",
        ),
    )


def _memory(snapshot: Snapshot) -> int | None:
    memory = snapshot.settings.bytes("autovacuum_work_mem")
    return snapshot.settings.bytes("maintenance_work_mem") if memory is None or memory < 0 else memory


def _dead_rows(snapshot: Snapshot, table: Table, row: TableStatistics) -> float:
    """Dead rows of a table when autovacuum comes; none for one that hardly loses rows."""
    threshold = vacuum_threshold(snapshot, table, row.estimated_rows)
    return max(row.dead_rows, threshold if row.updated + row.deleted >= threshold else 0)


def _watched(snapshot: Snapshot, limits: Limits) -> tuple[Table, int] | None:
    for progress in snapshot.activity.progress:
        table = snapshot.catalog.table_by_oid.get(progress.table_oid)
        if table and progress.command == "vacuum" and progress.index_passes >= limits["passes"]:
            return table, progress.index_passes
    return None
