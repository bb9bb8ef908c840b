"""The server never logs what autovacuum does.

## Why it matters

When a table swells or the disks are busy at odd hours, the log line of each long autovacuum tells what was read, removed and not removable,
how often the indexes were gone over and why it was cancelled.
Nothing else keeps that history. PostgreSQL 15 and later log runs of ten minutes or more by default.

## When to ignore

Where the log cannot be read, or a monitoring tool keeps the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import stored_tables
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("settings", "statistics.tables")
LIMITS = {"rows": 1_000_000}
COVERS = ("autovacuum-logging-off", "AB-11")

_OFF = {"log_autovacuum_min_duration": "-1"}
_TABLE = "CREATE TABLE orders (id int);"

BAD = (Sample(_TABLE, _OFF, {"orders": {"rows": 4e6}}),)
GOOD = (
    Sample(_TABLE, _OFF, {"orders": {"rows": 40_000}}),
    Sample(_TABLE, {"log_autovacuum_min_duration": "'1min'"}, {"orders": {"rows": 4e6}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.number("log_autovacuum_min_duration") != -1:
        return
    largest = max((row.estimated_rows for _, row in stored_tables(snapshot)), default=0)
    if largest < limits["rows"]:
        return
    yield Finding(
        title="Autovacuum's work is never logged",
        message=f"log_autovacuum_min_duration is -1, so no run leaves a trace; the largest table has an estimated {largest:,} rows.",
        objects=(ObjectRef("setting", "log_autovacuum_min_duration"),),
        impact=Impact.certain(),
        evidence={"log_autovacuum_min_duration": -1, "largest_table_rows": largest},
        change=Change((SetServerParameter("log_autovacuum_min_duration", "-1", "10min"),)),
    )
