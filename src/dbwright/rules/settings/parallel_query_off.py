"""Plans count on parallel workers that cannot start.

## Why it matters

When max_parallel_workers or max_worker_processes leaves no room, the planner still chooses parallel plans (max_parallel_workers_per_gather
says that it may), no worker starts, and the statement runs a plan alone that was only best for several.

## When to ignore

Nowhere: either let workers start, or set max_parallel_workers_per_gather = 0 so that plans are made for one process.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS = {"database_bytes": 100e6}
COVERS = ("parallel-settings-low",)

_ANY = {"database_bytes": 0}
BAD = (
    Sample(settings={"max_parallel_workers": "0"}, limits=_ANY),
    Sample(settings={"max_worker_processes": "0"}, limits=_ANY),
)
GOOD = (
    Sample(limits=_ANY),
    Sample(settings={"max_parallel_workers": "0"}),
    # a decision for short transactions: no parallel plans at all
    Sample(settings={"max_parallel_workers": "0", "max_parallel_workers_per_gather": "0"}, limits=_ANY),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings, held = snapshot.settings, database_bytes(snapshot)
    asked = settings.number("max_parallel_workers_per_gather")
    room = {name: settings.number(name) for name in ("max_parallel_workers", "max_worker_processes")}
    none = [name for name, number in room.items() if number == 0]
    if not asked or not none or held < limits["database_bytes"]:
        return
    values = {"max_parallel_workers_per_gather": "0"}
    change = set_parameters(
        snapshot, values, f"Plans are then made for one process. To have parallel plans instead, set {none[0]} = 8."
    )
    yield Finding(
        title=f"Plans count on parallel workers, but {none[0]} is 0",
        message=f"The planner may plan for {asked:.0f} workers a statement, and none can start.",
        objects=(setting_ref(none[0]),),
        impact=Impact(held, "bytes", 100e6, 1e12),
        evidence={"max_parallel_workers_per_gather": asked, **room},
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
