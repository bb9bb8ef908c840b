"""All autovacuum workers are busy while further tables wait for their turn.

## Why it matters

A table that is due waits until a worker is free, and gathers dead rows meanwhile.
More workers alone do not help when a cost limit is in force: they share its budget, so each becomes slower.

## When to ignore

During a rare event such as the first vacuum after a bulk load. One look is one moment; see whether it is so again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dbwright.model.activity import Session
from dbwright.model.catalog import Table
from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import autovacuum_off, hours_since, stored_tables, vacuum_threshold
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "statistics.tables", "activity.sessions")
LIMITS = {"tables": 2, "dead_rows": 10_000, "times_threshold": 1.5, "hours": 1, "cost_limit": 2_000}
COVERS = ("autovacuum-workers-saturated", "autovacuum-workers-too-few", "autovacuum-queue", "AB-11")

_TABLES = "CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);"
_DUE = {name: {"rows": 100_000, "dead_rows": 90_000} for name in "abc"}
_WORKER = Session(
    pid=1,
    database=None,
    user=None,
    application="",
    is_remote=None,
    backend_type="autovacuum worker",
    state="active",
    wait_event_type="Timeout",
    wait_event="VacuumDelay",
    connected_seconds=900.0,
    transaction_seconds=900.0,
    query_seconds=900.0,
    state_seconds=900.0,
    xmin_age=10,
    encrypted=None,
    blocked_by=(),
    query="autovacuum: VACUUM public.a",
)


def _working(workers: int) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        sessions = tuple(replace(_WORKER, pid=number + 1) for number in range(workers))
        return replace(snapshot, activity=replace(snapshot.activity, sessions=sessions))

    return edit


BAD = (Sample(_TABLES, statistics=_DUE, edit=_working(3)),)
GOOD = (
    Sample(_TABLES, statistics=_DUE, edit=_working(1)),
    Sample(_TABLES, edit=_working(3)),
    Sample(_TABLES, statistics=_DUE),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    most = snapshot.settings.number("autovacuum_max_workers")
    workers = sum(1 for s in snapshot.activity.sessions if s.backend_type == "autovacuum worker")
    if most is None or workers < most:
        return
    busy = {p.table_oid for p in snapshot.activity.progress}
    due = [pair for pair in stored_tables(snapshot) if pair[0].oid not in busy and _due(snapshot, *pair, limits)]
    if len(due) < limits["tables"]:
        return
    dead = sum(row.dead_rows for _, row in due)
    worst = max(due, key=lambda pair: pair[1].dead_rows)[0]
    yield Finding(
        title=f"All {workers} autovacuum workers are busy and {len(due)} tables wait",
        message=f"{len(due)} tables with {dead:,} dead rows are past their threshold and not being vacuumed; {worst.name} has the most.",
        objects=(ObjectRef("setting", "autovacuum_max_workers"),),
        impact=Impact(dead, "rows", limits["dead_rows"], 1_000_000_000, estimated=True),
        evidence={
            "workers": workers,
            "autovacuum_max_workers": most,
            "waiting": {
                f"{t.schema}.{t.name}": row.dead_rows for t, row in sorted(due, key=lambda p: -p[1].dead_rows)[:20]
            },
        },
        confidence="medium",
        change=_change(snapshot, limits, int(most)),
    )


def _due(snapshot: Snapshot, table: Table, row: TableStatistics, limits: Limits) -> bool:
    if row.dead_rows < limits["dead_rows"] or autovacuum_off(table):
        return False
    hours = hours_since(snapshot, row.last_vacuum, row.last_autovacuum)
    past = row.dead_rows > limits["times_threshold"] * vacuum_threshold(snapshot, table, row.estimated_rows)
    return past and (hours is None or hours > limits["hours"])


def _change(snapshot: Snapshot, limits: Limits, workers: int) -> Change:
    """A larger budget while one is in force and small, else more workers."""
    settings = snapshot.settings
    delay = settings.number("autovacuum_vacuum_cost_delay")
    delay = settings.number("vacuum_cost_delay") if delay == -1 else delay
    own = settings.number("autovacuum_vacuum_cost_limit")
    limit = settings.number("vacuum_cost_limit") if own == -1 else own
    if delay and limit and limit < limits["cost_limit"]:
        text = settings.text("autovacuum_vacuum_cost_limit")
        new = min(limits["cost_limit"], limit * 4)
        return Change(
            (SetServerParameter("autovacuum_vacuum_cost_limit", text, f"{new:g}"),),
            "Watch the disks' load after the change.",
        )
    restart = snapshot.target.major < 18
    return Change((SetServerParameter("autovacuum_max_workers", str(workers), str(workers + 2), restart),))
