"""Settings were changed that take effect at the next restart only, so the server does not run what its files say.

## Why it matters

Whoever reads the configuration believes in a value that is not in force, and the next restart (perhaps after a crash, at night) brings
a change that nobody remembers, or a server that does not start.

## When to ignore

When the restart is planned already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import Settings
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import with_settings
from dbwright.model.server import setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("settings-pending-restart",)


def _pending(snapshot: Snapshot) -> Snapshot:
    rows = (replace(r, pending_restart=r.name in ("max_connections", "shared_buffers")) for r in snapshot.settings.rows)
    return replace(snapshot, settings=Settings(tuple(rows)))


BAD = (Sample(edit=_pending),)
GOOD = (Sample(), Sample(edit=with_settings(max_connections="300")))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    waiting = [row for row in snapshot.settings.rows if row.pending_restart]
    if not waiting:
        return
    names = ", ".join(row.name for row in waiting)
    yield Finding(
        title=f"Changed but not in force until a restart: {names}"[:79],
        message=f"{len(waiting)} settings were changed in the files and the server still runs with the values of its start.",
        objects=tuple(setting_ref(row.name) for row in waiting[:20]),
        impact=Impact(len(waiting), "settings", 1, 50),
        evidence={row.name: {"in_force": row.value, "file": row.source_file} for row in waiting},
        next_step="Look at the new values with `SELECT name, setting, error FROM pg_file_settings WHERE NOT applied`, then restart the "
        "server at a quiet time, or take them back.",
    )
