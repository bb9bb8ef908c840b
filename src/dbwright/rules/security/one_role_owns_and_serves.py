"""The application works as the role that owns its tables.

## Why it matters

The owner may drop and alter what it owns and is exempt from row-level security, and no grant limits it. Requests need to read and write
rows only; a second role for them makes an injected DROP TABLE fail.
Most frameworks start out this way, because migrations and requests share one address.

## When to ignore

In a small team that accepts it; it is a second line of defence, not a hole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dbwright.model.access import application_sessions, grants_by_object, login_roles, sessions_by_role
from dbwright.model.catalog import Role, Table
from dbwright.model.change import Change, ChangePrivileges, Operation, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import client, with_sessions
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.tables", "catalog.roles", "catalog.grants", "activity.sessions")
LIMITS: dict[str, float] = {"tables": 5}
COVERS = ("excessive-privileges-review", "schema-without-default-privileges", "CH-17")

_TABLES = "CREATE ROLE web LOGIN; CREATE SCHEMA shop AUTHORIZATION web;" + "".join(
    f"CREATE TABLE shop.t{n} (id bigserial PRIMARY KEY); ALTER TABLE shop.t{n} OWNER TO web;" for n in range(6)
)
_GRANTS = "CREATE ROLE api LOGIN; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO api;"
BAD = (
    Sample(_TABLES),
    Sample(_TABLES, edit=with_sessions(client("web"))),
    # pretix: roles of other applications' databases in the same cluster are no other way in.
    Sample(
        _TABLES
        + "CREATE ROLE api LOGIN; CREATE ROLE reports LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reports;"
    ),
)
GOOD = (
    Sample(_TABLES, edit=with_sessions(client("postgres"))),
    # Another role may write, by what it is a member of.
    Sample(
        _TABLES
        + "CREATE ROLE writers; CREATE ROLE api LOGIN IN ROLE writers; GRANT INSERT ON ALL TABLES IN SCHEMA shop TO writers;"
    ),
    Sample(_TABLES + _GRANTS, edit=with_sessions(client("api"), client("web", "psql"))),
    Sample(_TABLES + _GRANTS),
    Sample("CREATE ROLE web LOGIN; CREATE TABLE one (id bigint); ALTER TABLE one OWNER TO web;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    sessions = sessions_by_role(snapshot)
    seen = bool(application_sessions(snapshot))
    logins = [role for role in login_roles(snapshot) if not role.is_superuser]
    for role in logins:
        tables = [t for t in snapshot.catalog.user_tables if t.owner == role.name]
        if len(tables) < limits["tables"]:
            continue
        if not (sessions[role.name] or (not seen and not _writes_otherwise(snapshot, role, logins, tables))):
            continue
        serves = (
            "and serves requests as well"
            if sessions[role.name]
            else "and no other role but superusers may write to them: requests must be served as the owner (no session was seen)"
        )
        prepared = _roles_with_grants(snapshot, role, tables)
        yield Finding(
            title=f"The application owns its tables as {role.name}",
            message=f"{role.name} owns {len(tables)} tables {serves}, so that an injected statement could drop them; "
            "two roles with only the rights to read and to write would do for requests.",
            objects=(ObjectRef("role", role.name),),
            impact=Impact(len(tables), "tables", limits["tables"], 1_000),
            evidence={"owned_tables": len(tables), "sessions": sessions[role.name], "roles_with_grants": prepared},
            confidence="medium" if sessions[role.name] else "low",
            change=None if prepared else _change(snapshot, role, tables),
            next_step=f"CREATE ROLE {quote_identifier(role.name + '_requests')} LOGIN IN ROLE {quote_identifier(prepared[0])}; "
            f"set its password, let the application serve with it, and keep {role.name} for migrations."
            if prepared
            else None,
        )


def _roles_with_grants(snapshot: Snapshot, owner: Role, tables: list[Table]) -> list[str]:
    """Other roles that may write to most of the owner's tables."""
    count = _inserters(snapshot, tables)
    return sorted(
        name for name, number in count.items() if number * 2 > len(tables) and name not in (owner.name, "PUBLIC")
    )


def _inserters(snapshot: Snapshot, tables: list[Table]) -> Counter[str]:
    """Into how many of the tables each role may insert, by grants."""
    granted = grants_by_object(snapshot)
    return Counter(
        name for table in tables for name in {g.grantee for g in granted.get(table.oid, ()) if "INSERT" in g.privileges}
    )


def _writes_otherwise(snapshot: Snapshot, owner: Role, logins: list[Role], tables: list[Table]) -> bool:
    """Whether another role that can log in may write to most of the tables."""
    writers = {*_roles_with_grants(snapshot, owner, tables), owner.name}
    public = _inserters(snapshot, tables)["PUBLIC"]
    return public * 2 > len(tables) or any(
        not writers.isdisjoint((role.name, *role.member_of)) for role in logins if role.name != owner.name
    )


def _change(snapshot: Snapshot, owner: Role, tables: list[Table]) -> Change:
    taken = {role.name for role in snapshot.catalog.roles}
    operations: list[Operation] = []
    for suffix, on_tables, on_sequences in (
        ("readonly", "SELECT", "SELECT"),
        ("readwrite", "SELECT, INSERT, UPDATE, DELETE", "USAGE, SELECT"),
    ):
        name = _free(f"{owner.name[:50]}_{suffix}", taken)
        role = quote_identifier(name)
        operations.append(Verbatim(f"CREATE ROLE {role} NOLOGIN", f"DROP ROLE {role}"))
        for schema in sorted({table.schema for table in tables}):
            operations.append(ChangePrivileges(True, ("USAGE",), "SCHEMA", (schema,), name))
            operations += [
                step
                for kind, privileges in (("TABLES", on_tables), ("SEQUENCES", on_sequences))
                for step in _grants(owner.name, schema, kind, privileges, role)
            ]
    return Change(
        tuple(operations),
        note="The roles cannot log in: make one that can and is a member, and let the application serve with it.",
    )


def _grants(owner: str, schema: str, kind: str, privileges: str, role: str) -> tuple[Verbatim, Verbatim]:
    """For what is there, and for what the owner will make."""
    now = f"{privileges} ON ALL {kind} IN SCHEMA {quote_identifier(schema)}"
    later = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote_identifier(owner)} IN SCHEMA {quote_identifier(schema)}"
    return (
        Verbatim(f"GRANT {now} TO {role}", f"REVOKE {now} FROM {role}"),
        Verbatim(
            f"{later} GRANT {privileges} ON {kind} TO {role}", f"{later} REVOKE {privileges} ON {kind} FROM {role}"
        ),
    )


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while name in taken:
        number += 1
        name = f"{name}{number}"
    return name


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    sessions = sessions_by_role(snapshot)
    owners = {table.owner for table in snapshot.catalog.user_tables}
    superusers = {role.name for role in snapshot.catalog.roles if role.is_superuser}
    if sessions and len(snapshot.catalog.user_tables) >= limits["tables"] and not (owners | superusers) & set(sessions):
        yield Strength(
            "Requests do not run as the owner of the tables",
            f"The application's {sum(sessions.values())} sessions run as {', '.join(sorted(sessions)[:3])}, which own no table.",
            {"sessions": dict(sessions), "owners": sorted(owners)},
        )
