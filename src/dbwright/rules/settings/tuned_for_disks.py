"""The planner's costs are those of spinning disks, on storage where a random read costs little.

## Why it matters

random_page_cost = 4 says that a page read out of order costs four times one read in order. That was so on disks with moving heads.
On flash storage, or where most of the data is cached, it makes the planner prefer reading whole tables to index scans that would be
quicker. Before PostgreSQL 18 effective_io_concurrency is also 1 by default, so bitmap scans wait for each read.

## When to ignore

On spinning disks, or on network storage with slow reads. The rule speaks only where reads were measured, or the platform stores on
flash.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_database, with_target
from dbwright.model.server import counters, database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings", "statistics.databases", "statistics.tables")
LIMITS = {
    "random_page_cost": 3.0,
    "database_bytes": 1e9,
    "blocks_read": 100_000,
    "milliseconds": 1.0,  # a disk with moving heads needs 4 to 10 ms for a random read
    "index_share": 0.2,  # reads of indexes are random ones; few of them, and the average tells of read-ahead only
}
COVERS = ("random-page-cost-vs-storage", "effective-io-concurrency-low", "WB-09")

_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY);"
_READ = {"event": {"heap_blocks_read": 5_000_000, "index_blocks_read": 3_000_000}}
_LARGE = with_database(80 * 1024**3, blocks_read=9_000_000, read_milliseconds=2_700_000.0)
_SLOW = with_database(80 * 1024**3, blocks_read=9_000_000, read_milliseconds=54_000_000.0)
_TIMED = {"track_io_timing": "on"}
BAD = (
    Sample(
        _TABLE,
        settings=_TIMED,
        statistics=_READ,
        limits={"database_bytes": 0, "blocks_read": 0, "milliseconds": 1e9},
    ),
    Sample(_TABLE, settings=_TIMED, statistics=_READ, edit=_LARGE),
    Sample(_TABLE, edit=both(_LARGE, with_target(managed_by="Amazon RDS"))),
)
GOOD = (
    Sample(_TABLE, settings=_TIMED, statistics=_READ),
    Sample(_TABLE, settings=_TIMED, statistics=_READ, edit=_SLOW),
    Sample(_TABLE, statistics=_READ, edit=_LARGE),  # nothing was measured
    Sample(
        _TABLE,
        settings=_TIMED,
        statistics={"event": {"heap_blocks_read": 5_000_000, "index_blocks_read": 3_000}},
        edit=_LARGE,
    ),
    Sample(_TABLE, settings=_TIMED | {"random_page_cost": "1.1"}, statistics=_READ, edit=_LARGE),
    Sample(
        _TABLE,
        settings=_TIMED,
        statistics=_READ,
        edit=both(_LARGE, with_settings(random_page_cost="2")),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    cost, held = snapshot.settings.number("random_page_cost"), database_bytes(snapshot)
    if cost is None or cost < limits["random_page_cost"] or held < limits["database_bytes"]:
        return
    latency = _milliseconds_a_read(snapshot, limits)
    if (latency is None and not snapshot.target.managed_by) or (latency or 0) >= limits["milliseconds"]:
        return
    why = (
        f"reading a page took {latency:.2f} ms on average, so random reads cost little here"
        if latency is not None
        else f"{snapshot.target.managed_by} stores on flash"
    )
    values = {"random_page_cost": "1.1"} | _prefetch(snapshot)
    change = set_parameters(snapshot, values, "Plans may change: look at the slowest statements before and after.")
    confidence: Confidence = "high" if latency is not None else "medium"
    yield Finding(
        title=f"random_page_cost is {cost:g}, the cost of spinning disks",
        message=f"The planner reckons a random read {cost:g} times as dear as one in order, but {why} ({bytes_text(held)} of data).",
        objects=tuple(setting_ref(name) for name in values),
        impact=Impact(held, "bytes", limits["database_bytes"], 1e13),
        evidence={
            "random_page_cost": cost,
            "milliseconds_per_read": None if latency is None else round(latency, 3),
            "platform": snapshot.target.managed_by,
            "database_bytes": held,
        },
        confidence=confidence,
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )


def _milliseconds_a_read(snapshot: Snapshot, limits: Limits) -> float | None:
    """Measured time of a page read, None when it was not measured or says nothing about random reads."""
    row = counters(snapshot)
    if not snapshot.settings.on("track_io_timing") or row is None or row.blocks_read <= limits["blocks_read"]:
        return None
    index = sum(t.index_blocks_read for t in snapshot.statistics.tables)
    heap = sum(t.heap_blocks_read for t in snapshot.statistics.tables)
    if row.read_milliseconds <= 0 or index < limits["index_share"] * (index + heap):
        return None
    return row.read_milliseconds / row.blocks_read


def _prefetch(snapshot: Snapshot) -> dict[str, str]:
    """The value for flash storage where the old default of 1 stands; a server that cannot prefetch has 0 and keeps it."""
    setting = snapshot.settings.get("effective_io_concurrency")
    return (
        {"effective_io_concurrency": "200"} if setting and setting.value == "1" and snapshot.target.major < 18 else {}
    )
