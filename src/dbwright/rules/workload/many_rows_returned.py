"""A frequent query returns very many rows on each call.

## Why it matters

Every row is sent, parsed and, with an ORM, built into an object: the application spends more time and memory on it than the database.
A list without a limit grows with the table until requests time out.

## When to ignore

For exports and batch jobs that really need all rows; a server-side cursor keeps their memory small.
"""

from __future__ import annotations

import re
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
    statements,
    window_hours,
)
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {"rows_a_call": 10_000, "calls": 100, "calls_a_day": 50, "shown": 5}
COVERS = ("query-rows-per-call",)
YIELDS_TO = (
    "workload/leading-wildcard",
    "workload/function-on-column",
    "workload/dominant-statement",
    "workload/slow-statement",
    "workload/spills-to-disk",
)

_SELECT = re.compile(r"[(\s]*(select|with)\b", re.I)
_WRITES = re.compile(r"\b(insert\s+into|update\s+\S+\s+set|delete\s+from)\b", re.I)
_LIST = "SELECT * FROM orders WHERE paid"

BAD = (Sample("CREATE TABLE orders (id int);", edit=recorded(sample_statement(_LIST, 900, 40.0, rows=900 * 60_000))),)
GOOD = (
    Sample(edit=recorded(sample_statement(_LIST, 900, 40.0, rows=900 * 60))),
    Sample(edit=recorded(sample_statement(_LIST, 20, 40.0, rows=20 * 60_000))),
    Sample(edit=recorded(sample_statement("INSERT INTO a SELECT * FROM orders", 900, 40.0, rows=900 * 60_000))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = window_hours(snapshot) / 24
    found = [
        row
        for row in statements(snapshot.workload)
        if row.rows >= limits["rows_a_call"] * row.calls
        and row.calls >= limits["calls"]
        and row.calls / days >= limits["calls_a_day"]
        and _SELECT.match(row.query)
        and not _WRITES.search(row.query)
    ]
    for row in sorted(found, key=lambda row: -row.rows)[: int(limits["shown"])]:
        each = row.rows / row.calls
        yield Finding(
            title=f"{headline(row, snapshot)} returns {each:,.0f} rows a call",
            message=f"{row.calls:,} calls returned {row.rows:,} rows in all, each of which the application has to receive and build.",
            objects=(reference(row),),
            impact=Impact(each, "rows", limits["rows_a_call"], 5_000_000),
            evidence=evidence(snapshot, row),
            confidence="medium",
            next_step="Add LIMIT with keyset pagination, count or sum in the database, or read it through a server-side cursor "
            "(Django: iterator(), SQLAlchemy: yield_per).",
        )
