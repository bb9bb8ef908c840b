"""One cheap statement makes up a large part of all calls.

## Why it matters

Each call costs a round trip, planning and a snapshot, mostly outside what the server measures: an application that asks for
rows one by one waits far longer than the database works.
It is the trace of a query in a loop (N+1), of a missing cache, or of polling.

## When to ignore

When each call answers a different request of a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.activity import Statement
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import (
    evidence,
    headline,
    recorded,
    reference,
    sample_statement,
    statements,
    window_hours,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {"share": 0.3, "calls": 100_000, "calls_a_second": 50, "milliseconds": 1, "rows": 2}
COVERS = ("query-chatty", "query-most-frequent", "AB-14")
YIELDS_TO = ("workload/dominant-statement", "workload/slow-statement")

_BY_KEY = re.compile(r"\bwhere\b.*=\s*(any\s*\()?\$\d", re.I | re.S)
_QUERY = "SELECT name FROM author WHERE id = $1"
_OTHER = sample_statement("SELECT * FROM book WHERE id > $1", 5_000_000, 4.0, query_id=2)

BAD = (Sample("CREATE TABLE author (id int);", edit=recorded(sample_statement(_QUERY, 9_000_000, 0.05), _OTHER)),)
GOOD = (
    Sample(edit=recorded(sample_statement(_QUERY, 90_000, 0.05))),
    Sample(edit=recorded(sample_statement(_QUERY, 900_000, 0.05), _OTHER)),
    Sample(edit=recorded(sample_statement("INSERT INTO log VALUES ($1)", 9_000_000, 0.05))),
    Sample(edit=recorded(sample_statement("SELECT $1", 9_000_000, 0.01))),
    Sample(edit=recorded(sample_statement(_QUERY, 9_000_000, 0.05), hours=24 * 60)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    rows = statements(snapshot.workload)
    calls = sum(row.calls for row in rows)
    seconds = window_hours(snapshot) * 3600
    for row in rows:
        if (
            row.calls < limits["share"] * calls
            or not _chatty(row, limits)
            or row.calls / seconds < limits["calls_a_second"]
        ):
            continue
        yield Finding(
            title=f"{headline(row, snapshot)} is {row.calls / calls:.0%} of all calls",
            message=f"It runs {row.calls / seconds:,.0f} times a second on average for {row.rows / row.calls:,.1f} rows each, found by "
            "a key: the trace of a query in a loop, or of something that could be cached.",
            objects=(reference(row),),
            impact=Impact(row.calls / seconds, "calls a second", limits["calls_a_second"], 20_000),
            evidence=evidence(snapshot, row) | {"share_of_calls": round(row.calls / calls, 3)},
            confidence="low",
            next_step="Find the loop that asks by key; ask once with = ANY($1), a join, select_related or selectinload.",
        )


def _chatty(row: Statement, limits: Limits) -> bool:
    cheap = row.mean_milliseconds <= limits["milliseconds"] and row.rows <= limits["rows"] * row.calls
    select = row.query.lstrip("( \n\t").lower().startswith("select")
    return cheap and row.calls >= limits["calls"] and select and bool(_BY_KEY.search(row.query))
