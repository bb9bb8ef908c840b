"""A role's password is its own name.

## Why it matters

It is the first thing that a scanner tries. Whoever reaches the port has what the role has.
Only MD5 hashes can be tested for it without the password; for SCRAM it cannot be told.

## When to ignore

Never outside a throw-away server.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, login_roles, reach
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.roles", "catalog.passwords")
LIMITS: dict[str, float] = {}
COVERS = ("password-equals-username", "AB-13")

BAD = (
    Sample(
        "SET password_encryption = 'md5'; CREATE ROLE shop LOGIN; "
        "DO $$ BEGIN EXECUTE format('ALTER ROLE shop PASSWORD %L', 'md5' || md5('shopshop')); END $$;"
    ),
)
GOOD = (
    Sample("DO $$ BEGIN EXECUTE format('CREATE ROLE shop LOGIN PASSWORD %L', 'md5' || md5('othershop')); END $$;"),
    Sample("CREATE ROLE shop LOGIN;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for role in login_roles(snapshot):
        if not role.password_equals_name:
            continue
        reached = exposure(snapshot)
        yield Finding(
            title=f"The password of {role.name} is its name",
            message=f"Anyone who guesses {role.name}/{role.name} is in"
            + (", as a superuser" if role.is_superuser else "")
            + f"; {reach(snapshot)}.",
            objects=(ObjectRef("role", role.name),),
            impact=Impact(reached.value, reached.unit, 0.5, 4),
            evidence={"is_superuser": role.is_superuser, "how": "the stored MD5 hash is that of the role's name"},
            next_step=f"\\password {quote_identifier(role.name)} in psql with a long random password, then the application's address.",
        )
