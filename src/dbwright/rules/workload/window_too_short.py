"""The counters or the recorded statements are too young to judge use by them.

## Why it matters

Scan counts, writes and recorded statements were reset lately, so a weekly report or a month's end is not in them.
Advice that rests on use is less certain than usual, and an index without scans may well be needed.

## When to ignore

On a test database, or when the short time is known to be typical. Run the audit again after a week.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import recorded
from dbwright.model.wording import duration
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("statistics.databases",)
LIMITS = {"days": 1}
COVERS = ("stats-window-too-short",)


def _reset(hours: float) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(hours=hours)
        return replace(snapshot, statistics=replace(snapshot.statistics, reset_at=began))

    return edit


BAD = (Sample("CREATE TABLE t (id int);", edit=_reset(5)), Sample("CREATE TABLE t (id int);", edit=recorded(hours=2)))
GOOD = (Sample("CREATE TABLE t (id int);", edit=_reset(80)), Sample(edit=_reset(5)))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    young = {
        what: hours
        for what, began in (
            ("the counters of tables and indexes", snapshot.statistics.reset_at),
            ("the recorded statements", snapshot.workload.collected_from),
        )
        if began and (hours := (snapshot.taken_at - began).total_seconds() / 3600) < limits["days"] * 24
    }
    if not young or not snapshot.catalog.user_tables:
        return
    text = " and ".join(f"{what} cover {duration(hours * 3600)}" for what, hours in young.items())
    counters = any("counters" in what for what in young)
    whose = "The server's counters" if counters else "The recorded statements"
    yield Finding(
        title=f"{whose} cover less than a day",
        message=f"{text[0].upper()}{text[1:]}: what runs weekly or monthly is not in them yet.",
        objects=(ObjectRef("database", snapshot.target.database),),
        impact=Impact(1, "fact", 1, 2),
        evidence={what: round(hours, 1) for what, hours in young.items()},
        next_step="Run the audit again after a week of normal use.",
    )
