"""The file is damaged: its pages or indexes contradict each other.

## Why it matters

`PRAGMA integrity_check` compares tables with their indexes and walks every page.
What it reports was overwritten, truncated or copied while it was being written; reading on may give wrong rows without an error.

## When to ignore

Never. Keep the file as it is, and work on a copy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from dbwright.model.activity import IntegrityProblem
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("integrity.content",)
LIMITS: dict[str, float] = {}
ENGINES = ("sqlite",)
COVERS = ("BP-38",)


def _damage(snapshot: Snapshot) -> Snapshot:
    problem = IntegrityProblem("integrity_check", None, "row 2 missing from index store_name")
    return dataclasses.replace(snapshot, integrity=(problem,))


BAD = (Sample("CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT);", edit=_damage, engine="sqlite"),)
GOOD = (
    Sample(
        "CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX store_name ON store (name);",
        engine="sqlite",
    ),
    # A broken reference is another defect.
    Sample(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES a (id)); INSERT INTO a VALUES (1, 5);",
        engine="sqlite",
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    problems = [p.message for p in snapshot.integrity if p.check == "integrity_check"]
    if problems:
        yield Finding(
            title=f"{snapshot.target.name} is damaged",
            message=f"PRAGMA integrity_check reports {len(problems)} problems; the first: {problems[0][:200]}.",
            objects=(ObjectRef("database", snapshot.target.database),),
            impact=Impact.certain(),
            evidence={"problems": problems[:20], "check": "PRAGMA integrity_check(100)"},
            next_step="Copy the file away, restore the last good backup, and save newer rows with sqlite3's .recover.",
        )
