"""Large parts of busy indexes are read into memory again and again.

## Why it matters

An index that is searched often should stay in memory: each search touches a few pages, and each page that is missing is a wait.
Indexes that are read from disk all day are larger than the memory that is left for them.

## When to ignore

When the reads come from the operating system's cache quickly enough, or from a nightly job that goes through everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import IndexUse, index_ref, use_of
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "statistics.indexes")
LIMITS = {"days": 1, "share_read": 0.1, "bytes_per_day": 10 * 1024**3}
COVERS = ("index-cache-hit-low",)

_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY, at timestamptz); CREATE INDEX i ON event (at);"
_COLD = {"i": {"bytes": 9e9, "blocks_read": 30_000_000, "blocks_hit": 40_000_000, "scans": 900_000}}

BAD = (Sample(_TABLE, statistics=_COLD, edit=with_history(7)),)
GOOD = (
    Sample(_TABLE, statistics=_COLD),
    Sample(_TABLE, statistics={"i": {**_COLD["i"], "blocks_hit": 40_000_000_000}}, edit=with_history(7)),
    Sample(_TABLE, statistics={"i": {"bytes": 9e9, "blocks_read": 300_000, "blocks_hit": 9}}, edit=with_history(7)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.statistics_days or 0
    if not days or days < limits["days"]:
        return
    cold: list[tuple[IndexUse, Table, Index]] = []
    for table in snapshot.catalog.user_tables:
        for index in snapshot.catalog.indexes_of(table):
            use = use_of(snapshot, index)
            touched = use.blocks_read + use.blocks_hit if use else 0
            if use and touched and use.blocks_read >= limits["share_read"] * touched:
                cold.append((use, table, index))
    cold.sort(key=lambda entry: (-entry[0].blocks_read, entry[2].oid))
    read = sum(use.blocks_read for use, _, _ in cold) * 8192 / days
    if not cold or read < limits["bytes_per_day"]:
        return
    worst = [entry for entry in cold if entry[0].blocks_read * 8192 / days >= limits["bytes_per_day"] / 20][:20]
    size, memory = sum(use.bytes for use, _, _ in worst), snapshot.settings.bytes("shared_buffers") or 0
    names = ", ".join(index.name for _, _, index in worst[:3])
    yield Finding(
        title=f"{bytes_text(read)} of index pages are read into memory each day",
        message=f"{len(worst)} indexes of {bytes_text(size)} in all account for it ({names}{' …' if len(worst) > 3 else ''}); "
        f"shared_buffers is {bytes_text(memory)}. Part of the reads may be served by the operating system's cache.",
        objects=tuple(index_ref(table, index) for _, table, index in worst),
        impact=Impact(read, "bytes per day", limits["bytes_per_day"], 10 * 1024**4),
        evidence={
            "bytes_per_day": round(read),
            "shared_buffers": memory,
            "indexes": [
                {"name": i.name, "bytes": u.bytes, "hit_ratio": round(u.blocks_hit / (u.blocks_hit + u.blocks_read), 3)}
                for u, _, i in worst
            ],
        },
        confidence="low",
        next_step=f"Drop or rebuild what is unused or bloated of {names} first; then give the server memory for the rest.",
        identity="cold indexes",
    )
