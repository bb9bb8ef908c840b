"""The consumer of a replication slot is so slow that WAL piles up for it.

## Why it matters

The server keeps WAL until the consumer confirms it. When the disk is full the server stops; when max_slot_wal_keep_size is reached
the slot is given up and its consumer has to be copied anew.

## When to ignore

During the first copy of a large table, or one large load.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, slot, with_settings, with_slots
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

_GIB = 1024**3

RISK: Risk = "outage"
NEEDS = ("replication.slots", "settings")
LIMITS: dict[str, float] = {"bytes": 5 * 1024**3, "full": 200 * 1024**3, "share_of_cap": 0.5}
COVERS = ("slot-retains-wal", "logical-lag")

BAD = (
    Sample(edit=with_slots(slot("replica", retained_bytes=60 * _GIB))),
    Sample(edit=with_slots(slot("cdc", kind="logical", wal_status="unreserved", retained_bytes=3 * _GIB))),
    Sample(edit=both(with_slots(slot("cdc", retained_bytes=4 * _GIB)), with_settings(max_slot_wal_keep_size="6144"))),
)
GOOD = (
    Sample(edit=with_slots(slot("replica", retained_bytes=_GIB))),
    Sample(edit=with_slots(slot("replica", wal_status="extended", retained_bytes=2 * _GIB))),
    Sample(edit=with_slots(slot("old", active=False, retained_bytes=60 * _GIB))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    cap = snapshot.settings.bytes("max_slot_wal_keep_size")
    for row in snapshot.replication.slots:
        kept = row.retained_bytes or 0
        last_chance = row.wal_status == "unreserved"
        near_cap = cap is not None and cap > 0 and kept >= limits["share_of_cap"] * cap
        if (
            row.wal_status == "lost"
            or row.temporary
            or not (last_chance or (row.active and (kept >= limits["bytes"] or near_cap)))
        ):
            continue
        value = limits["full"] if last_chance else kept * (4 if near_cap else 1)
        ending = "the server gives it up at the next checkpoint." if last_chance else _until(cap)
        yield Finding(
            title=f"The consumer of slot {row.name} falls behind",
            message=f"{kept / _GIB:.1f} GiB of WAL wait for it; {ending}",
            objects=(ObjectRef("slot", row.name),),
            impact=Impact(value, "bytes", limits["bytes"], limits["full"]),
            evidence={
                "retained_bytes": kept,
                "wal_status": row.wal_status,
                "max_slot_wal_keep_size": cap,
                "active": row.active,
            },
            confidence="medium",
            next_step="SELECT slot_name, restart_lsn, confirmed_flush_lsn, wal_status FROM pg_replication_slots twice, a minute apart: "
            "if it does not advance, look at the consumer's log.",
        )


def _until(cap: int | None) -> str:
    if cap is not None and cap >= 0:
        return f"at {bytes_text(cap)} the server gives the slot up."
    return "nothing stops it before the disk is full."
