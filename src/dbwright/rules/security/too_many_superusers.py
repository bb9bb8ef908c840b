"""More roles than needed can log in as superuser.

## Why it matters

Nothing in PostgreSQL limits or fully logs what a superuser does: each such login is a password whose loss is the loss of everything.
Most work that is given to superusers needs only membership in a predefined role, or ownership.

## When to ignore

When each of them is a person who administers the server and needs it daily.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import login_roles, reach
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.roles",)
LIMITS: dict[str, float] = {"superusers": 3}
COVERS = ("too-many-superusers", "role-can-create")

_THREE = "CREATE ROLE ada SUPERUSER LOGIN; CREATE ROLE ben SUPERUSER LOGIN; CREATE ROLE cyd SUPERUSER LOGIN;"
BAD = (Sample(_THREE),)
GOOD = (
    Sample("CREATE ROLE ada SUPERUSER LOGIN; CREATE ROLE ben SUPERUSER LOGIN;"),
    Sample("CREATE ROLE ada SUPERUSER; CREATE ROLE ben SUPERUSER; CREATE ROLE cyd SUPERUSER; CREATE ROLE dan LOGIN;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    names = sorted(role.name for role in login_roles(snapshot) if role.is_superuser)
    if snapshot.target.managed_by or len(names) <= limits["superusers"]:
        return
    surplus = [name for name in names if name not in ("postgres", snapshot.target.user)]
    yield Finding(
        title=f"{len(names)} roles can log in as superuser",
        message=f"{listed(names, 8)} can each read and change everything on this server; {reach(snapshot)}.",
        objects=tuple(ObjectRef("role", name) for name in names[:20]),
        impact=Impact(len(names), "superusers", limits["superusers"], 30),
        evidence={"superusers": names},
        next_step="For each one that is not an administrator's: "
        + f"ALTER ROLE {quote_identifier((surplus or names)[0])} NOSUPERUSER; then GRANT what it needs "
        "(pg_monitor, pg_read_all_data, ownership).",
        identity="superusers",
    )
