"""This major version of PostgreSQL gets no more fixes, or soon will not.

## Why it matters

Each major version is maintained for five years. After that, holes that become known stay open, and bugs that damage data stay in.
An upgrade takes planning: extensions, a rehearsal, new statistics afterwards.

## When to ignore

When the vendor sells fixes for longer (Amazon RDS Extended Support and the like), at a price worth comparing with the upgrade.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_target
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("server",)
LIMITS = {"days_ahead": 180}
COVERS = ("version-end-of-life", "version-has-cve")

# https://www.postgresql.org/support/versioning/
_LAST_DAY = {
    9: date(2021, 11, 11),
    10: date(2022, 11, 10),
    11: date(2023, 11, 9),
    12: date(2024, 11, 21),
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}


def _on(day: date, version: int) -> Sample:
    """The sample's server as another version, seen on that day."""

    def edit(snapshot: Snapshot) -> Snapshot:
        from dataclasses import replace

        taken = snapshot.taken_at.replace(year=day.year, month=day.month, day=day.day)
        return replace(with_target(version=version, version_text=f"{version // 10000}")(snapshot), taken_at=taken)

    return Sample(edit=edit)


BAD = (_on(date(2026, 11, 21), 140020), _on(date(2026, 11, 21), 130010), _on(date(2027, 8, 1), 150020))
GOOD = (
    _on(date(2026, 11, 21), 180006),
    _on(date(2026, 11, 21), 150018),
    _on(date(2026, 3, 1), 140020),
    _on(date(2026, 11, 21), 190000),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    major, today = snapshot.target.major, snapshot.taken_at.date()
    last = _LAST_DAY.get(major)
    if last is None or (last - today).days > limits["days_ahead"]:
        return
    past = (today - last).days
    living = [version for version, day in _LAST_DAY.items() if (day - today).days > 2 * 365]
    target = f"PostgreSQL {max(living)}" if living else "a current version"
    yield Finding(
        title=f"PostgreSQL {major} {'is' if past > 0 else 'will soon be'} out of support ({last})",
        message=(
            f"The last fixes for PostgreSQL {major} came out on {last}, {past} days ago; holes found since then stay open."
            if past > 0
            else f"PostgreSQL {major} gets fixes until {last}, in {-past} days; an upgrade wants a rehearsal before that."
        ),
        objects=(ObjectRef("database", "server"),),
        impact=Impact(past, "days without fixes", 1, 10 * 365),
        evidence={"version": snapshot.target.version_text, "last_day": last.isoformat(), "days_past": past},
        next_step=f"Rehearse an upgrade to {target} on a copy (`pg_upgrade --check`), with every extension, then plan the day.",
    )
