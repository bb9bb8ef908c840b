"""Autovacuum is switched off for the whole server.

## Why it matters

Without it nothing removes dead rows, keeps the planner's statistics up to date or marks pages all-visible.
Tables grow without end, plans go wrong, and only the forced vacuums against wraparound still run, late and all at once.

## When to ignore

For the hours of a bulk load, or where another tool really runs VACUUM and ANALYZE on every table.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import stored_tables
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("autovacuum-disabled", "AB-11")

BAD = (Sample(settings={"autovacuum": "off"}),)
GOOD = (Sample(), Sample(settings={"autovacuum": "on", "autovacuum_naptime": "'5min'"}))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.on("autovacuum") is not False:
        return
    dead = sum(row.dead_rows for _, row in stored_tables(snapshot))
    yield Finding(
        title="Autovacuum is off",
        message=f"Nothing removes dead rows or renews the planner's statistics by itself; the users' tables hold {dead:,} dead rows now.",
        objects=(ObjectRef("setting", "autovacuum"),),
        impact=Impact.certain(),
        evidence={"autovacuum": snapshot.settings.text("autovacuum"), "dead_rows": dead},
        change=Change((SetServerParameter("autovacuum", "off", "on"),)),
    )
