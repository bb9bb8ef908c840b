"""The server is a development, beta or candidate release.

## Why it matters

The format of the data may still change before the final release, which then cannot read it without a dump and a restore;
bugs that damage data are what betas are for finding.

## When to ignore

When this server exists to test the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_target
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("server",)
LIMITS: dict[str, float] = {}
COVERS = ("version-prerelease",)

BAD = (
    Sample(edit=with_target(version=190000, version_text="19beta2 (Debian 19~beta2-1)")),
    Sample(edit=with_target(version=190000, version_text="19rc1")),
    Sample(edit=with_target(version=200000, version_text="20devel")),
)
GOOD = (
    Sample(),
    Sample(edit=with_target(version=170005, version_text="17.5 (betabase build)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    text = snapshot.target.version_text
    if not re.match(r"\d+(devel|alpha|beta|rc)", text):
        return
    yield Finding(
        title=f"PostgreSQL {text.split()[0]} is not a final release",
        message=f"The server says that it is {text}; data written by it may have to be dumped and restored for the final release.",
        objects=(ObjectRef("database", "server"),),
        impact=Impact.certain(),
        evidence={"version": text},
        next_step=f"Dump the databases and restore them into the final release of PostgreSQL {snapshot.target.major} or the one before.",
    )
