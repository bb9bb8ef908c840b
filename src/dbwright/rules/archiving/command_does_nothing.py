"""Archiving is switched on, but its command archives nothing.

## Why it matters

A command that always succeeds throws each segment away while the counters say that it was archived: a restore to a point in time
cannot work. An empty command is worse at once: the server keeps all WAL until the disk is full.

## When to ignore

When archive_mode is kept on only to be able to switch archiving on without a restart, and standbys are the way back; or while
another program streams the WAL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import slot, with_slots
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings", "replication.slots", "replication.standbys")
LIMITS: dict[str, float] = {}
COVERS = ("archiving-disabled", "BP-27")

_NOTHING = re.compile(
    r"\s*(?:(?:/usr)?(?:/bin/)?true|:|exit\s+0|cd\s+\.|rem\b.*|(?:/usr)?(?:/bin/)?echo\b[^>|]*)\s*;?\s*", re.I
)


def _command(text: str) -> dict[str, str]:
    return {"archive_mode": "on", "archive_command": f"'{text}'"}


BAD = (Sample(settings=_command("/bin/true")), Sample(settings=_command("")), Sample(settings=_command("exit 0")))
GOOD = (
    Sample(settings=_command("/usr/local/bin/archive.sh %p")),
    Sample(settings={"archive_command": "'/bin/true'"}),
    Sample(settings=_command("/bin/true"), edit=with_slots(slot("pg_receivewal"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings, replication = snapshot.settings, snapshot.replication
    row = settings.get("archive_command")
    if row is None or settings.text("archive_mode") in (None, "off") or settings.text("archive_library"):
        return
    if snapshot.target.managed_by:
        return
    empty = row.value.strip() in ("", "(disabled)")
    if not empty and not _NOTHING.fullmatch(row.value):
        return
    if not empty and (any(s.active for s in replication.slots) or replication.standbys):
        return
    yield Finding(
        title="archive_command is empty" if empty else f"archive_command ({row.value.strip()}) archives nothing",
        message="The server keeps every WAL segment for an archive that nobody fills, until the disk is full."
        if empty
        else "Every segment counts as archived and is thrown away: there is no way back to a point in time.",
        objects=(ObjectRef("setting", "archive_command"),),
        impact=Impact(5, "reach", 1, 10),
        evidence={"archive_command": row.value, "archive_mode": settings.text("archive_mode")},
        confidence="medium",
        next_step="ALTER SYSTEM SET archive_command = 'pgbackrest --stanza=main archive-push %p' "
        "(or another that stores the segment elsewhere); SELECT pg_reload_conf(); "
        "without an archive: ALTER SYSTEM SET archive_mode = off; and restart.",
    )
