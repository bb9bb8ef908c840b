"""Row-level security does not hold for the application, because it owns the tables.

## Why it matters

A table's owner is exempt from its policies unless they are forced. An application that runs its migrations and its requests as the same
role therefore reads the rows of all tenants, and tests made as that role prove nothing.

## When to ignore

When requests run as another role (SET ROLE) and only migrations as the owner.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.access import application_sessions, login_roles, sessions_by_role
from dbwright.model.catalog import Table
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import client, with_sessions
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
NEEDS = ("catalog.tables", "catalog.policies", "catalog.roles", "activity.sessions", "statistics.tables")
LIMITS: dict[str, float] = {"rows": 1}
COVERS = ("rls-not-forced-for-owner", "AB-20", "DL-08")

_TABLE = (
    "CREATE ROLE web LOGIN; CREATE TABLE note (id bigint, owner_id int); ALTER TABLE note OWNER TO web;"
    "ALTER TABLE note ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON note USING (owner_id = 1);"
)
_LARGE = {"note": {"rows": 2e5}}
BAD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample(_TABLE, statistics=_LARGE, edit=with_sessions(client("web"))),
)
GOOD = (
    Sample(_TABLE + "ALTER TABLE note FORCE ROW LEVEL SECURITY;", edit=with_sessions(client("web"))),
    Sample(_TABLE + "CREATE ROLE api LOGIN;", edit=with_sessions(client("api"), client("web", "psql"))),
    Sample(_TABLE + "CREATE ROLE api LOGIN;"),
    Sample(_TABLE.replace("CREATE POLICY own ON note USING (owner_id = 1);", "")),
    Sample(_TABLE.replace("web LOGIN", "web NOLOGIN")),
    Sample(
        "CREATE ROLE partner;" + _TABLE.replace("ON note USING", "ON note TO partner USING"),
        edit=with_sessions(client("web")),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    roles, seen = _application_roles(snapshot)
    found = [
        t
        for t in snapshot.catalog.user_tables
        if t.row_security and not t.force_row_security and t.owner in roles and _is_meant(snapshot, t, roles)
    ]
    if not found:
        return
    owners = sorted({table.owner for table in found})
    rows = sum(snapshot.rows(table) for table in found)
    names = [table.name for table in found]
    yield Finding(
        title=f"Row-level security does not hold for {owners[0]}, the owner",
        message=f"The application runs as the owner of {listed(names)}, for whom policies are skipped unless forced: "
        f"about {rows:,} rows are open to each of its queries.",
        objects=tuple(table_ref(table) for table in found[:20]),
        impact=Impact(max(rows, limits["rows"]), "rows", limits["rows"], 1_000_000, estimated=True),
        evidence={"tables": names[:50], "owners": owners, "sessions_of_owner": seen},
        confidence="medium" if seen else "low",
        change=Change(
            tuple(_force(table) for table in found),
            note="Migrations and reports that run as the owner see only what a policy allows from then on.",
        ),
        identity=",".join(owners),
    )


def _application_roles(snapshot: Snapshot) -> tuple[frozenset[str], int]:
    """The roles whose rights the application has, with how many sessions tell so; without sessions, the only login."""
    sessions = sessions_by_role(snapshot)
    logins = [role for role in login_roles(snapshot) if not role.is_superuser]
    used = [role for role in logins if sessions[role.name]]
    if not application_sessions(snapshot) and len(logins) == 1:
        used = logins
    names = frozenset(name for role in used for name in (role.name, *(role.member_of if role.inherits else ())))
    return names, sum(sessions[role.name] for role in used)


def _is_meant(snapshot: Snapshot, table: Table, roles: frozenset[str]) -> bool:
    """A policy for everybody or for the application's role, not just for some other role."""
    return any(
        "PUBLIC" in policy.roles or roles.intersection(policy.roles) for policy in snapshot.catalog.policies_of(table)
    )


def _force(table: Table) -> Verbatim:
    name = f"ALTER TABLE {quote_identifier(table.schema, table.name)}"
    return Verbatim(f"{name} FORCE ROW LEVEL SECURITY", f"{name} NO FORCE ROW LEVEL SECURITY")


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    protected = [t for t in snapshot.catalog.user_tables if t.row_security and snapshot.catalog.policies_of(t)]
    roles, seen = _application_roles(snapshot)
    if protected and seen and roles:
        yield Strength(
            "Row-level security holds for the application",
            f"{len(protected)} tables have policies, and none of the application's {seen} sessions runs as an owner that is exempt.",
            {"tables": len(protected), "sessions": seen},
        )
