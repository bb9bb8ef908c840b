"""The database finds too little of what it needs in its cache, and reads much.

## Why it matters

Blocks that are not in shared_buffers come from the operating system's cache at best, from storage otherwise.
A low share with heavy reading means that the data in use is larger than the cache, or that large scans push it out.

## When to ignore

For databases of reports, which read everything once, and where reads are answered by the operating system's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import DatabaseStatistics
from dbwright.model.vacuuming import stored_tables
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("statistics.databases", "statistics.tables", "settings")
LIMITS = {"miss_share": 0.1, "bytes_a_second": 8 * 1024**2, "bytes": 10 * 1024**3}
COVERS = ("cache-hit-ratio-low", "CH-15")
YIELDS_TO = ("settings/shared-buffers-small",)


def _reading(read: int, hit: int) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        statistics, name = snapshot.statistics, snapshot.target.database
        rows = tuple(
            replace(d, blocks_read=read, blocks_hit=hit) if d.name == name else d for d in statistics.databases
        )
        return replace(
            snapshot, statistics=replace(statistics, databases=rows, reset_at=snapshot.taken_at - timedelta(days=10))
        )

    return edit


BAD = (Sample(edit=_reading(2_000_000_000, 6_000_000_000)),)
GOOD = (Sample(edit=_reading(2_000_000_000, 60_000_000_000)), Sample(edit=_reading(2_000_000, 6_000_000)), Sample())


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row, days = _own(snapshot), snapshot.counting_days
    if row is None or not days or row.blocks_read * 8192 < limits["bytes"]:
        return
    miss = row.blocks_read / (row.blocks_read + row.blocks_hit)
    rate = row.blocks_read * 8192 / days / 86400
    if miss < limits["miss_share"] or rate < limits["bytes_a_second"]:
        return
    cache = snapshot.settings.bytes("shared_buffers") or 0
    latency = row.read_milliseconds / row.blocks_read
    readers = sorted(stored_tables(snapshot), key=lambda pair: -(pair[1].heap_blocks_read + pair[1].index_blocks_read))[
        :3
    ]
    named = ", ".join(table.name for table, _ in readers)
    yield Finding(
        title=f"{miss:.0%} of the blocks {row.name} needs are not in its cache"[:79],
        message=f"It reads {bytes_text(rate)} a second with {bytes_text(cache)} of shared_buffers; most for {named or 'no table'}.",
        objects=(ObjectRef("database", row.name),),
        impact=Impact(rate, "bytes a second", limits["bytes_a_second"], 2 * 1024**3),
        evidence={
            "miss_share": round(miss, 4),
            "blocks_read": row.blocks_read,
            "blocks_hit": row.blocks_hit,
            "shared_buffers_bytes": cache,
            "read_milliseconds_a_block": round(latency, 4) if row.read_milliseconds else None,
            "tables": {f"{t.schema}.{t.name}": s.heap_blocks_read + s.index_blocks_read for t, s in readers},
        },
        # Blocks that come within a tenth of a millisecond come from the operating system's cache.
        confidence="low" if row.read_milliseconds and latency < 0.1 else "medium",
        next_step="See which statements read most (shared_blks_read in pg_stat_statements); if they need what they read, raise "
        "shared_buffers, to a quarter of the machine's memory at first.",
    )


def _own(snapshot: Snapshot) -> DatabaseStatistics | None:
    return next((d for d in snapshot.statistics.databases if d.name == snapshot.target.database), None)


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    row = _own(snapshot)
    if row and (row.blocks_hit + row.blocks_read) * 8192 >= limits["bytes"]:
        share = row.blocks_hit / (row.blocks_hit + row.blocks_read)
        if 1 - share < limits["miss_share"]:
            yield Strength(
                "The cache serves the database well",
                f"{share:.1%} of blocks were found in it.",
                {"hit_share": round(share, 4)},
            )
