"""A quiet server archives its WAL hours late.

## Why it matters

A segment is archived when it is full. Where little is written that takes hours, and all of it is lost with the disk.
archive_timeout closes a segment that has changes in it after so many seconds.

## When to ignore

When a standby or pg_receivewal streams WAL elsewhere as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.activity import Archiver
from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, standby, with_settings, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings", "replication.wal", "replication.archiver", "replication.standbys", "replication.slots")
LIMITS: dict[str, float] = {"seconds": 3600, "high_seconds": 30 * 86_400, "segments": 2, "proposed_seconds": 300}
COVERS = ("archiving-disabled", "BP-27", "BP-29")


def _written(segments: float, days: float = 5) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        now = snapshot.taken_at
        archiver = Archiver(40, 0, now - timedelta(minutes=9), None, None, now - timedelta(days=days))
        state = replace(
            snapshot.replication,
            wal_bytes=int(segments * 16 * 1024**2),
            wal_reset_at=now - timedelta(days=days),
            archiver=archiver,
        )
        return replace(snapshot, replication=state)

    return edit


_ON = with_settings(archive_mode="on", archive_command="pgbackrest archive-push %p")
BAD = (Sample(edit=both(_written(20), _ON)),)
GOOD = (
    Sample(edit=both(_written(2_000), _ON)),
    Sample(edit=both(_written(20), _ON, with_settings(archive_timeout="600"))),
    Sample(edit=both(_written(20), _ON, with_standbys(standby("replica")))),
    Sample(edit=_written(20)),
    Sample(edit=both(_written(0.5), _ON)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings, replication = snapshot.settings, snapshot.replication
    if settings.text("archive_mode") in (None, "off") or settings.number("archive_timeout") != 0:
        return
    if replication.standbys or replication.slots or not (replication.wal_bytes and replication.wal_reset_at):
        return
    if replication.archiver is None or not replication.archiver.archived or snapshot.target.managed_by:
        return
    segment = settings.bytes("wal_segment_size") or 16 * 1024**2
    written = replication.wal_bytes / segment
    seconds = (snapshot.taken_at - replication.wal_reset_at).total_seconds() / max(written, 1e-9)
    if written < limits["segments"] or seconds < limits["seconds"]:
        return
    proposed = f"{limits['proposed_seconds']:.0f}"
    yield Finding(
        title=f"WAL is archived about every {seconds / 3600:.0f} hours only",
        message=f"At {bytes_text(replication.wal_bytes)} in {seconds * written / 86400:.1f} days a segment fills in about "
        f"{seconds / 3600:.1f} hours, and archive_timeout is 0: that much could be lost with the disk.",
        objects=(ObjectRef("setting", "archive_timeout"),),
        impact=Impact(seconds, "seconds", limits["seconds"], limits["high_seconds"], estimated=True),
        evidence={"seconds_per_segment": round(seconds), "wal_bytes": replication.wal_bytes},
        confidence="medium",
        change=Change(
            (SetServerParameter("archive_timeout", "0", proposed),),
            note="Each segment takes its full size in the archive unless it is compressed there.",
        ),
    )
