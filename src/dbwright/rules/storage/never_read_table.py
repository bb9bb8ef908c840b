"""A large table has not been read since the counters began.

## Why it matters

Rows that nobody reads are still stored, backed up, vacuumed against wraparound and restored, which makes every backup and every
recovery longer.

## When to ignore

When it is kept as a record (audit, accounting), is read once a year, or is read on a replica that this audit did not see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.catalog import Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {"days": 30, "bytes": 1024**3}
COVERS = ("table-never-read",)

_GB = 1024**3
_TABLE = "CREATE TABLE old_orders (id bigint PRIMARY KEY);"
_UNREAD = {"old_orders": {"rows": 4e7, "table_bytes": 20 * _GB, "sequential_scans": 0, "index_scans": 0}}


def _counted_for(days: int, **statistics: object) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(days=days)
        return replace(snapshot, statistics=replace(snapshot.statistics, reset_at=began))

    return Sample(_TABLE, statistics={"old_orders": _UNREAD["old_orders"] | statistics}, edit=edit)


BAD = (_counted_for(90),)
GOOD = (
    _counted_for(10),
    _counted_for(90, index_scans=3),
    _counted_for(90, table_bytes=_GB // 2),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    if days is None or days < limits["days"]:
        return
    elsewhere = _scans_on_nodes(snapshot)
    found = [
        (snapshot.total_bytes(table), table)
        for table in snapshot.catalog.user_tables
        if snapshot.total_bytes(table) >= limits["bytes"] and not _was_read(snapshot, table, elsewhere)
    ]
    if not found:
        return
    found.sort(key=lambda entry: (-entry[0], entry[1].schema, entry[1].name))
    total = sum(size for size, _ in found)
    written = {table.name: snapshot.writes(table) for _, table in found}
    unseen = bool(snapshot.replication.standbys) and not snapshot.statistics.nodes
    names = ", ".join(table.name for _, table in found[:4])
    yield Finding(
        title=f"{found[0][1].name} ({bytes_text(total)}) was not read in {days:,.0f} days"
        if len(found) == 1
        else f"{len(found)} large tables ({bytes_text(total)}) were not read in {days:,.0f} days"[:79],
        message=f"No scan of {names} was counted in {days:,.0f} days"
        + (", here; reads on the replicas are not known." if unseen else ", neither by index nor as a whole."),
        objects=tuple(table_ref(table) for _, table in found[:20]),
        impact=Impact(total, "bytes", limits["bytes"], 1024**4),
        evidence={
            "days": round(days),
            "bytes": {table.name: size for size, table in found[:20]},
            "rows_written": written,
            "replicas_not_seen": unseen,
        },
        confidence="low" if unseen or any(written.values()) else "medium",
        next_step="Ask who needs them; if they are records, dump them (pg_dump -Fc -t ...), test the dump by restoring it, then drop them "
        "or keep only what the law asks for.",
    )


def _scans_on_nodes(snapshot: Snapshot) -> dict[int, int]:
    total: defaultdict[int, int] = defaultdict(int)
    for node in snapshot.statistics.nodes:
        for row in node.tables:
            total[row.oid] += row.scans
    return total


def _was_read(snapshot: Snapshot, table: Table, elsewhere: dict[int, int]) -> bool:
    """Whether any partition was scanned anywhere; a table without statistics counts as read."""
    leaves = snapshot.catalog.leaves_of(table)
    rows = [snapshot.statistics_of(leaf) for leaf in leaves]
    return any(row is None or row.scans for row in rows) or any(elsewhere.get(leaf.oid) for leaf in leaves)
