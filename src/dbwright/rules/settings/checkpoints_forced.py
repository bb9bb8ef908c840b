"""Checkpoints come because max_wal_size is full rather than when their time is up.

## Why it matters

A checkpoint writes every changed page, and after it the first change of each page puts the whole page into the WAL again.
When they come early, the same pages are written over and over and the WAL grows, which makes the next one come early too: writes get
slow in waves.

## When to ignore

During a bulk load, or when the disk has no room for more WAL. Base backups and CREATE DATABASE request checkpoints as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_checkpoints
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings", "statistics.checkpoints")
LIMITS = {
    "requested_per_day": 24,
    "requested_share": 0.3,
    "days": 1,
    "headroom": 2.0,  # the busiest time writes more than the average
    "most_bytes": 64 * 1024**3,
}
COVERS = ("checkpoints-requested-often", "wal-size-limits-low")

_SIZES = with_settings(max_wal_size="1024", checkpoint_timeout="300")
BAD = (
    Sample(edit=both(_SIZES, with_checkpoints(10, 2 * 1024**4, timed=900, requested=4000))),
    Sample(edit=both(_SIZES, with_checkpoints(10, None, timed=900, requested=1400))),
)
GOOD = (
    Sample(),
    Sample(edit=both(_SIZES, with_checkpoints(10, 10**10, timed=2800, requested=60))),
    Sample(edit=both(_SIZES, with_checkpoints(200, 10**10, timed=100, requested=400))),  # twice a day: backups
    Sample(edit=both(_SIZES, with_checkpoints(0.02, 10**10, timed=1, requested=30))),  # a restore just now
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row, settings, recovery = snapshot.statistics.checkpoints, snapshot.settings, snapshot.replication.recovery
    size_now, interval = settings.bytes("max_wal_size"), settings.seconds("checkpoint_timeout")
    if row is None or row.reset_at is None or (recovery and recovery.in_recovery) or not size_now or not interval:
        return
    days = (snapshot.taken_at - row.reset_at).total_seconds() / 86400
    share = row.requested / max(row.requested + row.timed, 1)
    if days < limits["days"] or row.requested / days < limits["requested_per_day"]:
        return
    if share < limits["requested_share"]:
        return
    daily = _wal_bytes_per_day(snapshot)
    needed = _needed(snapshot, daily, interval, limits["headroom"])
    apart = days * 86400 / (row.requested + row.timed)
    by_frequency = size_now * min(max(interval / apart, 2), 8)
    proposed = ceil(min(max(needed, by_frequency), max(limits["most_bytes"], 2 * size_now)) / 1024**3)
    values = {"max_wal_size": f"{proposed}GB"}
    note = f"pg_wal may take up to {proposed} GB of disk, and recovery after a crash has more WAL to replay."
    change = set_parameters(snapshot, values, note)
    volume = f" {bytes_text(daily)} of WAL a day were written." if daily else ""
    yield Finding(
        title=f"{share:.0%} of the checkpoints are forced: max_wal_size is {bytes_text(size_now)}",
        message=f"{row.requested:,} of {row.requested + row.timed:,} checkpoints in {days:.0f} days came before their time, "
        f"{apart / 60:.1f} minutes apart on average instead of {interval / 60:.0f}.{volume}",
        objects=(setting_ref("max_wal_size"),),
        impact=Impact(row.requested / days, "checkpoints per day", limits["requested_per_day"], 2880),
        evidence={
            "requested": row.requested,
            "timed": row.timed,
            "counted_days": round(days, 1),
            "max_wal_size_bytes": size_now,
            "wal_bytes_per_day": int(daily) if daily else None,
            "formula": "WAL per second * checkpoint_timeout * (1 + checkpoint_completion_target) * headroom, at least twice the old value",
        },
        confidence="high" if daily else "medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )


def _wal_bytes_per_day(snapshot: Snapshot) -> float | None:
    """WAL written a day on average (PostgreSQL 14 and later)."""
    written, began = snapshot.replication.wal_bytes, snapshot.replication.wal_reset_at
    seconds = (snapshot.taken_at - began).total_seconds() if began else 0
    return written * 86400 / seconds if written and seconds > 0 else None


def _needed(snapshot: Snapshot, daily: float | None, interval: float, headroom: float) -> float:
    """Room for the WAL of one interval. The server starts a checkpoint when about max_wal_size / (1 + target) is written."""
    target = snapshot.settings.number("checkpoint_completion_target") or 0.9
    return (daily or 0) / 86400 * interval * (1 + target) * headroom
