"""A replication slot was given up by the server: its consumer can never go on with it.

## Why it matters

The WAL or the rows that the consumer needed are gone. A standby or subscriber that used the slot is standing still, and catches up
only by being copied anew.

## When to ignore

When its consumer is gone; then drop the slot.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_literal
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import slot, with_slots
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("replication.slots",)
LIMITS: dict[str, float] = {}
COVERS = ("slot-invalidated", "slot-conflicting")

BAD = (
    Sample(edit=with_slots(slot("replica", active=False, wal_status="lost", retained_bytes=None))),
    Sample(edit=with_slots(slot("cdc", kind="logical", active=False, invalidation_reason="rows_removed"))),
    Sample(edit=with_slots(slot("cdc", kind="logical", active=False, conflicting=True))),
)
GOOD = (
    Sample(edit=with_slots(slot("replica"))),
    Sample(edit=with_slots(slot("replica", wal_status="unreserved", conflicting=False))),
)

_WHY = {
    "wal_removed": "WAL that it needed was removed (max_slot_wal_keep_size)",
    "rows_removed": "rows of the catalog that it needed were removed",
    "wal_level_insufficient": "wal_level was lowered on the primary",
    "idle_timeout": "nobody used it for idle_replication_slot_timeout",
}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for row in snapshot.replication.slots:
        if row.wal_status != "lost" and not row.invalidation_reason and not row.conflicting:
            continue
        reason = row.invalidation_reason or ("wal_removed" if row.wal_status == "lost" else "rows_removed")
        name = quote_literal(row.name)
        yield Finding(
            title=f"Slot {row.name} is lost",
            message=f"The server gave the {row.kind} slot up: {_WHY.get(reason, reason)}. Its consumer gets nothing any more.",
            objects=(ObjectRef("slot", row.name),),
            impact=Impact(1, "slots", 0.1, 10),
            evidence={"wal_status": row.wal_status, "invalidation_reason": reason, "kind": row.kind},
            confidence="medium",
            next_step=f"SELECT pg_drop_replication_slot({name}); then copy the "
            + (
                "standby anew with pg_basebackup."
                if row.kind == "physical"
                else "subscriber's tables anew (a new slot and subscription)."
            ),
        )
