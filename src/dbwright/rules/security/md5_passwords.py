"""Passwords of roles are stored as MD5 hashes.

## Why it matters

Whoever sees such a hash, in a backup or a dump of roles, can log in with it as it is: the server asks for nothing more.
It is also guessed at billions of tries a second. PostgreSQL 18 warns that support for it will be removed; SCRAM has neither weakness.

## When to ignore

When a client library is older than 2018 and cannot do SCRAM.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, login_roles, reach
from dbwright.model.finding import Finding, ObjectRef, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.roles", "catalog.passwords")
LIMITS: dict[str, float] = {}
COVERS = ("password-encryption-weak", "hba-password-or-md5")

_WEAK, _STRONG = "md5", "scram-sha-256"
_MD5 = "PASSWORD 'md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
BAD = (Sample(f"CREATE ROLE old_app LOGIN {_MD5};"),)
GOOD = (
    Sample("CREATE ROLE new_app LOGIN PASSWORD 'a long enough one';"),
    Sample(f"CREATE ROLE old_group NOLOGIN {_MD5};"),
    Sample("CREATE ROLE peer_app LOGIN;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    names = sorted(r.name for r in login_roles(snapshot) if r.password_method == _WEAK)
    if not names:
        return
    setting = snapshot.settings.text("password_encryption")
    prefix = (
        "" if setting == "scram-sha-256" else "ALTER SYSTEM SET password_encryption = 'scram-sha-256'; reload; then "
    )
    yield Finding(
        title=f"{len(names)} passwords are stored as MD5"
        if len(names) > 1
        else f"{names[0]}'s password is stored as MD5",
        message=f"The hash of {listed(names)} is as good as the password for whoever gets a copy of the role catalog; "
        f"{reach(snapshot)}.",
        objects=tuple(ObjectRef("role", name) for name in names[:20]),
        impact=exposure(snapshot),
        evidence={"roles": names, "password_encryption": setting},
        confidence="medium",
        next_step=f"{prefix}\\password {quote_identifier(names[0])} in psql (the same password may be set again), for each of them; "
        "then change md5 to scram-sha-256 in pg_hba.conf.",
        identity="md5",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    stored = [r for r in login_roles(snapshot) if r.has_password]
    if stored and all(r.password_method == _STRONG for r in stored):
        yield Strength(
            "All passwords are stored with SCRAM",
            f"{len(stored)} login roles have a password, none as MD5.",
            {"passwords": len(stored)},
        )
