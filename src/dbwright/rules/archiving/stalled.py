"""WAL archiving has stopped, though WAL is written.

## Why it matters

No failure is counted, yet nothing arrives: a command that hangs (a network mount, a lock, a prompt for a password) holds up the
archiver for good, and the server keeps all WAL meanwhile.

## When to ignore

When writing paused for that long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.activity import Archiver
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("replication.archiver", "replication.wal", "settings")
LIMITS: dict[str, float] = {"seconds": 3600, "segments": 8}
COVERS = ("archive-backlog", "last-wal-too-old")
YIELDS_TO = ("archiving/failing", "archiving/command-does-nothing")


def _archived(seconds_ago: float, segments_a_day: float, failed_ago: float | None = None) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        now = snapshot.taken_at
        failed = None if failed_ago is None else now - timedelta(seconds=failed_ago)
        row = Archiver(
            900, int(failed is not None), now - timedelta(seconds=seconds_ago), failed, None, now - timedelta(days=10)
        )
        return replace(
            snapshot,
            replication=replace(
                snapshot.replication,
                archiver=row,
                wal_bytes=int(segments_a_day * 10 * 16 * 1024**2),
                wal_reset_at=now - timedelta(days=10),
            ),
            target=replace(snapshot.target, started_at=now - timedelta(days=10)),
        )

    return edit


_ON = with_settings(archive_mode="on", archive_command="pgbackrest archive-push %p")
BAD = (Sample(edit=both(_archived(6 * 3600, 2_000), _ON)),)
GOOD = (
    Sample(edit=both(_archived(600, 2_000), _ON)),
    Sample(edit=both(_archived(6 * 3600, 3), _ON)),
    Sample(edit=_archived(6 * 3600, 2_000)),
    Sample(edit=both(_archived(6 * 3600, 2_000, failed_ago=60), _ON)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    replication, settings = snapshot.replication, snapshot.settings
    row = replication.archiver
    if (
        row is None
        or settings.text("archive_mode") in (None, "off")
        or not (replication.wal_bytes and replication.wal_reset_at)
    ):
        return
    if replication.recovery and replication.recovery.in_recovery:
        return
    if row.last_failed_at and (row.last_archived_at is None or row.last_failed_at >= row.last_archived_at):
        return  # That is archiving/failing.
    began = max(filter(None, (row.last_archived_at or row.reset_at, snapshot.target.started_at)), default=None)
    age = (snapshot.taken_at - began).total_seconds() if began else 0.0
    counted = (snapshot.taken_at - replication.wal_reset_at).total_seconds()
    segment = settings.bytes("wal_segment_size") or 16 * 1024**2
    waiting = replication.wal_bytes / segment / max(counted, 1) * age
    if age < limits["seconds"] or waiting < limits["segments"]:
        return
    yield Finding(
        title=f"Nothing was archived for {age / 3600:.0f} hours",
        message=f"At the average rate about {waiting:,.0f} segments were written meanwhile (estimated), and no failure was counted.",
        objects=(ObjectRef("setting", "archive_command"),),
        impact=Impact(age, "seconds", limits["seconds"], 2 * 86_400, estimated=True),
        evidence={"seconds": round(age), "estimated_segments": round(waiting), "archived": row.archived},
        confidence="medium",
        next_step="SELECT * FROM pg_stat_activity WHERE backend_type = 'archiver', then look on the server "
        "for a hanging child of that process; when it is ended, the archiver tries again.",
    )
