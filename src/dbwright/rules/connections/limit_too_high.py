"""max_connections allows far more connections than the server could serve at once.

## Why it matters

Connections beyond a few times the number of processors do not make anything quicker: they wait for each other, and each one multiplies
work_mem in the worst case. A limit in the thousands means that the worst minute is met with thousands of busy processes instead of with a
queue in a pooler.

## When to ignore

When a pooler bounds what is really busy, or the platform chose the number.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, with_sessions, with_settings
from dbwright.model.sample_server import with_target
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "activity.sessions")
LIMITS = {"max_connections": 1000, "share_in_use": 0.2, "sessions": 10}
COVERS = ("max-connections-high", "no-pooler-advice")

_MANY = with_sessions(*(client("app", pid=n) for n in range(60)))
BAD = (Sample(edit=both(with_settings(max_connections="4000"), _MANY)),)
GOOD = (
    Sample(edit=both(with_settings(max_connections="500"), _MANY)),
    Sample(edit=with_settings(max_connections="4000")),  # nobody there: no telling what it is for
    Sample(
        edit=both(with_settings(max_connections="1000"), with_sessions(*(client("app", pid=n) for n in range(600))))
    ),
    Sample(edit=both(with_settings(max_connections="5000"), _MANY, with_target(managed_by="Amazon RDS"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    allowed = snapshot.settings.number("max_connections")
    used = sum(1 for s in snapshot.activity.sessions if s.backend_type == "client backend")
    if not allowed or allowed < limits["max_connections"] or snapshot.target.managed_by:
        return
    if used < limits["sessions"] or used > limits["share_in_use"] * allowed:
        return
    proposed = max(200, -(-used * 3 // 100) * 100)
    values = {"max_connections": str(proposed)}
    change = set_parameters(
        snapshot,
        values,
        "Restart replicas after the primary, for theirs must not be lower. Check the peak in your monitoring first.",
    )
    yield Finding(
        title=f"max_connections is {allowed:.0f} with {used} connections in use",
        message=f"{used} connections are open just now (one look, not the peak); {allowed:.0f} busy ones would exhaust any machine.",
        objects=(setting_ref("max_connections"),),
        impact=Impact(allowed, "connections", limits["max_connections"], 20_000),
        evidence={"max_connections": allowed, "connected": used},
        confidence="medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
