"""work_mem times the allowed connections is far more memory than the other settings speak of.

## Why it matters

work_mem is not for a connection but for each sort or hash of each running statement, and hashes may take hash_mem_multiplier times
as much. When many connections are busy at once, the sum can exceed the machine's memory; the kernel then kills a backend and the
whole server restarts.
The sum taken is one hash for each connection: shared_buffers + max_connections x work_mem x hash_mem_multiplier + autovacuum's workers.

## When to ignore

When a pooler in front of the server keeps the busy connections far below max_connections, or the machine has the memory.
PostgreSQL does not tell through SQL how much the machine has, so it is guessed from effective_cache_size and shared_buffers.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import memory_hint, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("settings",)
LIMITS = {
    "work_mem_bytes": 16 * 1024**2,  # four times PostgreSQL's default: somebody raised it
    "times_memory": 2,
    "times_memory_guessed": 4,  # when nobody sized the settings from which the memory is guessed
}
COVERS = ("memory-overcommit-risk", "max-connections-high", "WB-09")

BAD = (
    Sample(settings={"work_mem": "'256MB'"}),
    Sample(settings={"work_mem": "'64MB'", "max_connections": "400", "effective_cache_size": "'6GB'"}),
)
GOOD = (
    Sample(),
    Sample(settings={"work_mem": "'24MB'"}),
    Sample(settings={"work_mem": "'256MB'", "max_connections": "25"}),
    Sample(settings={"work_mem": "'64MB'", "effective_cache_size": "'24GB'"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    work_mem, connections = settings.bytes("work_mem"), settings.number("max_connections")
    memory, sized = memory_hint(snapshot)
    if work_mem is None or connections is None or not memory or work_mem < limits["work_mem_bytes"]:
        return
    multiplier = settings.number("hash_mem_multiplier") or 1.0
    buffers = settings.bytes("shared_buffers") or 0
    maintenance = settings.bytes("autovacuum_work_mem") or -1
    maintenance = maintenance if maintenance > 0 else settings.bytes("maintenance_work_mem") or 0
    vacuums = int(settings.number("autovacuum_max_workers") or 0)
    total = buffers + connections * work_mem * multiplier + vacuums * maintenance
    if total < limits["times_memory" if sized else "times_memory_guessed"] * memory:
        return
    affordable = max(memory - buffers - vacuums * maintenance, 0) / (connections * multiplier)
    megabytes = max(int(affordable / 1024**2) // 4 * 4, 4)
    values = {"work_mem": f"{megabytes}MB"}
    note = "Statements or roles that need more get it for themselves: ALTER ROLE reporting SET work_mem = '256MB'."
    change = set_parameters(snapshot, values, note)
    yield Finding(
        title=f"work_mem of {bytes_text(work_mem)} for {connections:.0f} connections can exhaust the memory",
        message=f"One hash in each connection may take {connections:.0f} x {bytes_text(work_mem)} x {multiplier:g} = "
        f"{bytes_text(connections * work_mem * multiplier)}, while the other settings speak of a machine of about {bytes_text(memory)} "
        "(its real memory is not visible through SQL).",
        objects=(setting_ref("work_mem"),),
        impact=Impact(total / memory, "times the memory", 1, 100, estimated=True),
        evidence={
            "formula": "shared_buffers + max_connections * work_mem * hash_mem_multiplier + autovacuum workers * maintenance memory",
            "shared_buffers": buffers,
            "max_connections": connections,
            "work_mem": work_mem,
            "hash_mem_multiplier": multiplier,
            "autovacuum_workers": vacuums,
            "maintenance_memory": maintenance,
            "worst_case_bytes": int(total),
            "memory_guessed_bytes": int(memory),
        },
        confidence="medium" if sized else "low",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
