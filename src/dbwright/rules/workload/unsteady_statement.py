"""A statement is quick most times and now and then very slow.

## Why it matters

The average hides what users complain about: one call in many that takes seconds.
Behind it stand waits for locks, a plan that suits some parameters only, or data that is not in the cache.

## When to ignore

When the slow calls are known: other parameters that ask for far more rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    headline,
    recorded,
    reference,
    sample_statement,
    seconds_an_hour,
    statements,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {
    "times_mean": 5,
    "max_milliseconds": 5_000,
    "milliseconds": 5,
    "calls": 1_000,
    "seconds_an_hour": 10,
    "shown": 3,
}
COVERS = ("query-high-variance",)
YIELDS_TO = (
    "workload/leading-wildcard",
    "workload/function-on-column",
    "workload/deep-offset",
    "workload/dominant-statement",
    "workload/slow-statement",
    "workload/spills-to-disk",
    "workload/reads-from-disk",
    "workload/many-rows-returned",
)

_QUERY = "SELECT * FROM orders WHERE customer_id = $1"
_UNSTEADY = sample_statement(_QUERY, 90_000, 20.0, stddev_milliseconds=300.0, max_milliseconds=14_000.0)

BAD = (Sample("CREATE TABLE orders (id int);", edit=recorded(_UNSTEADY)),)
GOOD = (
    Sample(edit=recorded(sample_statement(_QUERY, 90_000, 20.0, stddev_milliseconds=30.0, max_milliseconds=14_000.0))),
    Sample(edit=recorded(sample_statement(_QUERY, 90_000, 20.0, stddev_milliseconds=300.0, max_milliseconds=900.0))),
    Sample(edit=recorded(_UNSTEADY, hours=24 * 90)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        row
        for row in statements(snapshot.workload)
        if row.calls >= limits["calls"]
        and row.mean_milliseconds >= limits["milliseconds"]
        and row.max_milliseconds >= limits["max_milliseconds"]
        and row.stddev_milliseconds >= limits["times_mean"] * row.mean_milliseconds
        and seconds_an_hour(snapshot, row) >= limits["seconds_an_hour"]
    ]
    for row in found[: int(limits["shown"])]:
        yield Finding(
            title=f"{headline(row, snapshot)} takes up to {row.max_milliseconds / 1000:,.1f} seconds, on average far less",
            message=f"Its {row.calls:,} calls take {row.mean_milliseconds:,.1f} ms on average with a standard deviation of "
            f"{row.stddev_milliseconds:,.0f} ms.",
            objects=(reference(row),),
            impact=Impact(row.max_milliseconds, "milliseconds", limits["max_milliseconds"], 600_000),
            evidence=evidence(snapshot, row)
            | {
                "stddev_milliseconds": round(row.stddev_milliseconds, 1),
                "max_milliseconds": round(row.max_milliseconds, 1),
            },
            confidence="medium",
            next_step="Set log_lock_waits = on and auto_explain.log_min_duration for a day; they tell waits for locks from bad plans.",
        )
