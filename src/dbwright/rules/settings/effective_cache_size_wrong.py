"""effective_cache_size tells the planner of less cache than the server is known to have.

## Why it matters

effective_cache_size allocates nothing: it is what the planner believes to be cached, in shared_buffers and by the operating system
together. When it is too small, index scans look dearer than they are and the planner reads whole tables instead.
It can never sensibly be smaller than shared_buffers, which are part of it.

## When to ignore

When several servers share the machine and each is to count on a part of its memory only.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_database
from dbwright.model.server import database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings",)
LIMITS = {
    "database_bytes": 1e9,
    "sized_shared_buffers_bytes": 2 * 1024**3,  # a quarter of 8 GB: from here on the default of 4 GB must be wrong
}
COVERS = ("effective-cache-size-unfit", "WB-09")

_ANY = {"database_bytes": 0}
BAD = (
    Sample(settings={"effective_cache_size": "'16MB'"}, limits=_ANY),
    Sample(edit=both(with_settings(shared_buffers="1048576"), with_database(500 * 1024**3))),
)
GOOD = (
    Sample(),
    Sample(limits=_ANY),
    Sample(settings={"effective_cache_size": "'16MB'"}),
    Sample(settings={"effective_cache_size": "'100MB'"}, limits=_ANY),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    buffers, cache = snapshot.settings.bytes("shared_buffers"), snapshot.settings.bytes("effective_cache_size")
    held, setting = database_bytes(snapshot), snapshot.settings.get("effective_cache_size")
    if buffers is None or cache is None or setting is None or held < max(limits["database_bytes"], 0):
        return
    left_alone = setting.source == "default" and buffers >= limits["sized_shared_buffers_bytes"] and cache < 2 * buffers
    if cache >= buffers and not left_alone:
        return
    proposed = 3 * buffers
    values = {"effective_cache_size": f"{proposed // 1024**2}MB"}
    note = "Three quarters of the memory, taking shared_buffers for a quarter of it (PostgreSQL's documentation). Plans may change."
    change = set_parameters(snapshot, values, note)
    relation = "less than" if cache < buffers else "next to"
    yield Finding(
        title=f"effective_cache_size is {bytes_text(cache)}, {relation} shared_buffers of {bytes_text(buffers)}",
        message=f"The planner believes that {bytes_text(cache)} of this database of {bytes_text(held)} can be cached, although "
        f"shared_buffers alone hold {bytes_text(buffers)}.",
        objects=(setting_ref("effective_cache_size"),),
        impact=Impact(proposed / max(cache, 1), "times too small", 1, 100, estimated=True),
        evidence={
            "effective_cache_size_bytes": cache,
            "shared_buffers_bytes": buffers,
            "source": setting.source,
            "formula": f"3 * shared_buffers of {bytes_text(buffers)} = {bytes_text(proposed)}",
        },
        confidence="high" if cache < buffers else "medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
