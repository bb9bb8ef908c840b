"""The server is told to go on over damaged pages instead of reporting them.

## Why it matters

zero_damaged_pages replaces a damaged page by an empty one when it is read, which destroys all of its rows;
ignore_checksum_failure and ignore_invalid_pages let damaged pages through, into backups and replicas as well.
They are meant for saving what is left of a broken table, once, in one session.

## When to ignore

While somebody is rescuing data from this server.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_source
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ()

BAD = (
    Sample(settings={"zero_damaged_pages": "on"}),
    Sample(settings={"ignore_checksum_failure": "on"}),
    Sample(settings={"zero_damaged_pages": "on"}, edit=with_source("command line", "zero_damaged_pages")),
)
GOOD = (Sample(), Sample(settings={"zero_damaged_pages": "off", "ignore_checksum_failure": "off"}))

_NAMES = ("zero_damaged_pages", "ignore_checksum_failure", "ignore_invalid_pages")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [name for name in _NAMES if snapshot.settings.on(name)]
    if not found:
        return
    values = dict.fromkeys(found, "off")
    change = set_parameters(snapshot, values)
    loss = " A damaged page is emptied for good when it is read." if "zero_damaged_pages" in found else ""
    yield Finding(
        title=f"{', '.join(found)} is on for every session",
        message=f"Damaged pages are passed over instead of being reported, in every session of the server.{loss}",
        objects=tuple(setting_ref(name) for name in found),
        impact=Impact.certain(),
        evidence=dict.fromkeys(found, "on"),
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
