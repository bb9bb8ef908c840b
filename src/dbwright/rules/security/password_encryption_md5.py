"""New passwords are stored as MD5 hashes.

## Why it matters

An MD5 hash of PostgreSQL can be used to log in as it is and is guessed quickly; SCRAM has been the default since PostgreSQL 14.
PostgreSQL 18 announces the removal of MD5, after which such roles cannot log in.

## When to ignore

When a client library older than 2018 that cannot do SCRAM is still in use.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, reach
from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("settings",)
LIMITS: dict[str, float] = {}
COVERS = ("password-encryption-weak",)

BAD = (Sample(settings={"password_encryption": "'md5'"}),)
GOOD = (
    Sample(settings={"password_encryption": "'scram-sha-256'"}),
    Sample(
        "ALTER ROLE CURRENT_USER SET password_encryption = 'scram-sha-256'",
        settings={"password_encryption": "'scram-sha-256'"},
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row = snapshot.settings.get("password_encryption")
    if row is None or row.value not in ("md5", "on"):
        return
    yield Finding(
        title="password_encryption is md5",
        message=f"Each password that is set from now on is stored as an MD5 hash, which works as the password itself for whoever "
        f"sees it; {reach(snapshot)}.",
        objects=(ObjectRef("setting", "password_encryption"),),
        impact=exposure(snapshot),
        evidence={"value": row.value, "source": row.source},
        confidence="medium",
        change=Change(
            (SetServerParameter("password_encryption", row.value, "scram-sha-256"),),
            note="Stored passwords stay as they are until each is set again.",
        ),
    )
