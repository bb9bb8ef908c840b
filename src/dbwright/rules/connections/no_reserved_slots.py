"""No connection is kept free for an administrator: superuser_reserved_connections is 0.

## Why it matters

When the application has taken all connections, the person who is to find out why cannot connect either, and all that is left is to
restart the server.

## When to ignore

Never; three connections cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings",)
LIMITS = {"most_share": 0.5}
COVERS = ("reserved-superuser-connections",)

BAD = (
    Sample(settings={"superuser_reserved_connections": "0"}),
    Sample(settings={"superuser_reserved_connections": "15", "max_connections": "20"}),
)
GOOD = (Sample(), Sample(settings={"superuser_reserved_connections": "1"}))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    reserved = snapshot.settings.number("superuser_reserved_connections")
    allowed = snapshot.settings.number("max_connections")
    if reserved is None or not allowed or 0 < reserved <= limits["most_share"] * allowed:
        return
    values = {"superuser_reserved_connections": "3"}
    change = set_parameters(snapshot, values, "It takes effect at the next restart.")
    yield Finding(
        title="No connection is reserved for administrators"
        if reserved == 0
        else f"{reserved:.0f} of {allowed:.0f} connections are kept from the application",
        message="When all connections are taken, no superuser can connect to find out why."
        if reserved == 0
        else f"superuser_reserved_connections leaves {allowed - reserved:.0f} of {allowed:.0f} connections for everybody else.",
        objects=(setting_ref("superuser_reserved_connections"),),
        impact=Impact(1, "fact", 1, 10),
        evidence={"superuser_reserved_connections": reserved, "max_connections": allowed},
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
