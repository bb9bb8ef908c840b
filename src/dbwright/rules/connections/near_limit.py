"""Hardly any connection is left: the server, the database or a role is near its limit.

## Why it matters

At the limit every new connection is refused ("sorry, too many clients already"), so one more worker, one deployment or one slow minute
takes the application down, and with it the monitoring that would say why.

## When to ignore

When a pooler in front of the server is meant to keep just that many connections busy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, with_sessions, with_settings
from dbwright.model.server import current_database, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("settings", "activity.sessions", "statistics.databases")
LIMITS = {"share": 0.8, "connections": 8, "idle_seconds": 3600}
COVERS = ("connections-near-limit", "pool-pressure", "connection-state-mix", "CH-15", "CH-21")

_ROLE = "DROP ROLE IF EXISTS near_app; CREATE ROLE near_app LOGIN CONNECTION LIMIT 20;"
BAD = (
    Sample(edit=both(with_settings(max_connections="100"), with_sessions(*(client("app", pid=n) for n in range(90))))),
    Sample(_ROLE, edit=with_sessions(*(client("near_app", pid=n) for n in range(19)))),
)
GOOD = (
    Sample(),
    Sample(edit=both(with_settings(max_connections="100"), with_sessions(*(client("app", pid=n) for n in range(60))))),
    Sample(_ROLE, edit=with_sessions(*(client("near_app", pid=n) for n in range(10)))),
    Sample(
        edit=both(
            with_settings(max_connections="100"),
            with_sessions(*(client("", "", backend_type="io worker") for _ in range(90))),
        )
    ),
)


def _server(snapshot: Snapshot) -> tuple[int, float, bool]:
    """Connections in use, those that ordinary roles may have, and whether every session could be seen."""
    sessions = snapshot.activity.sessions
    seen = all(s.backend_type != "hidden" for s in sessions)
    used = sum(1 for s in sessions if s.backend_type == "client backend") + 1  # the audit's own
    if not seen:
        used = sum(row.connections for row in snapshot.statistics.databases)
    settings = snapshot.settings
    reserved = sum(settings.number(name) or 0 for name in ("superuser_reserved_connections", "reserved_connections"))
    return used, (settings.number("max_connections") or 0) - reserved, seen


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    used, allowed, seen = _server(snapshot)
    if allowed > 0 and used >= max(limits["connections"], limits["share"] * allowed):
        users = Counter(f"{s.user} ({s.application or 'no name'})" for s in snapshot.activity.sessions if s.user)
        idle = sum(
            1
            for s in snapshot.activity.sessions
            if s.state == "idle" and (s.state_seconds or 0) >= limits["idle_seconds"]
        )
        top = ", ".join(f"{number} of {name}" for name, number in users.most_common(3))
        yield Finding(
            title=f"{used} of {allowed:.0f} connections are in use",
            message=f"{used} of the {allowed:.0f} connections that ordinary roles may have are taken just now"
            f"{': ' if top else ''}{top}. {idle} of them have been idle for over an hour.",
            objects=(setting_ref("max_connections"),),
            impact=Impact(used / allowed, "share of the limit", limits["share"], 1.0),
            evidence={
                "used": used,
                "allowed": allowed,
                "idle_for_an_hour": idle,
                "by_user_and_application": dict(users.most_common(10)),
            },
            confidence="high" if seen else "medium",
            next_step="Make the pools of the applications smaller (processes x pool size must stay below the limit), or put PgBouncer in "
            "front; raising max_connections costs memory and a restart.",
        )
    yield from _own_limits(snapshot, limits)


def _own_limits(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Limits of this database and of roles."""
    clients = [s for s in snapshot.activity.sessions if s.backend_type == "client backend"]
    by_user = Counter(s.user for s in clients)
    caps = [
        (ObjectRef("role", r.name), r.connection_limit, by_user[r.name])
        for r in snapshot.catalog.roles
        if r.name in by_user
    ]
    database = current_database(snapshot)
    if database:
        inside = sum(1 for s in clients if s.database == database.name) + 1
        caps.append((ObjectRef("database", database.name), database.connection_limit, inside))
    for about, limit, used in caps:
        if limit > 0 and used >= max(limits["share"] * limit, 2):
            yield Finding(
                title=f"{used} of {limit} connections of {about.kind} {about.name} are in use"[:79],
                message=f"The {about.kind} {about.name} may have {limit} connections and has {used} just now.",
                objects=(about,),
                impact=Impact(used / limit, "share of the limit", limits["share"], 1.0),
                evidence={"used": used, "limit": limit},
                next_step=f"Make the application's pool smaller, or raise the limit: "
                f"`ALTER {about.kind.upper()} {quote_identifier(about.name)} CONNECTION LIMIT {2 * limit};`",
            )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    used, allowed, seen = _server(snapshot)
    if seen and used >= limits["connections"] and used < 0.5 * allowed:
        yield Strength(
            "There is room for more connections",
            f"{used} of {allowed:.0f} are in use just now.",
            {"used": used, "allowed": allowed},
        )
