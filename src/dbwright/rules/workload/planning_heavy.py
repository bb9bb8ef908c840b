"""Planning a statement takes longer than running it.

## Why it matters

A statement over many partitions, joins or indexes may take milliseconds to plan and microseconds to run, at every call.
A prepared statement is planned once; pruning early and fewer partitions make each planning cheaper.

## When to ignore

When it is called rarely.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    headline,
    load,
    recorded,
    reference,
    sample_statement,
    statements,
    tables_in,
    window_hours,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {"times_execution": 1, "plan_seconds_an_hour": 20, "milliseconds": 1, "calls": 1000, "shown": 5}
COVERS = ("query-planning-heavy",)
YIELDS_TO = ("workload/dominant-statement", "workload/slow-statement")

_QUERY = "SELECT * FROM events WHERE id = $1"

BAD = (
    Sample(
        "CREATE TABLE events (id int);",
        edit=recorded(sample_statement(_QUERY, 900_000, 0.2, plan_milliseconds=900_000 * 4.0)),
    ),
)
GOOD = (
    Sample(edit=recorded(sample_statement(_QUERY, 900_000, 5.0, plan_milliseconds=900_000 * 4.0))),
    Sample(edit=recorded(sample_statement(_QUERY, 900_000, 0.01, plan_milliseconds=900_000 * 0.03))),
    Sample(edit=recorded(sample_statement(_QUERY, 900_000, 0.2))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    hours = window_hours(snapshot)
    found = [
        row
        for row in statements(snapshot.workload)
        if row.plan_milliseconds >= limits["times_execution"] * row.total_milliseconds
        and row.calls >= limits["calls"]
        and row.plan_milliseconds / row.calls >= limits["milliseconds"]
        and row.plan_milliseconds / 1000 / hours >= limits["plan_seconds_an_hour"]
    ]
    for row in sorted(found, key=lambda row: -row.plan_milliseconds)[: int(limits["shown"])]:
        each, hourly = row.plan_milliseconds / row.calls, row.plan_milliseconds / 1000 / hours
        tables = {table.oid: table for table in tables_in(row.query, snapshot.catalog).values()}.values()
        partitions = sum(
            len(snapshot.catalog.leaves_of(table)) for table in tables if table.kind == "partitioned table"
        )
        among = f" It names tables of {partitions} partitions in all." if partitions else ""
        yield Finding(
            title=f"{headline(row, snapshot)} takes {each:,.1f} ms to plan and {row.mean_milliseconds:,.1f} to run",
            message=f"Planning its {row.calls:,} calls takes {load(snapshot, hourly)}.{among}",
            objects=(reference(row),),
            impact=Impact(hourly, "seconds an hour", limits["plan_seconds_an_hour"], 3600),
            evidence=evidence(snapshot, row) | {"plan_milliseconds_a_call": round(each, 3), "partitions": partitions},
            confidence="medium",
            next_step="Let the driver prepare it (psycopg: prepare_threshold), or make it name the partition key.",
        )
