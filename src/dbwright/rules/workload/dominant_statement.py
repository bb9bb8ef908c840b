"""One statement takes a large share of the database's time.

## Why it matters

What one statement gains, the whole server gains: its share is the most that tuning anything can bring.

## When to ignore

When the statement is what the application is for and already as cheap as it can be.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.activity import Statement
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    explain_step,
    headline,
    load,
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
    "share": 0.2,
    # Two percent of a core, on average: below, there is nothing to gain.
    "seconds_an_hour": 72,
    "total_seconds": 300,
    "shown": 3,
    "chatty_milliseconds": 1,
}
COVERS = ("query-top-total-time", "query-buffer-hits", "AB-14", "CH-15")
YIELDS_TO = ("workload/leading-wildcard", "workload/function-on-column", "workload/deep-offset")

_ORDERS = sample_statement("SELECT * FROM orders WHERE customer_id = $1", 400_000, 12.0)
_OTHERS = tuple(sample_statement(f"SELECT {n} FROM t", 60_000, 9.0, query_id=10 + n) for n in range(9))

BAD = (Sample("CREATE TABLE orders (id int);", edit=recorded(_ORDERS, *_OTHERS)),)
GOOD = (
    Sample(edit=recorded(*_OTHERS)),
    Sample(edit=recorded(sample_statement("SELECT * FROM orders", 9, 12.0))),
    Sample(edit=recorded(sample_statement("VACUUM orders", 9, 900_000.0))),
    Sample(edit=recorded(_ORDERS, hours=24 * 90)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    total = snapshot.workload.total_milliseconds
    for row in statements(snapshot.workload)[: int(limits["shown"])]:
        share, hourly = row.total_milliseconds / max(total, 1), seconds_an_hour(snapshot, row)
        enough = row.total_milliseconds >= limits["total_seconds"] * 1000 and hourly >= limits["seconds_an_hour"]
        if share < limits["share"] or not enough:
            continue
        yield Finding(
            title=f"{headline(row, snapshot)} takes {share:.0%} of the database's time",
            message=f"{row.calls:,} calls of {row.mean_milliseconds:,.1f} ms on average are {load(snapshot, hourly)}."
            f"{symptoms(row)}",
            objects=(reference(row),),
            impact=Impact(hourly, "seconds an hour", limits["seconds_an_hour"], 4 * 3600),
            evidence=evidence(snapshot, row),
            next_step=_step(snapshot, row, limits),
        )


def _step(snapshot: Snapshot, row: Statement, limits: Limits) -> str:
    if row.mean_milliseconds < limits["chatty_milliseconds"]:
        rate = row.calls / window_hours(snapshot) / 3600
        return f"Each call is cheap, but there are {rate:,.0f} a second: look for a loop that should ask once, or cache the answer."
    return explain_step(snapshot, row)
