"""Queries on this standby are cancelled because replay needs what they read.

## Why it matters

When the primary removes rows or locks a table that a query here still reads, replay waits max_standby_streaming_delay and then cancels
the query: "canceling statement due to conflict with recovery". Reports fail at random.

## When to ignore

When the application retries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.activity import RecoveryState
from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("replication.recovery", "statistics.databases", "settings")
LIMITS: dict[str, float] = {"per_day": 10, "conflicts": 20}
COVERS = ("standby-conflicts",)


def _replica(conflicts: int, days: float = 2, in_recovery: bool = True) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        databases = tuple(
            replace(row, recovery_conflicts=conflicts) if row.name == snapshot.target.database else row
            for row in snapshot.statistics.databases
        )
        began = snapshot.taken_at - timedelta(days=days)
        state = RecoveryState(in_recovery, True, False, 0.0, None)
        return replace(
            snapshot,
            statistics=replace(snapshot.statistics, databases=databases, reset_at=began),
            replication=replace(snapshot.replication, recovery=state),
        )

    return edit


BAD = (Sample(edit=_replica(500)),)
GOOD = (
    Sample(edit=_replica(5, days=0.1)),
    Sample(edit=_replica(500, days=300)),
    Sample(edit=_replica(500, in_recovery=False)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    state = snapshot.replication.recovery
    row = next((d for d in snapshot.statistics.databases if d.name == snapshot.target.database), None)
    days = snapshot.statistics_days
    if state is None or not state.in_recovery or row is None or not days:
        return
    rate = row.recovery_conflicts / days
    if row.recovery_conflicts < limits["conflicts"] or rate < limits["per_day"]:
        return
    feedback = snapshot.settings.text("hot_standby_feedback")
    yield Finding(
        title=f"{rate:,.0f} queries a day are cancelled on this standby",
        message=f"{row.recovery_conflicts:,} queries of {row.name} were cancelled in {days:.1f} days, "
        "because replay needed what they read.",
        objects=(ObjectRef("setting", "hot_standby_feedback"),),
        impact=Impact(rate, "queries a day", limits["per_day"], 10_000),
        evidence={"conflicts": row.recovery_conflicts, "days": round(days, 1), "hot_standby_feedback": feedback},
        change=Change(
            (SetServerParameter("hot_standby_feedback", "off", "on"),),
            note="The primary then spares dead rows for as long as the longest query here runs.",
        )
        if feedback == "off"
        else None,
        next_step=None
        if feedback == "off"
        else "SELECT * FROM pg_stat_database_conflicts; confl_lock comes from DDL on the primary: raise max_standby_streaming_delay here.",
    )
