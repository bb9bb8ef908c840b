"""Extensions are at an older version in the database than the one that is installed on the server.

## Why it matters

An upgrade of the packages brings new library code, but the SQL side of an extension changes only with ALTER EXTENSION … UPDATE.
Until then new functions are missing, fixes to old ones are not in force, and some libraries refuse to work with a much older SQL side.

## When to ignore

When an update has steps of its own that are still to be planned (PostGIS, TimescaleDB: see their documentation).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Extension
from dbwright.model.change import Change, UpdateExtension
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.extensions",)
LIMITS: dict[str, float] = {}
COVERS = ("extension-outdated",)

BAD = (
    Sample("CREATE EXTENSION pg_trgm VERSION '1.3';"),
    Sample("CREATE EXTENSION pg_trgm VERSION '1.3'; CREATE EXTENSION hstore VERSION '1.4';"),
)
GOOD = (Sample(), Sample("CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore;"))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _is_older(extension: Extension) -> bool:
    available = extension.available_version
    return available is not None and _number(extension.version) < _number(available)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    outdated = [extension for extension in snapshot.catalog.extensions if _is_older(extension)]
    if not outdated:
        return
    listed = ", ".join(f"{e.name} {e.version} (installed: {e.available_version})" for e in outdated[:5])
    more = f" and {len(outdated) - 5} more" if len(outdated) > 5 else ""
    yield Finding(
        title=f"Not updated after their packages were: {', '.join(e.name for e in outdated)}"[:79],
        message=f"The database still uses the older SQL side of {listed}{more}.",
        objects=tuple(ObjectRef("extension", e.name) for e in outdated[:20]),
        impact=Impact.certain(),
        evidence={e.name: {"in_database": e.version, "on_server": e.available_version} for e in outdated},
        change=Change(
            tuple(UpdateExtension(e.name, e.version, e.available_version or "") for e in outdated),
            "There is no way back to the older version but a restore. Read the extension's notes first.",
        ),
    )
