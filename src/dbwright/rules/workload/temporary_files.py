"""The database writes many temporary files.

## Why it matters

Sorts, hashes and index builds that exceed their memory go through files.
Their volume competes with everything else for the disks, and one runaway query can fill them.

## When to ignore

When they come from nightly reports or index builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import window_hours
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("statistics.databases", "settings")
LIMITS = {"days": 1, "bytes_a_day": 20 * 1024**3, "told_by_statements": 0.5}
COVERS = ("query-temp-spill",)
YIELDS_TO = ("settings/work-mem-small",)


def _writing(gigabytes_a_day: float) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        statistics, name = snapshot.statistics, snapshot.target.database
        rows = tuple(
            replace(d, temporary_bytes=int(gigabytes_a_day * 10 * 1024**3), temporary_files=9_000)
            if d.name == name
            else d
            for d in statistics.databases
        )
        return replace(
            snapshot, statistics=replace(statistics, databases=rows, reset_at=snapshot.taken_at - timedelta(days=10))
        )

    return edit


BAD = (Sample(edit=_writing(90)),)
GOOD = (Sample(edit=_writing(2)), Sample())


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    row = next((d for d in snapshot.statistics.databases if d.name == snapshot.target.database), None)
    if row is None or not days or days < limits["days"] or row.temporary_bytes / days < limits["bytes_a_day"]:
        return
    daily = row.temporary_bytes / days
    told = sum(s.temporary_blocks_written for s in snapshot.workload.statements) * 8192 / window_hours(snapshot) * 24
    if told >= limits["told_by_statements"] * daily:
        return
    logged = snapshot.settings.number("log_temp_files")
    yield Finding(
        title=f"{row.name} writes {bytes_text(daily)} of temporary files a day"[:79],
        message=f"{row.temporary_files:,} files in {days:,.0f} days, {bytes_text(row.temporary_bytes / max(row.temporary_files, 1))} each; "
        "the recorded statements do not tell whose they are.",
        objects=(ObjectRef("database", row.name),),
        impact=Impact(daily, "bytes a day", limits["bytes_a_day"], 20 * 1024**4),
        evidence={
            "temporary_bytes": row.temporary_bytes,
            "temporary_files": row.temporary_files,
            "days": round(days, 1),
        },
        confidence="medium",
        change=Change(
            (SetServerParameter("log_temp_files", "-1", "10240"),),
            note="Each file of 10 MB or more is logged with its statement.",
        )
        if logged == -1
        else None,
        next_step="Look for 'temporary file' in the server's log: it names the statement. Then fewer rows, an index in that order, or "
        "SET LOCAL work_mem for that statement.",
    )
