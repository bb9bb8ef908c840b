"""A statement sorts or hashes more than its memory holds and writes temporary files.

## Why it matters

A sort or hash that exceeds work_mem goes through files: slower, and it drives other data out of the cache.

## When to ignore

For a rare report: a larger work_mem would cost memory all day.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

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
    statements,
    window_hours,
)
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("workload.statements", "settings")
LIMITS = {
    "bytes_a_call": 1024**2,
    "bytes_an_hour": 256 * 1024**2,
    "calls": 10,
    # More than this for one statement wants fewer rows, not more memory.
    "most_work_mem": 256 * 1024**2,
    "shown": 5,
}
COVERS = ("query-temp-spill",)
YIELDS_TO = (
    "workload/leading-wildcard",
    "workload/function-on-column",
    "workload/deep-offset",
    "workload/dominant-statement",
    "workload/slow-statement",
)

_SORT = "SELECT * FROM orders ORDER BY note"

BAD = (
    Sample(
        "CREATE TABLE orders (id int);",
        edit=recorded(sample_statement(_SORT, 4_000, 60.0, temporary_blocks_written=4_000 * 3_000)),
    ),
)
GOOD = (
    Sample(edit=recorded(sample_statement(_SORT, 4_000, 60.0))),
    Sample(edit=recorded(sample_statement(_SORT, 3, 60.0, temporary_blocks_written=9_000))),
    Sample(edit=recorded(sample_statement(_SORT, 4_000, 60.0, temporary_blocks_written=8_000))),
    Sample(
        edit=recorded(sample_statement("CREATE INDEX ON orders (id)", 4_000, 60.0, temporary_blocks_written=9_000_000))
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    hours = window_hours(snapshot)
    found = [
        row
        for row in statements(snapshot.workload)
        if row.calls >= limits["calls"]
        and _written(row) / row.calls >= limits["bytes_a_call"]
        and _written(row) / hours >= limits["bytes_an_hour"]
    ]
    for row in sorted(found, key=lambda row: -_written(row))[: int(limits["shown"])]:
        each = _written(row) / row.calls
        yield Finding(
            title=f"{headline(row, snapshot)} writes {bytes_text(each)} of temporary files a call",
            message=f"In {row.calls:,} calls it wrote {bytes_text(_written(row))}; work_mem is {_work_mem(snapshot)}.",
            objects=(reference(row),),
            impact=Impact(_written(row) / hours, "bytes an hour", limits["bytes_an_hour"], 1024**4),
            evidence=evidence(snapshot, row)
            | {"temporary_bytes_a_call": round(each), "temporary_bytes": _written(row)},
            confidence="medium",
            next_step=_step(snapshot, row, each, limits),
        )


def _written(row: Statement) -> int:
    return row.temporary_blocks_written * 8192


def _work_mem(snapshot: Snapshot) -> str:
    own = snapshot.settings.bytes("work_mem")
    return "hidden" if own is None else bytes_text(own)


def _step(snapshot: Snapshot, row: Statement, each: float, limits: Limits) -> str:
    # Sorts take somewhat more room in memory than in their files.
    wanted = max(each * 2, 2 * (snapshot.settings.bytes("work_mem") or 0))
    megabytes = 16 * ceil(wanted / 1024**2 / 16)
    if megabytes * 1024**2 > limits["most_work_mem"]:
        return "Let it sort fewer or narrower rows, or read them in order from an index; " + explain_step(snapshot, row)
    alone = f"In the transaction that runs it: SET LOCAL work_mem = '{megabytes}MB'."
    return f"{alone} Not for the whole server: every sort of every connection may take it."
