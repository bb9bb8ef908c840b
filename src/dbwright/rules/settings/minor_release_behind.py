"""The server runs an old minor release: fixes for security holes and for damaged data are out and not installed.

## Why it matters

Minor releases hold fixes only, no new behaviour; installing one takes a restart, not an upgrade.
Who looks for a way in reads the same list of what was fixed.

## When to ignore

On a managed platform that installs them in its maintenance window, once that window is set.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_target
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("server",)
LIMITS = {"releases_behind": 1}
COVERS = ("version-minor-outdated", "version-has-cve")
YIELDS_TO = ("settings/version-end-of-life",)

# Newest minor release of each major version as of 2026-11-12, https://www.postgresql.org/support/security/
_NEWEST = {13: 23, 14: 25, 15: 20, 16: 16, 17: 12, 18: 7}
_KNOWN_ON = "2026-11-12"
# A hole fixed by the newest of them: pg_restore runs code that a crafted archive brings along.
_NEWEST_FIX = "CVE-2026-116314"

BAD = (
    Sample(edit=with_target(version=150002, version_text="15.2")),
    Sample(edit=with_target(version=180006, version_text="18.6")),
    Sample(edit=with_target(version=160000, version_text="16.0 (Debian 16.0-1)")),
)
GOOD = (
    Sample(edit=with_target(version=180007, version_text="18.7")),
    Sample(edit=with_target(version=170013, version_text="17.13")),
    Sample(edit=with_target(version=190000, version_text="19beta1")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    major, minor = snapshot.target.major, snapshot.target.version % 10000
    newest = _NEWEST.get(major)
    if newest is None or newest - minor < max(limits["releases_behind"], 1):
        return
    behind = newest - minor
    yield Finding(
        title=f"PostgreSQL {major}.{minor} is {behind} minor release{'s' if behind > 1 else ''} behind {major}.{newest}",
        message=f"{major}.{newest} is the newest release of this version known to dbwright (as of {_KNOWN_ON}); the releases "
        f"since {major}.{minor} fixed bugs and security holes, {_NEWEST_FIX} among them.",
        objects=(ObjectRef("database", "server"),),
        impact=Impact(behind, "releases", 1, 15),
        evidence={
            "version": snapshot.target.version_text,
            "newest_known": f"{major}.{newest}",
            "known_on": _KNOWN_ON,
            "fixed_by_newest": _NEWEST_FIX,
        },
        next_step=_step(snapshot.target.managed_by, major, newest),
    )


def _step(platform: str | None, major: int, newest: int) -> str:
    if platform:
        return f"Choose {major}.{newest} or newer in the console of {platform}, or allow minor upgrades in its maintenance window."
    return (
        f"Install the packages of PostgreSQL {major}.{newest} or newer, read the release notes in between for steps to take, and restart "
        "the server."
    )
