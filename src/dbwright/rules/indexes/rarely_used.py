"""A large index is written thousands of times for each time that it is read.

## Why it matters

Every row version stored in the table needs an entry in the index, and every vacuum reads it whole.
Where reads are that rare, the writers pay more for the index than its readers gain, unless the few readers really need it.

## When to ignore

When the rare reader must be quick all the same: a monthly invoice run, an alarm, a clean-up job.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change
from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.index_use import (
    IndexUse,
    columns_text,
    drop,
    foreign_keys_left_alone,
    index_ref,
    index_writes,
    is_free,
    own_tables,
    replicas_seen,
    use_of,
    window_days,
)
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes", "statistics.tables")
LIMITS = {"days": 30, "bytes": 100 * 1024**2, "writes_per_scan": 20_000, "scans_per_day": 1, "quiet_days": 30}
COVERS = ("rarely-used-index", "AB-16")
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/covered-by-include",
    "indexes/prefix-of-another",
    "indexes/partial-inside-full",
    "indexes/invalid",
)

_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY, kind text, at timestamptz); CREATE INDEX rare ON event (kind);"
_BUSY: dict[str, dict[str, Any]] = {
    "event": {"rows": 4e7, "inserted": 9e6},
    "rare": {"bytes": 2e9, "scans": 4, "last_scan": None},
}


BAD = (
    Sample(_TABLE, statistics=_BUSY, edit=with_history(60)),
    Sample(_TABLE, statistics=_BUSY, limits={"days": 0, "scans_per_day": 1e9}),
)
GOOD = (
    Sample(_TABLE, statistics=_BUSY),
    Sample(_TABLE, statistics={**_BUSY, "rare": {"bytes": 2e9, "scans": 4_000}}, edit=with_history(60)),
    Sample(_TABLE, statistics={**_BUSY, "event": {"rows": 4e7, "inserted": 900}}, edit=with_history(60)),
    Sample(_TABLE, statistics={**_BUSY, "rare": {"bytes": 2e6, "scans": 4}}, edit=with_history(60)),
    Sample(_TABLE, statistics={**_BUSY, "rare": {"bytes": 2e9, "scans": 0}}, edit=with_history(60)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = window_days(snapshot)
    if days < limits["days"]:
        return
    for table, indexes in own_tables(snapshot):
        writes = index_writes(snapshot, table)
        if writes < limits["writes_per_scan"]:
            continue
        for index in indexes:
            use = use_of(snapshot, index)
            if use is None or not use.scans or use.bytes < limits["bytes"] or index.predicate is not None:
                continue
            if use.scans > limits["scans_per_day"] * days or writes < limits["writes_per_scan"] * use.scans:
                continue
            if (
                index.is_unique
                or not is_free(snapshot, table, index)
                or foreign_keys_left_alone(snapshot, table, index)
            ):
                continue
            yield _finding(snapshot, table, index, use, writes, limits)


def _finding(snapshot: Snapshot, table: Table, index: Index, use: IndexUse, writes: int, limits: Limits) -> Finding:
    days = window_days(snapshot)
    quiet = (snapshot.taken_at - use.last_scan).total_seconds() / 86400 if use.last_scan else None
    sure = quiet is not None and quiet >= limits["quiet_days"] and replicas_seen(snapshot)[0] != "low"
    confidence: Confidence = "medium" if sure else "low"
    last = f"; the last scan was {quiet:.0f} days ago" if quiet is not None else ""
    return Finding(
        title=f"{index.name} on {table.name} is written far more than read",
        message=f"({columns_text(index)}) was read {use.scans:,} times in {days:.0f} days while {writes:,} row versions had to be "
        f"entered into it{last}. It takes {bytes_text(use.bytes)}.",
        objects=(index_ref(table, index),),
        impact=Impact(use.bytes, "bytes", limits["bytes"], 50 * 1024**3),
        evidence={
            "bytes": use.bytes,
            "scans": use.scans,
            "row_versions_written": writes,
            "days": round(days, 1),
            "last_scan": use.last_scan.isoformat() if use.last_scan else None,
            "definition": index.definition,
        },
        confidence=confidence,
        change=Change(
            (drop(table, index),),
            note="Find out first what reads it; a job that runs now and then may need it to end in time.",
        ),
    )
