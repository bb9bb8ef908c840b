"""A standby streams without a slot and nothing keeps WAL for it.

## Why it matters

If it is away for longer than a few checkpoints, the WAL that it needs is removed ("requested WAL segment has already been removed")
and it must be copied anew.

## When to ignore

When its restore_command fetches older WAL from an archive.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, slot, standby, with_settings, with_slots, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("replication.standbys", "replication.slots", "settings")
LIMITS: dict[str, float] = {"keep_bytes": 1024**3}
COVERS = ("wal-keep-size-zero",)

BAD = (Sample(edit=with_standbys(standby("replica"))),)
GOOD = (
    Sample(edit=both(with_standbys(standby("replica")), with_slots(slot("replica")))),
    Sample(edit=both(with_standbys(standby("replica")), with_settings(wal_keep_size="4096"))),
    Sample(edit=both(with_standbys(standby("replica")), with_settings(archive_mode="on"))),
    Sample(edit=with_standbys(standby("pg_basebackup", state="backup"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    streaming = [
        s for s in snapshot.replication.standbys if s.state == "streaming" and not s.application.startswith("pg_")
    ]
    slots = sum(1 for s in snapshot.replication.slots if s.active)
    kept = settings.number("wal_keep_size")
    if snapshot.target.managed_by or len(streaming) <= slots or kept is None or kept > 0:
        return
    if settings.text("archive_mode") not in ("off", None):
        return
    keep = f"{max(limits['keep_bytes'], settings.bytes('max_wal_size') or 0) / 1024**2:.0f}MB"
    yield Finding(
        title="A standby is fed without a slot and without kept WAL",
        message=f"{counted(len(streaming), 'standby')} streaming, {counted(slots, 'slot')} in use, "
        "wal_keep_size is 0 and no archive exists: one that is away for some checkpoints cannot catch up.",
        objects=(ObjectRef("setting", "wal_keep_size"),),
        impact=Impact(len(streaming) - slots, "standbys", 1, 10),
        evidence={"standbys": [s.application for s in streaming], "active_slots": slots, "wal_keep_size": kept},
        confidence="medium",
        change=Change(
            (SetServerParameter("wal_keep_size", "0", keep),),
            note="It keeps that much more on disk; a slot of the standby's own (primary_slot_name) is exact instead.",
        ),
    )
