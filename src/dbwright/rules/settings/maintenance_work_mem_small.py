"""maintenance_work_mem is at its small default although there are large indexes to build and to vacuum.

## Why it matters

CREATE INDEX, REINDEX and adding a foreign key sort within maintenance_work_mem and spill to disk beyond it, so they take longer, and with
them the time for which a deployment or a restore has to wait.
Few such commands run at once, so it can be far larger than work_mem.

## When to ignore

On a machine whose memory is needed elsewhere; then SET it in the session that builds the index.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import memory_hint, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "statistics.indexes")
LIMITS = {
    "maintenance_work_mem_bytes": 64 * 1024**2,  # PostgreSQL's default
    "index_bytes": 2 * 1024**3,
    "share_of_memory": 0.05,
}
COVERS = ("maintenance-work-mem-low",)

_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY);"
BAD = (
    Sample(_TABLE, statistics={"event_pkey": {"bytes": 6 * 1024**3}}),
    Sample(_TABLE, statistics={"event_pkey": {"bytes": 60 * 1024**3}}, settings={"maintenance_work_mem": "'32MB'"}),
)
GOOD = (
    Sample(_TABLE, statistics={"event_pkey": {"bytes": 600 * 1024**2}}),
    Sample(_TABLE, statistics={"event_pkey": {"bytes": 6 * 1024**3}}, settings={"maintenance_work_mem": "'512MB'"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    setting = snapshot.settings.bytes("maintenance_work_mem")
    largest = max(snapshot.statistics.indexes, key=lambda row: row.bytes, default=None)
    if setting is None or largest is None or setting > limits["maintenance_work_mem_bytes"]:
        return
    if largest.bytes < limits["index_bytes"]:
        return
    index = snapshot.catalog.index_by_oid.get(largest.oid)
    name = index.name if index else "an index"
    memory, _ = memory_hint(snapshot)
    proposed = 256 * 1024**2
    while proposed < min(limits["share_of_memory"] * memory, 1024**3):
        proposed *= 2
    values = {"maintenance_work_mem": f"{proposed // 1024**2}MB"}
    workers = snapshot.settings.number("autovacuum_max_workers") or 3
    inherits = (snapshot.settings.number("autovacuum_work_mem") or -1) < 0
    vacuums = f" Up to {workers:.0f} autovacuum workers may use as much each." if inherits else ""
    change = set_parameters(snapshot, values, f"Check that the machine has the memory.{vacuums}")
    yield Finding(
        title=f"maintenance_work_mem is {bytes_text(setting)} with indexes of up to {bytes_text(largest.bytes)}",
        message=f"Building or rebuilding {name} ({bytes_text(largest.bytes)}) sorts on disk, {bytes_text(setting)} at a time.",
        objects=(setting_ref("maintenance_work_mem"),),
        impact=Impact(largest.bytes, "bytes", limits["index_bytes"], 5e12),
        evidence={
            "maintenance_work_mem_bytes": setting,
            "largest_index": name,
            "largest_index_bytes": largest.bytes,
            "formula": f"256 MB, doubled while it is less than {limits['share_of_memory']:.0%} of the {bytes_text(memory)} that the"
            " settings speak of, and than 1 GB",
        },
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
