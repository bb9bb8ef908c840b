"""Replication slots may keep WAL until the disk is full.

## Why it matters

With max_slot_wal_keep_size = -1, one consumer that stops takes the primary down with it, once its WAL fills the disk.
A limit gives that slot up instead, and the primary goes on.

## When to ignore

When the consumer must not lose its place at any price and the free space is watched.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, slot, with_settings, with_slots
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("replication.slots", "settings")
LIMITS: dict[str, float] = {"least": 10 * 1024**3, "times_max_wal_size": 4}
COVERS = ("slot-wal-limit-unset",)
YIELDS_TO = ("replication/slot-inactive", "replication/slot-retains-wal")

BAD = (Sample(edit=with_slots(slot("replica"))),)
GOOD = (
    Sample(),
    Sample(edit=with_slots(slot("copy", temporary=True))),
    Sample(edit=both(with_slots(slot("replica")), with_settings(max_slot_wal_keep_size="51200"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    lasting = [slot for slot in snapshot.replication.slots if not slot.temporary]
    if not lasting or settings.number("max_slot_wal_keep_size") != -1:
        return
    kept = max(slot.retained_bytes or 0 for slot in lasting)
    proposed = max(limits["least"], limits["times_max_wal_size"] * (settings.bytes("max_wal_size") or 0), 4 * kept)
    value = f"{proposed / 1024**3:.0f}GB"
    yield Finding(
        title="max_slot_wal_keep_size is unlimited",
        message=f"If the consumer of a slot ({len(lasting)} here) stops, WAL is kept for it until the disk is full; now the largest keeps "
        f"{bytes_text(kept)}.",
        objects=(ObjectRef("setting", "max_slot_wal_keep_size"),),
        impact=Impact(len(lasting), "slots", 1, 100),
        evidence={"slots": [slot.name for slot in lasting[:20]], "largest_retained_bytes": kept},
        confidence="low",
        change=Change(
            (SetServerParameter("max_slot_wal_keep_size", "-1", value),),
            note=f"{value} is at least four times what is kept now; the disk must have it free. A slot beyond it is lost.",
        ),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    cap = snapshot.settings.bytes("max_slot_wal_keep_size")
    if snapshot.replication.slots and cap is not None and cap >= 0:
        yield Strength(
            "Slots cannot fill the disk",
            f"A slot is given up when it keeps {cap / 1024**3:.1f} GiB of WAL.",
            {"max_slot_wal_keep_size": cap, "slots": len(snapshot.replication.slots)},
        )
