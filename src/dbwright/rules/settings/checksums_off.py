"""Data pages have no checksums, so damage done by disks, controllers or file systems goes unnoticed.

## Why it matters

Without checksums PostgreSQL takes a page as the storage returns it. A flipped bit becomes a wrong value, goes into every backup, and by
the time somebody notices, the last good backup is gone.
New clusters have checksums since PostgreSQL 18; the cost is about the reading of each page that comes from disk.

## When to ignore

Where the file system keeps checksums of its own (ZFS, Btrfs), or the data can be made again.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_database, with_target
from dbwright.model.server import database_bytes, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings",)
LIMITS = {"bytes": 1e9}
COVERS = ("checksums-disabled",)

_LARGE = with_database(60 * 1024**3)
BAD = (Sample(edit=both(_LARGE, with_settings(data_checksums="off"))),)
GOOD = (
    Sample(edit=both(_LARGE, with_settings(data_checksums="on"))),
    Sample(edit=with_settings(data_checksums="off")),
    Sample(edit=both(_LARGE, with_settings(data_checksums="off"), with_target(managed_by="Amazon RDS"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    held = database_bytes(snapshot)
    if snapshot.settings.text("data_checksums") != "off" or snapshot.target.managed_by or held < limits["bytes"]:
        return
    folder = snapshot.settings.text("data_directory") or "<data directory>"
    yield Finding(
        title="Data checksums are off",
        message=f"Nothing tells whether the storage returned the {bytes_text(held)} of this database as they were written.",
        objects=(setting_ref("data_checksums"),),
        impact=Impact(held, "bytes", limits["bytes"], 1e14),
        evidence={"data_checksums": "off", "database_bytes": held},
        next_step=f"Stop the server cleanly, run `pg_checksums --enable --progress -D {folder}` (it reads and writes every file; the "
        "server stays down meanwhile) and start it. With a replica: do the replica first, switch over, then the other.",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    failures = [d.checksum_failures for d in snapshot.statistics.databases if d.checksum_failures is not None]
    if snapshot.settings.on("data_checksums") and failures and not any(failures):
        yield Strength(
            "Data checksums are on",
            f"Pages are verified when they are read; {len(failures)} databases counted no failure.",
            {"data_checksums": "on", "checksum_failures": 0},
        )
