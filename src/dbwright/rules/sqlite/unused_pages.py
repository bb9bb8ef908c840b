"""Much of the file is free pages that SQLite does not give back.

## Why it matters

Deleted rows leave free pages inside the file; without `auto_vacuum` it never shrinks, and every copy and backup carries them.

## When to ignore

When the file will grow into them again soon.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("settings",)
LIMITS = {"bytes": 10 * 1024**2, "share": 0.3}
ENGINES = ("sqlite",)
COVERS = ("BP-38",)

_FILL = """
CREATE TABLE blob (id INTEGER PRIMARY KEY, data BLOB);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO blob SELECT i, zeroblob(8000) FROM n;
"""
_SMALL = {"bytes": 1024**2}

BAD = (Sample(_FILL + "DELETE FROM blob;", limits=_SMALL, engine="sqlite"),)
GOOD = (
    Sample(_FILL, limits=_SMALL, engine="sqlite"),
    Sample(_FILL + "DELETE FROM blob; VACUUM;", limits=_SMALL, engine="sqlite"),
    Sample(_FILL + "DELETE FROM blob;", engine="sqlite"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    size, count, free = (settings.number(name) or 0 for name in ("page_size", "page_count", "freelist_count"))
    wasted = size * free
    if count and wasted >= limits["bytes"] and free / count >= limits["share"]:
        yield Finding(
            title=f"{free / count:.0%} of {snapshot.target.name} is free pages",
            message=f"{bytes_text(wasted)} of {bytes_text(size * count)} hold nothing and are never given back.",
            objects=(ObjectRef("database", snapshot.target.database),),
            impact=Impact(wasted, "bytes", limits["bytes"], 10 * 1024**3),
            evidence={"free_pages": free, "pages": count, "page_size": size},
            next_step="Run VACUUM; when nothing else uses the file. It needs as much free disk again for the time.",
        )
