"""Who uses the database and from where it can be reached: facts that the rules about security share."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from dbwright.model.activity import HbaRule, Session
from dbwright.model.catalog import Function, Grant, Role, Table
from dbwright.model.finding import Impact
from dbwright.model.snapshot import Snapshot

_PLATFORM = re.compile(
    r"rds(?:admin|_|repladmin|topmgr|proxyadmin)|cloudsql|azure|supabase_|alloydb|neon_|cloud_admin$|avnadmin$|_aiven|pg_"
)
_SUPABASE = frozenset("anon authenticated authenticator service_role dashboard_user pgbouncer".split())
_TOOLS = re.compile(
    r"psql|pgadmin|dbeaver|datagrip|tableplus|postico|beekeeper|pgcli|pg_|dbwright|pgbackrest|barman|postgres_exporter|"
    r"pganalyze|pgwatch|pghero|datadog|patroni|repmgr|check_postgres|temboard|navicat|heidisql",
    re.I,
)
_LOOPBACK = frozenset(("localhost", "::1", "samehost"))


def is_platform_role(snapshot: Snapshot, name: str) -> bool:
    """A role that the hosting platform or PostgreSQL itself made: no user decided what it may do."""
    return bool(_PLATFORM.match(name)) or (snapshot.target.managed_by == "Supabase" and name in _SUPABASE)


def login_roles(snapshot: Snapshot) -> tuple[Role, ...]:
    """Roles of the users that can log in."""
    return tuple(r for r in snapshot.catalog.roles if r.can_login and not is_platform_role(snapshot, r.name))


def application_sessions(snapshot: Snapshot) -> tuple[Session, ...]:
    """Client sessions in this database that are no administrator's tool, as far as their name tells."""
    return tuple(
        s
        for s in snapshot.activity.sessions
        if s.backend_type == "client backend"
        and s.database == snapshot.target.database
        and s.user is not None
        and not is_platform_role(snapshot, s.user)
        and not _TOOLS.match(s.application)
    )


def sessions_by_role(snapshot: Snapshot) -> Counter[str]:
    """How many application sessions each role has."""
    return Counter(s.user for s in application_sessions(snapshot) if s.user is not None)


def remote_sessions(snapshot: Snapshot) -> tuple[Session, ...]:
    """Client sessions and standbys that came over a network."""
    kinds = ("client backend", "walsender")
    return tuple(s for s in snapshot.activity.sessions if s.is_remote and s.backend_type in kinds)


def listens_remotely(snapshot: Snapshot) -> bool:
    """Whether other machines can reach the server. False also when that may not be read."""
    addresses = [part.strip() for part in (snapshot.settings.text("listen_addresses") or "").split(",")]
    return any(a and a not in _LOOPBACK and not a.startswith("127.") for a in addresses)


def exposure(snapshot: Snapshot) -> Impact:
    """How far a weakness reaches: 1 this machine only, 2 a network that the server listens on, 4 clients on other
    machines use it now, 10 some of them come over the internet."""
    remote = remote_sessions(snapshot)
    if any(s.from_internet for s in remote):
        value = 10
    elif remote:
        value = 4
    else:
        value = 2 if listens_remotely(snapshot) else 1
    return Impact(value, "reach", 1, 10)


def reach(snapshot: Snapshot) -> str:
    """The same in words, to end a sentence with."""
    return {
        1: "the server can be reached from its own machine only",
        2: "the server listens on the network",
        4: "clients on other machines use the server",
        10: "clients reach the server over the internet",
    }[int(exposure(snapshot).value)]


def is_loopback(rule: HbaRule) -> bool:
    """A line that lets in clients on the server's own machine only."""
    address = rule.address or ""
    return rule.kind == "local" or address in _LOOPBACK or address.startswith("127.")


def is_any_address(rule: HbaRule) -> bool:
    """A line for every address of IPv4, IPv6 or both."""
    return rule.address == "all" or (rule.address, rule.netmask) in (("0.0.0.0", "0.0.0.0"), ("::", "::"))  # noqa: S104


def grants_by_object(snapshot: Snapshot) -> dict[int, tuple[Grant, ...]]:
    """Privileges by the object they are on."""
    groups: defaultdict[int, list[Grant]] = defaultdict(list)
    for grant in snapshot.catalog.grants:
        groups[grant.object_oid].append(grant)
    return {oid: tuple(group) for oid, group in groups.items()}


def bypasses_row_security(role: Role | None, table: Table) -> bool:
    """Whether the policies of a table do not hold for what this role reads."""
    if role is None:
        return False
    owns = role.name == table.owner or table.owner in role.member_of
    return role.is_superuser or role.bypass_row_security or (owns and not table.force_row_security)


def signature(function: Function) -> str:
    """How people write a function: with its schema and its number of arguments left readable."""
    schema = "" if function.schema == "public" else function.schema + "."
    return f"{schema}{function.name}({function.arguments})"
