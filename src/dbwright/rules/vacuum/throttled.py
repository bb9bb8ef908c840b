"""Autovacuum's cost limits are too strict for the size of the database.

## Why it matters

Autovacuum sleeps after a budget of page accesses, and all workers share one budget.
With an old delay (20 ms was the default until PostgreSQL 11) or a small limit, going once over a large database takes days,
so dead rows arrive faster than they are removed and vacuums against wraparound come late.

## When to ignore

When the disks cannot bear more, or most of the data is never written to.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import stored_tables
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "statistics.tables")
LIMITS = {
    "hours": 12,
    # PostgreSQL's default since version 12.
    "delay_milliseconds": 2,
    # Share of the pages that a vacuum writes to, for the estimate.
    "dirtied_share": 0.1,
    "most_cost_limit": 10_000,
}
COVERS = ("autovacuum-cost-throttled", "AB-11")

_TB = 1024**4
_LARGE = {"orders": {"heap_bytes": 2 * _TB, "index_bytes": _TB // 2}}

BAD = (
    Sample("CREATE TABLE orders (id int);", {"autovacuum_vacuum_cost_delay": "'20ms'"}, _LARGE),
    Sample("CREATE TABLE orders (id int);", {"autovacuum_vacuum_cost_limit": "20"}, _LARGE),
)
GOOD = (
    Sample("CREATE TABLE orders (id int);", {"autovacuum_vacuum_cost_delay": "'20ms'"}),
    Sample(
        "CREATE TABLE orders (id int);", {"autovacuum_vacuum_cost_delay": "0"}, {"orders": {"heap_bytes": 90 * _TB}}
    ),
    Sample("CREATE TABLE orders (id int);", statistics={"orders": {"heap_bytes": _TB // 2}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    delay, limit = _delay(snapshot), _limit(snapshot)
    if not delay or not limit:
        return
    size = sum(row.heap_bytes + row.index_bytes for _, row in stored_tables(snapshot))
    hours = _hours(snapshot, limits, size, delay, limit)
    if hours < limits["hours"]:
        return
    changes = []
    if delay > limits["delay_milliseconds"]:
        text = snapshot.settings.text("autovacuum_vacuum_cost_delay")
        changes.append(SetServerParameter("autovacuum_vacuum_cost_delay", text, f"{limits['delay_milliseconds']:g}"))
        delay = limits["delay_milliseconds"]
    left = _hours(snapshot, limits, size, delay, limit)
    if left >= limits["hours"]:
        text = snapshot.settings.text("autovacuum_vacuum_cost_limit")
        limit = min(limits["most_cost_limit"], 100 * int(limit * left / limits["hours"] / 100 + 1))
        changes.append(SetServerParameter("autovacuum_vacuum_cost_limit", text, f"{limit:g}"))
    after = _hours(snapshot, limits, size, delay, limit)
    yield Finding(
        title=f"Autovacuum's cost limits let it go over the database in {hours:,.0f} hours",
        message=f"Going once over {bytes_text(size)} of tables and indexes takes an estimated {hours:,.0f} hours at "
        f"{bytes_text(size / hours / 3600)} a second, shared by all workers; with the change {after:,.0f} hours.",
        objects=(
            ObjectRef("setting", "autovacuum_vacuum_cost_delay"),
            ObjectRef("setting", "autovacuum_vacuum_cost_limit"),
        ),
        impact=Impact(hours, "hours", limits["hours"], 240, estimated=True),
        evidence={
            "bytes": size,
            "cost_delay_milliseconds": _delay(snapshot),
            "cost_limit": _limit(snapshot),
            "hours": round(hours, 1),
            "formula": "pages * (vacuum_cost_page_miss + share dirtied * vacuum_cost_page_dirty) / (cost limit / cost delay)",
            "hours_after": round(after, 1),
        },
        confidence="medium",
        change=Change(tuple(changes), note="Watch the disks' load after the change."),
    )


def _delay(snapshot: Snapshot) -> float | None:
    delay = snapshot.settings.number("autovacuum_vacuum_cost_delay")
    return snapshot.settings.number("vacuum_cost_delay") if delay == -1 else delay


def _limit(snapshot: Snapshot) -> float | None:
    limit = snapshot.settings.number("autovacuum_vacuum_cost_limit")
    return snapshot.settings.number("vacuum_cost_limit") if limit == -1 else limit


def _hours(snapshot: Snapshot, limits: Limits, size: float, delay: float, limit: float) -> float:
    """Hours of one pass at the given budget, reading every page from outside the cache and writing a part of them."""
    miss = snapshot.settings.number("vacuum_cost_page_miss")
    dirty = snapshot.settings.number("vacuum_cost_page_dirty")
    page_cost = (2 if miss is None else miss) + limits["dirtied_share"] * (20 if dirty is None else dirty)
    return size / 8192 * page_cost / (limit / delay * 1000) / 3600
