"""Reading pages in order is said to be dearer than reading them at random.

## Why it matters

No storage reads a run of pages more slowly than the same pages out of order. With seq_page_cost above random_page_cost the planner
chooses index scans over large parts of a table, which read each page many times.
Usually somebody lowered random_page_cost, or raised seq_page_cost, to force one index to be used.

## When to ignore

Never on a server that is meant to plan well.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("page-cost-order-wrong",)

BAD = (
    Sample(settings={"seq_page_cost": "5"}),
    Sample(settings={"random_page_cost": "0.5"}),
)
GOOD = (
    Sample(settings={"seq_page_cost": "1", "random_page_cost": "1"}),
    Sample(settings={"seq_page_cost": "0.1", "random_page_cost": "0.1"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    ordered = snapshot.settings.number("seq_page_cost")
    at_random = snapshot.settings.number("random_page_cost")
    if ordered is None or at_random is None or ordered <= at_random:
        return
    values = {"seq_page_cost": "1", "random_page_cost": "1.1"}
    change = set_parameters(snapshot, values, "Plans may change: look at the slowest statements before and after.")
    yield Finding(
        title=f"seq_page_cost ({ordered:g}) is above random_page_cost ({at_random:g})",
        message="The planner takes reading a table in order for dearer than jumping about in it, and chooses index scans where they lose.",
        objects=(setting_ref("seq_page_cost"), setting_ref("random_page_cost")),
        impact=Impact(ordered / max(at_random, 0.01), "times", 1, 100),
        evidence={"seq_page_cost": ordered, "random_page_cost": at_random},
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
