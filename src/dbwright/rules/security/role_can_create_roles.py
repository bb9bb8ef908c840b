"""A role that serves the application may create and change roles.

## Why it matters

Before PostgreSQL 16 a role with CREATEROLE may make itself a member of any role that is no superuser, also of
pg_execute_server_program, which runs programs on the server: it is a superuser in all but name.
Since 16 it can still make logins of its own that outlive a change of the application's password.

## When to ignore

When the application's job is to manage roles.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, login_roles, reach, sessions_by_role
from dbwright.model.change import AlterRole, Change
from dbwright.model.finding import Finding, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import client, with_sessions
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.roles", "activity.sessions")
LIMITS: dict[str, float] = {}
COVERS = ("role-can-create",)

_SCOPED_FROM = 16
_PLATFORM_ADMINS = frozenset("rds_superuser cloudsqlsuperuser azure_pg_admin alloydbsuperuser neon_superuser".split())
_ROLE = "CREATE ROLE web LOGIN CREATEROLE;"
BAD = (
    Sample(_ROLE, edit=with_sessions(client("web"))),
    Sample(_ROLE + "CREATE TABLE t (); ALTER TABLE t OWNER TO web;"),
)
GOOD = (
    Sample(_ROLE),
    Sample("CREATE ROLE web LOGIN CREATEDB;", edit=with_sessions(client("web"))),
    Sample(_ROLE, edit=with_sessions(client("web", "psql"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    sessions = sessions_by_role(snapshot)
    scoped = snapshot.target.major >= _SCOPED_FROM
    for role in login_roles(snapshot):
        serves = sessions[role.name] or role.owned_objects
        if role.is_superuser or not role.can_create_role or not serves:
            continue
        if snapshot.target.managed_by or _PLATFORM_ADMINS.intersection(role.member_of):
            continue  # The first role of a platform has it, and cannot do without.
        power = (
            "make logins that outlive it" if scoped else "join pg_execute_server_program and run programs on the server"
        )
        yield Finding(
            title=f"{role.name} may create roles",
            message=f"{role.name}, with {counted(sessions[role.name], 'client session')} and {counted(role.owned_objects, 'object')} of "
            f"its own, can {power}; {reach(snapshot)}.",
            objects=(ObjectRef("role", role.name),),
            impact=exposure(snapshot),
            evidence={"sessions": sessions[role.name], "owned_objects": role.owned_objects},
            confidence="low" if scoped else "high",
            change=Change((AlterRole(role.name, "CREATEROLE", "NOCREATEROLE"),)),
        )
