"""Checkpoints write all their pages in a short burst: checkpoint_completion_target is low.

## Why it matters

The target says over which part of the time until the next checkpoint the writes are spread. The lower it is, the harder each
checkpoint hits the disk, and statements wait meanwhile. PostgreSQL 14 raised its default from 0.5 to 0.9 for that reason.

## When to ignore

On a server that hardly writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_checkpoints
from dbwright.model.server import BLOCK, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings", "statistics.checkpoints")
LIMITS = {"target": 0.7, "written_bytes_per_day": 20e9, "days": 1}
COVERS = ("checkpoint-completion-target",)

_BUSY = with_checkpoints(10, buffers_checkpoint=60_000_000)
BAD = (
    Sample(settings={"checkpoint_completion_target": "0.5"}, limits={"written_bytes_per_day": 0, "days": 0}),
    Sample(edit=both(_BUSY, with_settings(checkpoint_completion_target="0.5"))),
)
GOOD = (
    Sample(settings={"checkpoint_completion_target": "0.5"}),
    Sample(edit=both(_BUSY, with_settings(checkpoint_completion_target="0.9"))),
    Sample(
        edit=both(with_checkpoints(10, buffers_checkpoint=60_000), with_settings(checkpoint_completion_target="0.5"))
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    target, row = snapshot.settings.number("checkpoint_completion_target"), snapshot.statistics.checkpoints
    if target is None or target >= limits["target"] or row is None or row.reset_at is None:
        return
    days = (snapshot.taken_at - row.reset_at).total_seconds() / 86400
    written = row.buffers_checkpoint * BLOCK / days if days > 0 else 0
    if days < limits["days"] or written < limits["written_bytes_per_day"]:
        return
    values = {"checkpoint_completion_target": "0.9"}
    change = set_parameters(snapshot, values)
    yield Finding(
        title=f"checkpoint_completion_target is {target:g}",
        message=f"Checkpoints write {bytes_text(written)} a day, squeezed into {target:.0%} of the time they have.",
        objects=(setting_ref("checkpoint_completion_target"),),
        impact=Impact(written, "bytes per day", limits["written_bytes_per_day"], 2e13),
        evidence={
            "checkpoint_completion_target": target,
            "written_bytes_per_day": int(written),
            "counted_days": round(days, 1),
        },
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
