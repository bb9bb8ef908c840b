"""The server read data pages whose checksum was wrong.

## Why it matters

Such a page was not what PostgreSQL had written: the disk, its controller, the memory or the file system changed it.
Statements that need the page fail, physical backups copy it, and there are seldom only a few.

## When to ignore

When the damage was found, repaired and explained; then reset the counters so that a new one shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_database
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("statistics.databases",)
LIMITS: dict[str, float] = {}
COVERS = ("checksum-failures",)

BAD = (Sample(edit=with_database(checksum_failures=3)),)
GOOD = (Sample(edit=with_database(checksum_failures=0)), Sample(edit=with_database(checksum_failures=None)))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for row in snapshot.statistics.databases:
        if row.checksum_failures:
            name = row.name or "(shared catalogs)"
            yield Finding(
                title=f"{row.checksum_failures:,} checksum failures in database {name}"[:79],
                message=f"{row.checksum_failures:,} times a page of {name} did not have the checksum it was written with.",
                objects=(ObjectRef("database", name),),
                impact=Impact.certain(),
                evidence={
                    "checksum_failures": row.checksum_failures,
                    "counted_since": str(row.reset_at) if row.reset_at else None,
                },
                next_step="Keep the newest backups from being deleted; find the pages with `grep 'page verification failed'` in the log "
                "and `pg_amcheck --all --heapallindexed`; check disks and memory; restore what is damaged from a backup.",
            )
