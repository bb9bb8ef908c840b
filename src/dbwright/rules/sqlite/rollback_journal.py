"""A file of some size uses the rollback journal, so that every writer shuts out every reader.

## Why it matters

In the default journal mode a commit needs an exclusive lock: requests that read wait, and fail with "database is locked" when they
wait longer than their busy timeout.
With write-ahead logging (`journal_mode = WAL`) readers and one writer work at the same time; the mode is kept in the file.

## When to ignore

On network file systems, where WAL does not work, and for files that one process reads and writes in turn.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS = {"bytes": 20 * 1024**2}
ENGINES = ("sqlite",)
COVERS = ("BP-38",)

_FILL = """
CREATE TABLE blob (id INTEGER PRIMARY KEY, data BLOB);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO blob SELECT i, zeroblob(8000) FROM n;
"""
_SMALL = {"bytes": 1024**2}

BAD = (Sample(_FILL, limits=_SMALL, engine="sqlite"),)
GOOD = (
    Sample("PRAGMA journal_mode = WAL;" + _FILL, limits=_SMALL, engine="sqlite"),
    Sample(_FILL, engine="sqlite"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    mode = settings.text("journal_mode")
    bytes_ = (settings.number("page_size") or 0) * (settings.number("page_count") or 0)
    if mode in ("delete", "truncate", "persist") and bytes_ >= limits["bytes"]:
        yield Finding(
            title=f"{snapshot.target.name} lets no one read while it is written",
            message=f"journal_mode is {mode} on a file of {bytes_text(bytes_)}: each commit waits for all readers and "
            "keeps them out.",
            objects=(ObjectRef("setting", "journal_mode"),),
            impact=Impact(bytes_, "bytes", limits["bytes"], 10 * 1024**3),
            evidence={"journal_mode": mode, "bytes": bytes_},
            confidence="medium",
            change=Change(
                (Verbatim("PRAGMA journal_mode = WAL", f"PRAGMA journal_mode = {mode}", transactional=False),),
                note="Takes effect when no other connection is open; not on a network file system.",
            ),
        )
