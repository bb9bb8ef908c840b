"""pg_stat_statements throws entries out for want of room.

## Why it matters

When more different statements run than pg_stat_statements.max, the rarest are dropped and begin again at zero.
Their calls and times are lost, so shares and rankings are wrong, and the eviction itself locks out every session for a moment.

## When to ignore

When few different statements matter, and they are never among the dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import recorded, window_hours
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("workload.statements", "workload.info")
LIMITS = {"evictions": 100, "evictions_an_hour": 1, "most": 20_000}
COVERS = ("pg-stat-statements-evictions",)
MINIMUM_MAJOR = 14

BAD = (Sample(edit=recorded(evicted=4_000)),)
GOOD = (Sample(edit=recorded(evicted=12)), Sample(edit=recorded(evicted=200, hours=24 * 60)))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    evicted, hours = snapshot.workload.evicted or 0, window_hours(snapshot)
    if evicted < limits["evictions"] or evicted / hours < limits["evictions_an_hour"]:
        return
    room = snapshot.settings.number("pg_stat_statements.max")
    larger = room is not None and room < limits["most"]
    yield Finding(
        title="pg_stat_statements has too little room for this workload",
        message=f"It made room {evicted:,} times in {hours:,.0f} hours, each time dropping the rarest twentieth of its "
        f"{room or 5000:,.0f} entries; shares of time are lower bounds only.",
        objects=(ObjectRef("setting", "pg_stat_statements.max"),),
        impact=Impact(evicted / hours, "evictions an hour", limits["evictions_an_hour"], 1000),
        evidence={"evictions": evicted, "hours": round(hours, 1), "pg_stat_statements.max": room},
        change=Change((SetServerParameter("pg_stat_statements.max", f"{room:.0f}", f"{room * 2:.0f}", restart=True),))
        if room is not None and larger
        else None,
        next_step=None
        if larger
        else "Find the statements that differ in nothing but the length of an IN list or made-up names: = ANY($1) "
        "makes one of many.",
    )
