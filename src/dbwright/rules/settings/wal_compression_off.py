"""Most of a large volume of WAL is copies of whole pages, and they are not compressed.

## Why it matters

After each checkpoint the first change of a page puts the whole page into the WAL. wal_compression stores these copies compressed,
often in a third of the room, which relieves the disk, the archive and the replicas at the price of some processor time.

## When to ignore

When processors are busier than disks and network. Forced checkpoints make more copies: see to those first.
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
MINIMUM_MAJOR = 14  # pg_stat_wal
NEEDS = ("settings", "replication.wal")
LIMITS = {"wal_bytes_per_day": 20e9, "image_share": 0.4, "days": 1}
COVERS = ("wal-compression-off",)

_OFF = with_settings(wal_compression="off")
_MANY = with_checkpoints(10, 10**12, images=90_000_000)
BAD = (
    Sample(limits={"wal_bytes_per_day": 0, "image_share": 0, "days": 0}),
    Sample(edit=both(_OFF, _MANY)),
)
GOOD = (
    Sample(),
    Sample(edit=both(_OFF, with_checkpoints(10, 10**12, images=9_000_000))),
    Sample(edit=both(_OFF, with_checkpoints(10, 10**9, images=90_000))),
    Sample(edit=both(_MANY, with_settings(wal_compression="lz4"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    written, began = snapshot.replication.wal_bytes, snapshot.replication.wal_reset_at
    days = (snapshot.taken_at - began).total_seconds() / 86400 if began else 0
    if snapshot.settings.text("wal_compression") != "off" or not written or days <= 0 or days < limits["days"]:
        return
    daily = written / days
    share = min((snapshot.replication.wal_full_page_images or 0) * BLOCK / written, 1.0)
    if daily < limits["wal_bytes_per_day"] or share < limits["image_share"]:
        return
    values = {"wal_compression": "on"}
    better = (
        " Where the server is built with it, lz4 costs less processor time than on (pglz)."
        if snapshot.target.major >= 15
        else ""
    )
    change = set_parameters(snapshot, values, f"No restart is needed.{better}")
    yield Finding(
        title=f"wal_compression is off with {bytes_text(daily)} of WAL a day",
        message=f"Up to {share:.0%} of it (estimated) are copies of whole pages, which compression would make smaller.",
        objects=(setting_ref("wal_compression"),),
        impact=Impact(
            daily * share, "bytes per day", limits["wal_bytes_per_day"] * limits["image_share"], 1e13, estimated=True
        ),
        evidence={
            "wal_bytes_per_day": int(daily),
            "full_page_images": snapshot.replication.wal_full_page_images,
            "share_at_most": round(share, 3),
            "counted_days": round(days, 1),
        },
        confidence="medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
