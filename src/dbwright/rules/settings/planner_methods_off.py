"""Methods of the planner are switched off for every statement of the server or the database.

## Why it matters

enable_seqscan, enable_nestloop and the like are meant for finding out, in one session, why a plan was chosen.
Set for everybody they make every statement avoid the method, also where it is by far the best, and leave the cause (stale statistics, a
missing index, wrong costs) as it was.

## When to ignore

While a bug of the planner is being worked around, with a note on when to take it back.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetRoleParameter
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import is_scoped, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("planner-methods-disabled",)

_CENTRAL = frozenset(
    "enable_seqscan enable_indexscan enable_indexonlyscan enable_bitmapscan enable_nestloop enable_hashjoin enable_mergejoin "
    "enable_hashagg enable_sort enable_material enable_partition_pruning".split()
)
BAD = (
    Sample(settings={"enable_seqscan": "off"}),
    Sample(settings={"enable_nestloop": "off", "enable_memoize": "off"}, minimum_major=14),
    Sample("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_hashjoin = off', current_database()); END $$;"),
)
GOOD = (
    Sample(),
    Sample(settings={"enable_partitionwise_join": "off", "enable_partitionwise_aggregate": "off"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    off = [
        row
        for row in snapshot.settings.rows
        if row.name.startswith("enable_") and row.value == "off" and row.boot_value == "on" and "user" not in row.source
    ]
    for in_database in (False, True):
        names = [row.name for row in off if is_scoped(snapshot, row.name) == in_database]
        if not names:
            continue
        where = f"database {snapshot.target.database}" if in_database else "the whole server"
        values = dict.fromkeys(names, "on")
        change = (
            Change(tuple(SetRoleParameter(None, snapshot.target.database, name, "off", None) for name in names))
            if in_database
            else set_parameters(snapshot, values, "Look at the plans of the statement for which it was set first.")
        )
        central = any(name in _CENTRAL for name in names)
        yield Finding(
            title=f"{', '.join(names)} is off for {where}"[:79],
            message=f"Every statement of {where} is planned without {_methods(names)}, also where that is the best way.",
            objects=tuple(setting_ref(name) for name in names),
            impact=Impact(len(names) if central else 0.5, "methods", 0.5, 3),
            evidence={"off": names, "set_for": where},
            confidence="high" if central else "medium",
            change=change,
            next_step=None if change else set_by_hand(snapshot, values),
            identity=where,
        )


def _methods(names: list[str]) -> str:
    return ", ".join(name.removeprefix("enable_") for name in names)
