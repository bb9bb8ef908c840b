"""A large part of the transactions is rolled back.

## Why it matters

A rollback throws work away and leaves the rows it wrote as dead ones.
Many of them mean errors that the application meets all the time: constraint violations used as control flow, deadlocks, timeouts.

## When to ignore

Where a connection pool ends every transaction that only read with ROLLBACK, as SQLAlchemy does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Project, Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("statistics.databases",)
LIMITS = {"share": 0.2, "a_second": 1}
COVERS = ("commit-ratio-low",)


def _ended(commits: int, rollbacks: int, *frameworks: str) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        statistics, name = snapshot.statistics, snapshot.target.database
        rows = tuple(
            replace(d, commits=commits, rollbacks=rollbacks) if d.name == name else d for d in statistics.databases
        )
        statistics = replace(statistics, databases=rows, reset_at=snapshot.taken_at - timedelta(days=10))
        return replace(snapshot, statistics=statistics, project=Project(frameworks=frameworks))

    return edit


BAD = (Sample(edit=_ended(40_000_000, 20_000_000, "django")),)
GOOD = (
    Sample(edit=_ended(40_000_000, 20_000_000, "django", "sqlalchemy")),
    Sample(edit=_ended(40_000_000, 20_000_000)),
    Sample(edit=_ended(40_000_000, 200_000, "django")),
    Sample(edit=_ended(40_000, 20_000, "django")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    frameworks, days = snapshot.project.frameworks, snapshot.counting_days
    # Pools that end every read with ROLLBACK look the same: speak only where the application is known to have none.
    if not frameworks or any("sqlalchemy" in name.lower() for name in frameworks) or not days:
        return
    for row in snapshot.statistics.databases:
        ended, rate = row.commits + row.rollbacks, row.rollbacks / days / 86400
        if row.name != snapshot.target.database or rate < limits["a_second"] or row.rollbacks < limits["share"] * ended:
            continue
        yield Finding(
            title=f"{row.rollbacks / ended:.0%} of the transactions of {row.name} are rolled back"[:79],
            message=f"{row.rollbacks:,} of {ended:,} transactions, {rate:,.1f} a second on average.",
            objects=(ObjectRef("database", row.name),),
            impact=Impact(rate, "rollbacks a second", limits["a_second"], 1000),
            evidence={
                "commits": row.commits,
                "rollbacks": row.rollbacks,
                "days": round(days, 1),
                "deadlocks": row.deadlocks,
            },
            confidence="low",
            next_step="Count the server's log by SQLSTATE (log_line_prefix with %e): unique violations want ON CONFLICT, timeouts and "
            "deadlocks their own cure.",
        )
