"""Commits are confirmed before they are on the disk: synchronous_commit is off for everybody.

## Why it matters

After a crash the transactions of the last moments (up to three times wal_writer_delay) are gone, although the application was
told that they were committed. Nothing is damaged, but an order that was confirmed may not exist.

## When to ignore

Where losing the last half second is a price that somebody chose to pay for faster commits: logs, metrics, caches.
Then it is better set for those transactions or roles alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import counters, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings", "statistics.databases")
LIMITS = {"rows_written": 10_000}
COVERS = ()

BAD = (Sample(settings={"fsync": "on", "synchronous_commit": "off"}, limits={"rows_written": 0}),)
GOOD = (
    Sample(settings={"fsync": "on", "synchronous_commit": "off"}),
    Sample(settings={"fsync": "on", "synchronous_commit": "local"}, limits={"rows_written": 0}),
    Sample(settings={"fsync": "off", "synchronous_commit": "off"}, limits={"rows_written": 0}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings, row = snapshot.settings, counters(snapshot)
    written = row.rows_inserted + row.rows_updated + row.rows_deleted if row else 0
    if settings.text("synchronous_commit") != "off" or not settings.on("fsync") or written < limits["rows_written"]:
        return
    seconds = 3 * (settings.seconds("wal_writer_delay") or 0.2)
    values = {"synchronous_commit": "on"}
    change = set_parameters(
        snapshot,
        values,
        "Each commit then waits for the disk; single transactions may still SET LOCAL synchronous_commit = off.",
    )
    yield Finding(
        title="synchronous_commit is off for every transaction",
        message=f"A crash loses the transactions of up to the last {seconds:.1f} seconds, which the application was told are committed; "
        f"{written:,} rows were written since the counters began. This may be deliberate.",
        objects=(setting_ref("synchronous_commit"),),
        impact=Impact(seconds, "seconds", 0.6, 60),
        evidence={"synchronous_commit": "off", "seconds_at_risk": seconds, "rows_written": written},
        confidence="low",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
