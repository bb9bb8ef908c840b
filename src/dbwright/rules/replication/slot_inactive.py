"""A replication slot has no consumer and keeps WAL for it.

## Why it matters

The server keeps all WAL that the consumer has not confirmed, until the disk is full and the server stops; a slot with an xmin
also keeps VACUUM from removing dead rows. A forgotten slot of a test or of a standby that is gone is the usual cause.

## When to ignore

For minutes, while the consumer is restarted or moved.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.activity import ReplicationSlot
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_literal
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, slot, with_slots
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

_GIB = 1024**3

RISK: Risk = "outage"
NEEDS = ("replication.slots", "settings")
LIMITS: dict[str, float] = {"bytes": 256 * 1024**2, "seconds": 86_400, "transactions": 1_000_000, "full": 50 * 1024**3}
COVERS = ("slot-inactive", "slot-retains-wal")

BAD = (
    Sample(edit=with_slots(slot("old_replica", active=False, retained_bytes=20 * _GIB))),
    Sample(edit=with_slots(slot("cdc", kind="logical", active=False, retained_bytes=40_000_000, inactive_seconds=9e5))),
    Sample(edit=with_slots(slot("cdc", kind="logical", active=False, retained_bytes=0, catalog_xmin_age=40_000_000))),
)
GOOD = (
    Sample(edit=with_slots(slot("replica", retained_bytes=20 * _GIB))),
    Sample(edit=with_slots(slot("replica", active=False, retained_bytes=16 * 1024**2, inactive_seconds=60.0))),
    Sample(edit=with_slots(slot("copy", active=False, temporary=True, retained_bytes=20 * _GIB))),
    Sample(edit=with_slots(slot("gone", active=False, wal_status="lost", retained_bytes=None))),
    Sample(
        edit=both(
            with_slots(slot("made_ahead", active=False, wal_status=None, retained_bytes=None, inactive_seconds=9e6))
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    cap = snapshot.settings.bytes("max_slot_wal_keep_size")
    for row in snapshot.replication.slots:
        if (
            row.active
            or row.temporary
            or row.wal_status == "lost"
            or row.invalidation_reason
            or not _matters(row, limits)
        ):
            continue
        kept = row.retained_bytes or 0
        horizon = _horizon(row)
        bounded = cap is not None and cap >= 0
        yield Finding(
            title=f"Slot {row.name} keeps WAL for nobody"
            if kept >= limits["bytes"]
            else f"Slot {row.name} has no consumer",
            message=_message(row, kept, horizon, cap, limits),
            objects=(ObjectRef("slot", row.name),),
            impact=_impact(kept, horizon, limits),
            evidence={
                "retained_bytes": kept,
                "inactive_seconds": row.inactive_seconds,
                "xmin_age": horizon,
                "kind": row.kind,
                "max_slot_wal_keep_size": cap,
            },
            confidence="medium" if bounded else "high",
            next_step=f"Start its consumer again; if it is gone for good: SELECT pg_drop_replication_slot({quote_literal(row.name)});",
        )


def _message(row: ReplicationSlot, kept: int, horizon: int, cap: int | None, limits: Limits) -> str:
    text = f"It keeps {kept / _GIB:.1f} GiB of WAL" if kept >= _GIB else f"It keeps {kept / 1024**2:,.0f} MiB of WAL"
    if row.inactive_seconds:
        text += f", nobody has read it for {row.inactive_seconds / 3600:.0f} hours"
    if horizon >= limits["transactions"]:
        text += f", and VACUUM must spare what the last {horizon:,} transactions removed"
    if cap is not None and cap >= 0:
        return text + f"; at {bytes_text(cap)} the server gives the slot up."
    return text + "; nothing stops it before the disk is full."


def _horizon(slot: ReplicationSlot) -> int:
    return max(slot.xmin_age or 0, slot.catalog_xmin_age or 0)


def _matters(slot: ReplicationSlot, limits: Limits) -> bool:
    kept = slot.retained_bytes or 0
    forgotten = bool(kept) and (slot.inactive_seconds or 0) >= limits["seconds"]
    return kept >= limits["bytes"] or forgotten or _horizon(slot) >= limits["transactions"]


def _impact(kept: int, horizon: int, limits: Limits) -> Impact:
    by_size = Impact(kept, "bytes", limits["bytes"], limits["full"])
    by_age = Impact(horizon, "transactions", limits["transactions"], 500_000_000)
    return max(by_size, by_age, key=lambda impact: impact.magnitude)
