"""shared_buffers is near its tiny default while a much larger database is read from outside of it all day.

## Why it matters

PostgreSQL's default of 128 MB lets it start on any machine; it is no advice. Every page that is not in shared_buffers has to be
fetched from the operating system's cache or from disk, evicting another one first, again and again.
PostgreSQL's documentation names a quarter of the memory as a starting point on a server of its own.

## When to ignore

On a machine shared with much else, or so small that a quarter of its memory is what is set.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_database, with_source, with_target
from dbwright.model.server import (
    BLOCK,
    counters,
    database_bytes,
    memory_hint,
    set_parameters,
    setting_ref,
)
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings", "statistics.databases")
LIMITS = {
    "shared_buffers_bytes": 512 * 1024**2,
    "times_shared_buffers": 4,
    "database_bytes": 1e9,
    "read_bytes_per_day": 10e9,
    "hit_share": 0.99,
    "days": 1,
}
COVERS = ("shared-buffers-unfit", "WB-09")

_GIB = 1024**3
_BUSY = with_database(40 * _GIB, days=10, blocks_read=200_000_000, blocks_hit=900_000_000)
_DEFAULT = with_settings(shared_buffers="16384")
BAD = (
    Sample(edit=both(_BUSY, _DEFAULT)),
    Sample(edit=both(_BUSY, _DEFAULT, with_settings(effective_cache_size="3145728"))),
)
GOOD = (
    Sample(),
    Sample(edit=both(_DEFAULT, with_database(40 * _GIB, days=10, blocks_read=2_000_000, blocks_hit=900_000_000))),
    Sample(edit=both(_DEFAULT, with_database(300 * 1024**2, days=10, blocks_read=200_000_000, blocks_hit=0))),
    Sample(edit=both(_BUSY, _DEFAULT, with_target(managed_by="Neon"))),
    Sample(edit=both(_BUSY, with_settings(shared_buffers="1048576"), with_source("default", "effective_cache_size"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row, days, held = counters(snapshot), snapshot.counting_days, database_bytes(snapshot)
    buffers = snapshot.settings.bytes("shared_buffers")
    if row is None or buffers is None or buffers > limits["shared_buffers_bytes"] or snapshot.target.managed_by:
        return
    if (
        not days
        or days < limits["days"]
        or held < max(limits["database_bytes"], limits["times_shared_buffers"] * buffers)
    ):
        return
    read = row.blocks_read * BLOCK / days
    hit = row.blocks_hit / max(row.blocks_hit + row.blocks_read, 1)
    if read < limits["read_bytes_per_day"] or hit >= limits["hit_share"]:
        return
    memory, sized = memory_hint(snapshot)
    step = 128 * 1024**2
    proposed = int(min(memory / 4, held) // step * step)
    change = None
    if sized and proposed >= 2 * buffers:
        note = f"A quarter of the {bytes_text(memory)} that effective_cache_size speaks of; with more than the machine has it cannot start."
        change = set_parameters(snapshot, {"shared_buffers": f"{proposed // 1024**2}MB"}, note)
    yield Finding(
        title=f"shared_buffers is {bytes_text(buffers)} for a database of {bytes_text(held)}",
        message=f"{bytes_text(read)} a day are read from outside shared_buffers ({hit:.1%} of the pages were found in it). How much memory "
        "the machine has is not visible through SQL.",
        objects=(setting_ref("shared_buffers"), ObjectRef("database", row.name)),
        impact=Impact(read, "bytes per day", limits["read_bytes_per_day"], 1e13),
        evidence={
            "shared_buffers_bytes": buffers,
            "database_bytes": held,
            "read_bytes_per_day": int(read),
            "hit_share": round(hit, 4),
            "counted_days": round(days, 1),
            "formula": f"the lesser of a quarter of the {bytes_text(memory)} of memory that the settings speak of and the database's"
            f" {bytes_text(held)}",
        },
        confidence="medium",
        change=change,
        next_step=None
        if change
        else "Set shared_buffers to a quarter of the machine's memory (2GB on a machine of 8 GB) and effective_cache_size to three "
        "quarters of it (6GB), then restart the server.",
    )
