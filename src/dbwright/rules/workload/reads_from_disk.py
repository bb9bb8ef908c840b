"""A statement spends most of its time waiting for data that is not in the cache.

## Why it matters

Reading a block from storage takes many times as long as finding it in memory.
A statement that reads much on each call usually reads more than it needs: a missing index, or rows scattered over the table.

## When to ignore

When it reads old data that nobody else needs, and rarely.
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
    recorded,
    reference,
    sample_statement,
    seconds_an_hour,
    statements,
    window_hours,
)
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements",)
LIMITS = {
    "blocks_a_call": 500,
    "bytes_an_hour": 4 * 1024**3,
    "miss_share": 0.2,
    "seconds_an_hour": 30,
    "calls": 50,
    "shown": 5,
}
COVERS = ("query-disk-reads", "query-io-time", "query-low-hit-ratio")
YIELDS_TO = (
    "workload/leading-wildcard",
    "workload/function-on-column",
    "workload/deep-offset",
    "workload/dominant-statement",
    "workload/slow-statement",
    "workload/spills-to-disk",
    "workload/many-rows-returned",
)

_QUERY = "SELECT * FROM orders WHERE note = $1"

BAD = (
    Sample(
        "CREATE TABLE orders (id int);",
        edit=recorded(sample_statement(_QUERY, 20_000, 60.0, shared_blocks_read=40_000_000)),
    ),
)
GOOD = (
    Sample(edit=recorded(sample_statement(_QUERY, 20_000, 60.0, shared_blocks_read=20_000))),
    Sample(
        edit=recorded(
            sample_statement(_QUERY, 20_000, 60.0, shared_blocks_hit=400_000_000, shared_blocks_read=11_000_000)
        )
    ),
    Sample(edit=recorded(sample_statement(_QUERY, 20, 60.0, shared_blocks_read=40_000_000))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    hours = window_hours(snapshot)
    found = [row for row in statements(snapshot.workload) if _reads_much(snapshot, row, limits, hours)]
    for row in sorted(found, key=lambda row: -row.shared_blocks_read)[: int(limits["shown"])]:
        each = row.shared_blocks_read * 8192 / row.calls
        miss = row.shared_blocks_read / (row.shared_blocks_read + row.shared_blocks_hit)
        waits = (
            f", {min(row.read_milliseconds / row.total_milliseconds, 1):.0%} of its time"
            if row.read_milliseconds
            else ""
        )
        yield Finding(
            title=f"{headline(row, snapshot)} reads {bytes_text(each)} from outside the cache a call",
            message=f"{miss:.0%} of its blocks are not in shared_buffers{waits}; it returns {row.rows / row.calls:,.1f} rows a call.",
            objects=(reference(row),),
            impact=Impact(row.shared_blocks_read * 8192 / hours, "bytes an hour", limits["bytes_an_hour"], 4 * 1024**4),
            evidence=evidence(snapshot, row)
            | {"miss_share": round(miss, 3), "read_milliseconds": round(row.read_milliseconds)},
            confidence="high" if row.read_milliseconds >= 0.5 * row.total_milliseconds else "medium",
            next_step=explain_step(snapshot, row),
        )


def _reads_much(snapshot: Snapshot, row: Statement, limits: Limits, hours: float) -> bool:
    read = row.shared_blocks_read
    return (
        row.calls >= limits["calls"]
        and read / row.calls >= limits["blocks_a_call"]
        and read >= limits["miss_share"] * (read + row.shared_blocks_hit)
        and read * 8192 / hours >= limits["bytes_an_hour"]
        and seconds_an_hour(snapshot, row) >= limits["seconds_an_hour"]
    )
