"""default_statistics_target is so low that the planner is half blind, or so high that planning itself is slow.

## Why it matters

ANALYZE keeps that many common values and histogram bounds for each column. With a few dozen, skewed columns are misjudged; with thousands,
ANALYZE samples 300 times as many rows and the planner walks long lists for each condition of each statement.
Columns that need more take it alone: ALTER TABLE … ALTER COLUMN … SET STATISTICS.

## When to ignore

A warehouse with few, long statements can afford a high target.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS = {"least": 50, "most": 1000, "database_bytes": 100e6}
COVERS = ("statistics-target-unfit",)

_ANY = {"database_bytes": 0}
BAD = (
    Sample(settings={"default_statistics_target": "10"}, limits=_ANY),
    Sample(settings={"default_statistics_target": "5000"}, limits=_ANY),
)
GOOD = (
    Sample(limits=_ANY),
    Sample(settings={"default_statistics_target": "1000"}, limits=_ANY),
    Sample(settings={"default_statistics_target": "10"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    target, held = snapshot.settings.number("default_statistics_target"), database_bytes(snapshot)
    if target is None or held < limits["database_bytes"] or limits["least"] <= target <= limits["most"]:
        return
    low = target < limits["least"]
    values = {"default_statistics_target": "100" if low else "500"}
    change = set_parameters(snapshot, values, "It takes effect with the next ANALYZE of each table.")
    effect = (
        "ANALYZE keeps too few values to see which are common"
        if low
        else f"ANALYZE samples {300 * target:,.0f} rows of each table, and every plan walks through long lists"
    )
    yield Finding(
        title=f"default_statistics_target is {target:.0f}",
        message=f"{effect} ({bytes_text(held)} of data; PostgreSQL's default is 100).",
        objects=(setting_ref("default_statistics_target"),),
        impact=Impact(held, "bytes", 100e6, 1e13),
        evidence={"default_statistics_target": target, "database_bytes": held},
        confidence="medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
