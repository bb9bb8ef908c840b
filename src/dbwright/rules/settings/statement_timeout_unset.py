"""The application's statements may run without any time limit.

## Why it matters

A web request is given up after half a minute, but its statement goes on in the database, holds its locks and its connection, and the
user's next attempt starts another one. Enough of them and no connection is left for anybody.
statement_timeout for the application's role ends such statements by themselves.

## When to ignore

When the application sets the limit itself when it connects (`options=-c statement_timeout=…`), which a snapshot cannot show, or when
the role is for long reports only.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.server import application_roles, database_bytes, limit_roles, roles_without_limit
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import is_users
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "catalog.roles", "catalog.databases")
LIMITS = {
    "database_bytes": 50e6,
    "seconds": 30,  # the usual limit of a web request (gunicorn's default timeout)
    "most_seconds": 3600,
}
COVERS = ("statement-timeout-unset", "CH-11", "WB-09")

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY);"
_ANY = {"database_bytes": 0}
_FOR_DATABASE = (
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = {}', current_database()); END $$;"
)
_FOR_ROLE = (
    "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET statement_timeout = {}', current_database()); "
    "END $$;"
)
BAD = (
    Sample(_TABLE, limits=_ANY),
    Sample(_TABLE + _FOR_DATABASE.format("0"), limits=_ANY),
)
GOOD = (
    Sample(_TABLE),
    Sample(limits=_ANY),  # no table, no session: no application
    Sample(_TABLE, settings={"statement_timeout": "'20s'"}, limits=_ANY),
    Sample(_TABLE + _FOR_DATABASE.format("20000"), limits=_ANY),
    Sample(_TABLE + _FOR_ROLE.format("60000"), limits=_ANY),
    Sample(_TABLE + _FOR_ROLE.format("0"), limits=_ANY),  # decided about
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    held, roles = database_bytes(snapshot), roles_without_limit(snapshot, "statement_timeout")
    if not roles or held < limits["database_bytes"]:
        return
    queries = (s for s in snapshot.workload.statements if s.user in roles and is_users(s.query))
    longest = max((s.max_milliseconds / 1000 for s in queries), default=None)
    seconds = limits["seconds"]
    while longest is not None and seconds < 2 * longest and seconds < limits["most_seconds"]:
        seconds *= 2
    value = f"{min(seconds, limits['most_seconds']):.0f}s"
    took = f"{longest:,.1f} seconds" if longest and longest >= 1 else f"{(longest or 0) * 1000:,.0f} ms"
    seen = f" The longest recorded query or change took {took}." if longest is not None else ""
    names = ", ".join(roles[:3]) + (f" and {len(roles) - 3} more" if len(roles) > 3 else "")
    yield Finding(
        title=f"No statement_timeout for {names}"[:79],
        message=f"A statement of {names} may run, and hold its locks, for ever: no limit is set for the role, the database or the "
        f"server.{seen} What the application sets when it connects is not visible here.",
        objects=tuple(ObjectRef("role", name) for name in roles[:20]),
        impact=Impact(held, "bytes", limits["database_bytes"], 1e14),
        evidence={
            "roles": list(roles),
            "statement_timeout": 0,
            "longest_statement_seconds": longest,
            "proposed": value,
        },
        confidence="medium",
        change=limit_roles(
            snapshot,
            roles,
            "statement_timeout",
            value,
            "It holds for new sessions. Migrations that the same role runs need SET statement_timeout = 0 first, for building an index may "
            "take longer; so may exports and reports of background workers: give these a role or a limit of their own.",
        ),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    roles = application_roles(snapshot)
    if roles and not roles_without_limit(snapshot, "statement_timeout"):
        yield Strength(
            "Statements of the application are limited in time",
            f"statement_timeout is decided for {', '.join(roles[:5])}.",
            {"roles": list(roles)},
        )
