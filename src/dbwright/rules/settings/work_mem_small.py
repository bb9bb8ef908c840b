"""Many sorts and hashes spill small temporary files that a somewhat larger work_mem would keep in memory.

## Why it matters

What does not fit into work_mem is written to temporary files and read back. When thousands of files a day are of a few
megabytes each, the default of 4 MB is what makes them; when they are of hundreds of megabytes, the statements are to blame, and
no server-wide work_mem should try to hold them.

## When to ignore

When the files come from nightly reports that may take their time; give the role that runs them its own work_mem instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_database
from dbwright.model.server import counters, memory_hint, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("settings", "statistics.databases")
LIMITS = {
    "work_mem_bytes": 16 * 1024**2,
    "files_per_day": 2_000,
    "bytes_per_day": 5e9,
    "largest_average_bytes": 32 * 1024**2,
    "share_of_memory": 0.5,  # what one sort in every connection may take with the new value
    "days": 1,
}
COVERS = ("work-mem-low", "temp-files-high", "WB-09")

_MIB = 1024**2
_DEFAULT = with_settings(work_mem="4096", max_connections="100")
BAD = (Sample(edit=both(_DEFAULT, with_database(days=10, temporary_files=60_000, temporary_bytes=60_000 * 6 * _MIB))),)
GOOD = (
    Sample(),
    # few large files: statements to look at, not a setting
    Sample(edit=both(_DEFAULT, with_database(days=10, temporary_files=900, temporary_bytes=900 * 700 * _MIB))),
    Sample(edit=both(_DEFAULT, with_database(days=10, temporary_files=60_000, temporary_bytes=60_000 * 90 * _MIB))),
    Sample(
        edit=both(
            with_settings(work_mem="65536"),
            with_database(days=10, temporary_files=60_000, temporary_bytes=60_000 * 6 * _MIB),
        )
    ),
    # so many connections that a larger work_mem would be the greater evil
    Sample(
        edit=both(
            with_settings(work_mem="4096", max_connections="2000"),
            with_database(days=10, temporary_files=60_000, temporary_bytes=60_000 * 6 * _MIB),
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row, days = counters(snapshot), snapshot.counting_days
    work_mem = snapshot.settings.bytes("work_mem")
    connections = snapshot.settings.number("max_connections")
    if row is None or not days or days < limits["days"] or work_mem is None or work_mem > limits["work_mem_bytes"]:
        return
    files, written = row.temporary_files / days, row.temporary_bytes / days
    if files < limits["files_per_day"] or written < limits["bytes_per_day"] or not connections:
        return
    average = written / files
    if average > limits["largest_average_bytes"]:
        return
    proposed = 8 * 1024**2
    while proposed < 2 * average:  # a set takes about twice the room in memory that its file takes
        proposed *= 2
    memory, _ = memory_hint(snapshot)
    multiplier = snapshot.settings.number("hash_mem_multiplier") or 1.0
    while proposed > work_mem and proposed * connections * multiplier > limits["share_of_memory"] * memory:
        proposed //= 2
    if proposed <= work_mem:
        return
    values = {"work_mem": f"{proposed // 1024**2}MB"}
    worst = proposed * connections * multiplier
    note = f"One hash in each of {connections:.0f} connections could then take {bytes_text(worst)}; check that the machine has it."
    change = set_parameters(snapshot, values, note)
    yield Finding(
        title=f"work_mem of {bytes_text(work_mem)} makes {files:,.0f} temporary files a day",
        message=f"{bytes_text(written)} a day are written to temporary files of {bytes_text(average)} on average since the counters began; "
        f"most would fit into {bytes_text(proposed)}.",
        objects=(setting_ref("work_mem"), ObjectRef("database", row.name)),
        impact=Impact(written, "bytes per day", limits["bytes_per_day"], 5e12),
        evidence={
            "work_mem_bytes": work_mem,
            "temporary_files_per_day": round(files),
            "temporary_bytes_per_day": int(written),
            "average_file_bytes": int(average),
            "counted_days": round(days, 1),
            "formula": f"8 MB, doubled up to twice the average file, then halved while one hash in each connection may take more than"
            f" {limits['share_of_memory']:.0%} of the {bytes_text(memory)} that the settings speak of",
            "worst_case": f"{proposed} * {connections:.0f} connections * {multiplier:g} = {worst:.0f} bytes",
        },
        confidence="medium",
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
