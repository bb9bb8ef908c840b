"""The application connects as a superuser or as a role that can do what one can.

## Why it matters

Permissions, row-level security and connection limits do not hold for a superuser, and COPY … PROGRAM lets it run programs on the
server. One injected statement then reads every database of the cluster and takes over the machine, not just the application's tables.
A superuser also uses up the connections that are reserved for repair.

## When to ignore

On a developer's own machine with throw-away data.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import exposure, reach, sessions_by_role
from dbwright.model.catalog import Role
from dbwright.model.change import AlterRole, Change
from dbwright.model.finding import Finding, ObjectRef, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, with_sessions, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.roles", "activity.sessions")
LIMITS: dict[str, float] = {}
COVERS = ("too-many-superusers", "superuser-remote-login", "excessive-privileges-review", "CH-17")

# Members can run programs or read and write any file as the server's account: see PostgreSQL, "Predefined Roles".
_SERVER_ACCESS = frozenset(("pg_execute_server_program", "pg_write_server_files", "pg_read_server_files"))
_PLATFORM_ADMIN = frozenset(("rds_superuser", "azure_pg_admin"))
_BOOTSTRAP = 10

_ROLE = "CREATE ROLE shop_app LOGIN;"
BAD = (
    Sample(edit=with_sessions(client("postgres"), client("postgres"))),
    Sample(
        _ROLE + "GRANT pg_execute_server_program TO shop_app;",
        edit=both(with_sessions(client("shop_app", is_remote=True)), with_settings(listen_addresses="*")),
    ),
)
GOOD = (
    Sample(_ROLE, edit=with_sessions(client("shop_app"))),
    Sample(edit=with_sessions(client("postgres", "psql"), client("postgres", "pgAdmin 4 - DB:shop"))),
    Sample(edit=with_sessions(client("postgres", database="another"))),
    Sample(edit=with_sessions(client("postgres", backend_type="walsender"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    sessions = sessions_by_role(snapshot)
    for role in snapshot.catalog.roles:
        power = _power(role)
        if power is None or not sessions[role.name]:
            continue
        change = _change(role, snapshot)
        yield Finding(
            title=f"The application connects as {role.name}, {power}",
            message=f"{counted(sessions[role.name], 'client session')} run as {role.name}, "
            f"so that an injected statement could read every database and run programs on the server; {reach(snapshot)}.",
            objects=(ObjectRef("role", role.name),),
            impact=exposure(snapshot),
            evidence={"sessions": sessions[role.name], "power": power, "owned_objects": role.owned_objects},
            confidence="high" if role.is_superuser else "medium",
            change=change,
            next_step=None if change else _next_step(snapshot),
        )


def _power(role: Role) -> str | None:
    if role.is_superuser:
        return "a superuser"
    for group in role.member_of:
        if group in _SERVER_ACCESS:
            return f"a member of {group}"
        if group in _PLATFORM_ADMIN:
            return f"the administrator ({group})"
    return None


def _change(role: Role, snapshot: Snapshot) -> Change | None:
    """Taking the attribute away is enough only for a role that owns what it works with, and only if another remains."""
    others = any(r.is_superuser and r.can_login and r.name != role.name for r in snapshot.catalog.roles)
    if not (role.is_superuser and role.oid != _BOOTSTRAP and role.owned_objects and others):
        return None
    return Change(
        (AlterRole(role.name, "SUPERUSER", "NOSUPERUSER"),),
        note=f"{role.name} keeps what it owns; CREATE EXTENSION and objects of other owners need another role from then on.",
    )


def _next_step(snapshot: Snapshot) -> str:
    database = quote_identifier(snapshot.target.database)
    return (
        "CREATE ROLE app_user LOGIN; \\password app_user; "
        f"GRANT CONNECT, CREATE ON DATABASE {database} TO app_user; "
        "give it the application's tables (ALTER TABLE … OWNER TO app_user, or GRANT), then put it into the application's address."
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    sessions = sessions_by_role(snapshot)
    if sessions:
        yield Strength(
            "The application is no superuser",
            f"None of {counted(sum(sessions.values()), 'client session')} runs as a superuser or a role that could become one.",
            {"sessions": dict(sessions)},
        )
