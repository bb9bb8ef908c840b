"""Every statement of a busy server is written to the log.

## Why it matters

Each line costs a write, and the one log collector becomes what all connections wait for; the log fills disks and buries what matters.
It also copies every value that passes through the application, passwords and personal data included, into plain files.

## When to ignore

For an hour, to gather a complete picture. For an audit trail, pgaudit or log_statement = ddl writes what is needed and no more.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_database
from dbwright.model.server import counters, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings", "statistics.databases")
LIMITS = {"transactions_per_day": 500_000, "days": 0.5}
COVERS = ("log-statement-all", "slow-query-log-off")

_ANY = {"transactions_per_day": 0, "days": 0}
_BUSY = with_database(days=10, commits=60_000_000)
BAD = (
    Sample(settings={"log_statement": "'all'"}, limits=_ANY),
    Sample(settings={"log_min_duration_statement": "0"}, edit=_BUSY),
    Sample(settings={"log_duration": "on"}, edit=_BUSY),
)
GOOD = (
    Sample(settings={"log_statement": "'all'"}),
    Sample(settings={"log_statement": "'mod'"}, edit=_BUSY),
    Sample(settings={"log_min_duration_statement": "'100ms'", "log_statement": "'ddl'"}, edit=_BUSY),
)

# parameter: the value that logs everything, the value to set
_CHATTY = {
    "log_statement": ("all", "ddl"),
    "log_min_duration_statement": ("0", "1s"),
    "log_duration": ("on", "off"),
}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [name for name, (chatty, _) in _CHATTY.items() if snapshot.settings.text(name) == chatty]
    row, days = counters(snapshot), snapshot.counting_days
    if not found or row is None or not days or days < limits["days"]:
        return
    daily = (row.commits + row.rollbacks) / days
    if daily < limits["transactions_per_day"]:
        return
    values = {name: _CHATTY[name][1] for name in found}
    change = set_parameters(snapshot, values, "No restart is needed.")
    yield Finding(
        title=f"Every statement is logged ({', '.join(found)})",
        message=f"{daily:,.0f} transactions a day, and the log gets a line or more for each statement, with its values.",
        objects=tuple(setting_ref(name) for name in found),
        impact=Impact(daily, "transactions per day", limits["transactions_per_day"], 1e9),
        evidence={name: snapshot.settings.text(name) for name in found}
        | {"transactions_per_day": round(daily), "counted_days": round(days, 2)},
        confidence="medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
