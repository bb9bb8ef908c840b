"""The server asks the DNS for the name of each client that connects: log_hostname is on.

## Why it matters

The look-up is done while the client waits for its connection. When the name server is slow or gone, every new connection takes seconds
or runs into a time-out, and the database looks broken although it is not.

## When to ignore

When clients are few, stay connected, and the names come from a local file.
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
LIMITS: dict[str, float] = {}
COVERS = ("log-hostname-on",)

BAD = (Sample(settings={"log_hostname": "on"}),)
GOOD = (Sample(), Sample(settings={"log_connections": "on", "log_hostname": "off"}))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if not snapshot.settings.on("log_hostname"):
        return
    values = {"log_hostname": "off"}
    change = set_parameters(snapshot, values, "The log then names clients by their address.")
    yield Finding(
        title="Each connection waits for a DNS look-up: log_hostname is on",
        message="New connections wait until the name of the client's address is found; a slow name server makes all of them slow.",
        objects=(setting_ref("log_hostname"),),
        impact=Impact(1, "look-ups per connection", 1, 10),
        evidence={"log_hostname": "on"},
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
