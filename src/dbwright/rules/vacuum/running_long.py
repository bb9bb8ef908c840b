"""A VACUUM has been running for many hours.

## Why it matters

While it runs, the table is not vacuumed again: rows that die meanwhile wait for the next round.
A vacuum that takes a day is usually throttled by cost limits, goes over the indexes several times for want of memory, or is always
cancelled and starts again.

## When to ignore

For the first vacuum of a very large table, or a deliberate VACUUM (FREEZE).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import Progress
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("activity.progress", "catalog.tables")
LIMITS = {"hours": 6}
COVERS = ("vacuum-running-long",)


def _vacuum(hours: float | None, command: str = "vacuum") -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        (table,) = (t for t in snapshot.catalog.tables if t.name == "orders")
        row = Progress(9, command, table.oid, "vacuuming indexes", 0.62, 1, hours * 3600 if hours else None)
        return replace(snapshot, activity=replace(snapshot.activity, progress=(row,)))

    return Sample("CREATE TABLE orders (id int);", edit=edit)


BAD = (_vacuum(30),)
GOOD = (_vacuum(2), _vacuum(None), _vacuum(30, "create index"))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for progress in snapshot.activity.progress:
        table = snapshot.catalog.table_by_oid.get(progress.table_oid)
        seconds = progress.seconds or 0
        if progress.command != "vacuum" or table is None or seconds < limits["hours"] * 3600:
            continue
        row = snapshot.statistics_of(table)
        size = bytes_text(row.heap_bytes + row.index_bytes) if row else "unknown size"
        share = "" if progress.share is None else f", {progress.share:.0%} of the table read"
        again = f" It has gone over the indexes {progress.index_passes} times." if progress.index_passes else ""
        yield Finding(
            title=f"VACUUM of {table.name} has been running for {seconds / 3600:,.0f} hours",
            message=f"Process {progress.pid} is at '{progress.phase}'{share} ({size} with indexes).{again}",
            objects=(table_ref(table),),
            impact=Impact(seconds, "seconds", limits["hours"] * 3600, 72 * 3600),
            evidence={
                "pid": progress.pid,
                "phase": progress.phase,
                "share": progress.share,
                "index_passes": progress.index_passes,
                "hours": round(seconds / 3600, 1),
            },
            next_step="Let it end. If it waits on VacuumDelay, raise autovacuum_vacuum_cost_limit: it is read again while it runs; "
            f"else run VACUUM {table.name} by hand, which has no cost limit by default.",
        )
