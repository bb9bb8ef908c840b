"""Counting of table activity is off, and with it autovacuum is blind.

## Why it matters

Autovacuum decides from the counters that `track_counts` keeps; without them it vacuums against wraparound only.
Every judgement about use and sizes, by this tool and others, rests on the same counters.

## When to ignore

Never on a database that is written to: the counters cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("track-counts-off",)

BAD = (Sample(settings={"track_counts": "off"}),)
GOOD = (Sample(), Sample(settings={"track_activities": "off"}))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.on("track_counts") is not False:
        return
    yield Finding(
        title="track_counts is off: autovacuum cannot see what to do",
        message="No table's activity is counted, so autovacuum neither removes dead rows nor renews statistics until wraparound forces it.",
        objects=(ObjectRef("setting", "track_counts"),),
        impact=Impact.certain(),
        evidence={"track_counts": snapshot.settings.text("track_counts")},
        change=Change((SetServerParameter("track_counts", "off", "on"),)),
    )
