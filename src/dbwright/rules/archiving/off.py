"""There is no way back to a point in time: WAL is neither archived nor streamed anywhere.

## Why it matters

A dump brings back the state of its own hour. What was written since is lost with the disk, and after a wrong DELETE there is no minute
before it to return to. Archived WAL, with a base backup, gives both.

## When to ignore

When the storage takes consistent snapshots often enough, or the data can be loaded again from its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, slot, standby, with_settings, with_slots, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings", "replication.slots", "replication.standbys", "replication.recovery", "catalog.databases")
LIMITS: dict[str, float] = {"bytes": 1024**3}
COVERS = ("archiving-disabled", "BP-27", "BP-25", "DL-14")


def _large(gib: float) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        rows = tuple(replace(d, bytes=int(gib * 1024**3)) if d.is_current else d for d in snapshot.catalog.databases)
        return replace(snapshot, catalog=replace(snapshot.catalog, databases=rows))

    return edit


def _managed(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, target=replace(snapshot.target, managed_by="Amazon RDS"))


BAD = (
    Sample(edit=_large(40)),
    Sample(edit=both(_large(40), with_slots(slot("gone", active=False), slot("cdc", kind="logical")))),
    Sample(edit=both(_large(40), with_settings(wal_level="minimal", max_wal_senders="0"))),
)
GOOD = (
    Sample(),
    Sample(edit=both(_large(40), _managed)),
    Sample(edit=both(_large(40), with_standbys(standby("replica")))),
    Sample(edit=both(_large(40), with_slots(slot("pg_receivewal")))),
    Sample(edit=both(_large(40), with_settings(archive_mode="on"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings, replication = snapshot.settings, snapshot.replication
    if settings.text("archive_mode") != "off" or snapshot.target.managed_by or _is_streamed(snapshot):
        return
    if replication.recovery is None or replication.recovery.in_recovery:
        return
    size = next((d.bytes for d in snapshot.catalog.databases if d.is_current), None) or 0
    if size < limits["bytes"]:
        return
    minimal = settings.text("wal_level") == "minimal"
    yield Finding(
        title="No way back to a point in time",
        message=f"{bytes_text(size)} are in this database, WAL is not archived and no standby or receiver takes it: "
        "a restore ends at the last dump, if there is one.",
        objects=(ObjectRef("setting", "archive_mode"),),
        impact=Impact(size, "bytes", limits["bytes"], 4 * 1024**4),
        evidence={
            "database_bytes": size,
            "wal_level": settings.text("wal_level"),
            "backups": "outside of what a database can tell",
        },
        confidence="medium",
        next_step=("ALTER SYSTEM SET wal_level = 'replica'; " if minimal else "")
        + "Let pgBackRest or Barman archive WAL and take base backups to another machine (ALTER SYSTEM SET archive_mode = on; "
        "archive_command = theirs; restart), then rehearse a restore.",
    )


def _is_streamed(snapshot: Snapshot) -> bool:
    """A standby, pg_receivewal or Barman takes the WAL as it is written."""
    replication = snapshot.replication
    return bool(replication.standbys) or any(s.active and s.kind == "physical" for s in replication.slots)


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    archiver = snapshot.replication.archiver
    if (
        snapshot.settings.text("archive_mode") in ("on", "always")
        and archiver
        and archiver.archived
        and archiver.last_archived_at
    ):
        yield Strength(
            "WAL is archived",
            f"{archiver.archived:,} segments were archived, the last at {archiver.last_archived_at:%Y-%m-%d %H:%M} UTC.",
            {"archived": archiver.archived, "failed": archiver.failed},
        )
