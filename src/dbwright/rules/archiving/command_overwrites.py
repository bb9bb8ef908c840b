"""archive_command copies over what is in the archive already.

## Why it matters

After a restore, a promotion, or by two servers with one archive, another segment of the same name arrives; a plain cp destroys the
one that the older base backups need. PostgreSQL's manual asks for a command that refuses to overwrite.

## When to ignore

When the archive keeps earlier versions by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("BP-27",)

# (test file options) cp %p /archive/%f: with nothing else in the command.
_COPY = re.compile(r"\s*cp(?:\s+-(?:a|p|f|v|pf|fp|av))*\s+\"?%p\"?\s+\"?(?P<target>[^\s\"'|&;<>$`]*%f)\"?\s*")
_SOME_COPY = re.compile(r"(?:^|[\s;&|(/])(?:cp|mv|install)\s[^;&|]*%p")
_GUARD = re.compile(r"test\s+!\s|\[\s+!\s|\[\[\s*!\s|--no-clobber|--update=none|\s-n\b|noclobber|\s-i\b")


def _command(text: str) -> Sample:
    return Sample(settings={"archive_mode": "on", "archive_command": f"'{text}'"})


BAD = (_command("cp %p /nowhere/wal/%f"), _command("gzip -k %p && cp %p.gz /nowhere/wal/%f.gz"))
GOOD = (
    _command("test ! -f /nowhere/wal/%f && cp %p /nowhere/wal/%f"),
    _command("pgbackrest --stanza=shop archive-push %p"),
    _command("/usr/local/bin/archive.sh %p %f"),
    Sample(settings={"archive_command": "'cp %p /nowhere/wal/%f'"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row = snapshot.settings.get("archive_command")
    if (
        row is None
        or snapshot.settings.text("archive_mode") in (None, "off")
        or snapshot.settings.text("archive_library")
    ):
        return
    command = row.value
    if not _SOME_COPY.search(command) or _GUARD.search(command):
        return
    match = _COPY.fullmatch(command)
    better = f'test ! -f "{match["target"]}" && cp "%p" "{match["target"]}"' if match and "***" not in command else None
    yield Finding(
        title="archive_command overwrites archived segments",
        message="It copies without looking whether a segment of that name is there: after a restore, or with a second server, "
        "WAL that older backups need is destroyed.",
        objects=(ObjectRef("setting", "archive_command"),),
        impact=Impact(3, "reach", 1, 10),
        evidence={"archive_command": command, "source": row.source},
        confidence="medium",
        change=Change(
            (SetServerParameter("archive_command", command, better),),
            note="A segment that is there but was cut short by a crash must then be removed by hand; pgBackRest and Barman deal with it.",
        )
        if better
        else None,
        next_step=None
        if better
        else "Put test ! -f /the/archive/%f && before the copy, or let pgBackRest or Barman archive (they compare checksums).",
    )
