"""A statement that runs often takes long each time.

## Why it matters

Someone waits for it, a connection is taken meanwhile, and its locks and snapshot are held.

## When to ignore

For reports and jobs that nobody waits for.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    explain_step,
    headline,
    recorded,
    reference,
    sample_statement,
    seconds_an_hour,
    statements,
    symptoms,
    window_hours,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {
    # The ledger's limit for a slow query.
    "milliseconds": 100,
    "calls": 100,
    "calls_a_day": 20,
    "seconds_an_hour": 3.6,
    "shown": 10,
}
COVERS = ("query-slow-mean", "AB-14", "CH-15")
YIELDS_TO = (
    "workload/leading-wildcard",
    "workload/function-on-column",
    "workload/deep-offset",
    "workload/dominant-statement",
)

_SLOW = "SELECT * FROM orders WHERE note = $1"

BAD = (Sample("CREATE TABLE orders (id int);", edit=recorded(sample_statement(_SLOW, 2_000, 700.0))),)
GOOD = (
    Sample(edit=recorded(sample_statement(_SLOW, 200_000, 7.0))),
    Sample(edit=recorded(sample_statement(_SLOW, 9, 7_000.0))),
    Sample(edit=recorded(sample_statement(_SLOW, 150, 7_000.0), hours=24 * 60)),
    Sample(edit=recorded(sample_statement("COPY public.orders (id) TO stdout", 2_000, 700.0))),
    Sample(edit=recorded(sample_statement("SELECT pg_advisory_lock($1)", 2_000, 700.0))),
    Sample(edit=recorded(sample_statement("SELECT * FROM pg_stat_activity", 2_000, 700.0))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = window_hours(snapshot) / 24
    slow = [
        row
        for row in statements(snapshot.workload)
        if row.mean_milliseconds >= limits["milliseconds"]
        and row.calls >= limits["calls"]
        and row.calls / days >= limits["calls_a_day"]
        and seconds_an_hour(snapshot, row) >= limits["seconds_an_hour"]
    ]
    for row in slow[: int(limits["shown"])]:
        yield Finding(
            title=f"{headline(row, snapshot)} takes {row.mean_milliseconds:,.0f} ms on average",
            message=f"{row.calls:,} calls took {row.total_milliseconds / 1000:,.0f} seconds in all, the longest "
            f"{row.max_milliseconds:,.0f} ms.{symptoms(row)}",
            objects=(reference(row),),
            impact=Impact(row.mean_milliseconds, "milliseconds", limits["milliseconds"], 10_000),
            evidence=evidence(snapshot, row)
            | {"max_milliseconds": round(row.max_milliseconds, 1), "slow_statements": len(slow)},
            next_step=explain_step(snapshot, row),
        )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    often = [row for row in statements(snapshot.workload) if row.calls >= limits["calls"]]
    if often:
        slowest = max(often, key=lambda row: row.mean_milliseconds)
        yield Strength(
            "No frequent statement is slow",
            f"Of {len(often):,} statements with {limits['calls']:,.0f} calls or more the slowest takes "
            f"{slowest.mean_milliseconds:,.1f} ms on average.",
            {"statements": len(often), "slowest_milliseconds": round(slowest.mean_milliseconds, 1)},
        )
