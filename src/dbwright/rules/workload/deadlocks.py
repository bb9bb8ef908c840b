"""Transactions of this database often deadlock.

## Why it matters

Two transactions that lock the same rows in different order wait for each other until the server ends one of them, after a second.
The loser's work is lost, and the user sees an error unless the application tries again.

## When to ignore

When the application retries and they are rare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("statistics.databases",)
LIMITS = {"deadlocks": 10, "a_day": 2}
COVERS = ("deadlocks",)


def _locked(deadlocks: int, days: float = 10) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        statistics, name = snapshot.statistics, snapshot.target.database
        rows = tuple(replace(d, deadlocks=deadlocks) if d.name == name else d for d in statistics.databases)
        return replace(
            snapshot, statistics=replace(statistics, databases=rows, reset_at=snapshot.taken_at - timedelta(days=days))
        )

    return edit


BAD = (Sample(edit=_locked(400)),)
GOOD = (Sample(edit=_locked(3, 0.2)), Sample(edit=_locked(40, 300)), Sample())


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    for row in snapshot.statistics.databases:
        if row.name != snapshot.target.database or not days or row.deadlocks < limits["deadlocks"]:
            continue
        if row.deadlocks / days < limits["a_day"]:
            continue
        yield Finding(
            title=f"{row.deadlocks / days:,.0f} deadlocks a day in {row.name}"[:79],
            message=f"{row.deadlocks:,} transactions were ended to break a deadlock in {days:,.0f} days.",
            objects=(ObjectRef("database", row.name),),
            impact=Impact(row.deadlocks / days, "deadlocks a day", limits["a_day"], 5_000),
            evidence={"deadlocks": row.deadlocks, "days": round(days, 1)},
            next_step="The server's log has both statements of each ('deadlock detected'). Lock rows in one order (ORDER BY the key with "
            "FOR UPDATE, sorted bulk updates), and index foreign keys.",
        )
