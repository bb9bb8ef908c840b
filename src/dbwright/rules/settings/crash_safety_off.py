"""The server would lose or damage its data in a crash: fsync or full_page_writes is off.

## Why it matters

With fsync off PostgreSQL does not wait until its writes are on the disk, so a power failure or a crash of the machine can leave
the cluster damaged beyond recovery.
With full_page_writes off a page that was half written at that moment cannot be restored from the WAL, and the damage stays unseen
until somebody reads the page.

## When to ignore

On throw-away servers: tests, continuous integration, a copy that can be made again.
full_page_writes may be off where the file system itself never leaves half a page (ZFS with records of 8 kB or more).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_target
from dbwright.model.server import database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("settings",)
LIMITS = {"bytes": 8e6}  # about the size of an empty database: from here on there is something to lose
COVERS = ("fsync-off",)

# The server of the samples is a private one that runs with both off.
BAD = (
    Sample(),
    Sample(settings={"fsync": "on"}),
    Sample(settings={"full_page_writes": "on"}),
)
GOOD = (
    Sample(settings={"fsync": "on", "full_page_writes": "on"}),
    Sample(edit=with_target(managed_by="Neon")),
)

_CONSEQUENCE = {
    "fsync": "writes are not waited for, so a crash of the machine can destroy the whole cluster",
    "full_page_writes": "a page half written in a crash stays damaged",
}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    off = [name for name in _CONSEQUENCE if snapshot.settings.text(name) == "off"]
    if not off or snapshot.target.managed_by:  # Neon, Aurora and AlloyDB keep pages safe below PostgreSQL
        return
    held = database_bytes(snapshot)
    values = dict.fromkeys(off, "on")
    change = set_parameters(snapshot, values, "Writes get slower: commits wait for the disk. No restart is needed.")
    yield Finding(
        title=f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off: a crash can destroy data",
        message="; ".join(f"{name} = off: {_CONSEQUENCE[name]}" for name in off)
        + f". This database holds {bytes_text(held)}.",
        objects=tuple(setting_ref(name) for name in off),
        impact=Impact(held, "bytes", limits["bytes"], 1e9),
        evidence=dict.fromkeys(off, "off") | {"database_bytes": held},
        confidence="high" if "fsync" in off else "medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
