"""WAL archiving fails.

## Why it matters

What is not in the archive cannot be restored, and the server keeps every segment until it is archived: at last the disk is full and
the server stops.

## When to ignore

Right after an outage of the archive that is over; the server tries again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from dbwright.model.activity import Archiver
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("replication.archiver", "settings")
LIMITS: dict[str, float] = {"seconds": 60, "recent_seconds": 86_400}
COVERS = ("archiver-failing", "BP-27")


def _archiver(archived_ago: float | None, failed_ago: float | None, failed: int = 30) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        now = snapshot.taken_at
        row = Archiver(
            archived=0 if archived_ago is None else 900,
            failed=failed,
            last_archived_at=None if archived_ago is None else now - timedelta(seconds=archived_ago),
            last_failed_at=None if failed_ago is None else now - timedelta(seconds=failed_ago),
            last_failed_wal="000000010000000A000000FE",
            reset_at=now - timedelta(days=9),
        )
        return replace(snapshot, replication=replace(snapshot.replication, archiver=row))

    return edit


_ON = with_settings(archive_mode="on", archive_command="pgbackrest archive-push %p")
BAD = (Sample(edit=both(_archiver(7200, 30), _ON)), Sample(edit=both(_archiver(None, 30), _ON)))
GOOD = (
    Sample(edit=both(_archiver(20, 9000), _ON)),
    Sample(edit=both(_archiver(20, None, 0), _ON)),
    Sample(edit=_archiver(7200, 30)),
    Sample(edit=both(_archiver(9e6, 8e6), _ON)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row = snapshot.replication.archiver
    if row is None or row.last_failed_at is None or snapshot.settings.text("archive_mode") in (None, "off"):
        return
    if row.last_archived_at and row.last_archived_at >= row.last_failed_at:
        return
    if _seconds(snapshot, row.last_failed_at) > limits["recent_seconds"]:
        return  # Nothing was written since, or archiving was given up on purpose; archiving/stalled looks at that.
    since = _seconds(snapshot, row.last_archived_at or row.reset_at or row.last_failed_at)
    ok = f"the last success was {since / 3600:.1f} hours ago" if row.last_archived_at else "none has ever succeeded"
    yield Finding(
        title="WAL archiving fails",
        message=f"{row.failed:,} attempts failed, the last {_seconds(snapshot, row.last_failed_at) / 60:.0f} minutes ago on "
        f"{row.last_failed_wal}; {ok}, and WAL piles up meanwhile.",
        objects=(ObjectRef("setting", "archive_command"),),
        impact=Impact(max(since, limits["seconds"]), "seconds", limits["seconds"] / 10, 86_400),
        evidence={
            "failed": row.failed,
            "archived": row.archived,
            "last_failed_wal": row.last_failed_wal,
            "seconds_without_archive": round(since),
        },
        next_step="The server's log holds the output of archive_command: run the command by hand as the server's account "
        "with that segment, and mend what it says (space, permission, network, key).",
    )


def _seconds(snapshot: Snapshot, then: datetime) -> float:
    return max(0.0, (snapshot.taken_at - then).total_seconds())
