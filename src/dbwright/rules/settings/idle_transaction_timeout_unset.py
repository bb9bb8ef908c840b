"""A forgotten transaction of the application stays open for ever.

## Why it matters

A worker that hangs on a network call inside a transaction, or a shell left open over the weekend, keeps its locks and keeps VACUUM from
removing dead rows of every table.
idle_in_transaction_session_timeout ends such a session; one that works is never affected.

## When to ignore

When the application sets the limit itself when it connects, which a snapshot cannot show.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.server import application_roles, database_bytes, limit_roles, roles_without_limit
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "catalog.roles", "catalog.databases")
LIMITS = {"database_bytes": 50e6}
COVERS = ("idle-tx-timeout-unset", "CH-11")

_NAME = "idle_in_transaction_session_timeout"
_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY);"
_ANY = {"database_bytes": 0}
BAD = (Sample(_TABLE, limits=_ANY),)
GOOD = (
    Sample(_TABLE),
    Sample(limits=_ANY),
    Sample(_TABLE, settings={_NAME: "'1min'"}, limits=_ANY),
    Sample(
        _TABLE + f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {_NAME} = 60000', current_database()); END $$;",
        limits=_ANY,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    held, roles = database_bytes(snapshot), roles_without_limit(snapshot, _NAME)
    if not roles or held < limits["database_bytes"]:
        return
    names = ", ".join(roles[:3]) + (f" and {len(roles) - 3} more" if len(roles) > 3 else "")
    yield Finding(
        title=f"No limit for idle transactions of {names}"[:79],
        message=f"A transaction that {names} leaves open keeps its locks and holds VACUUM back until somebody ends it: {_NAME} is 0.",
        objects=tuple(ObjectRef("role", name) for name in roles[:20]),
        impact=Impact(held, "bytes", limits["database_bytes"], 1e14),
        evidence={"roles": list(roles), _NAME: 0},
        confidence="medium",
        change=limit_roles(
            snapshot,
            roles,
            _NAME,
            "5min",
            "It holds for new sessions. Code that waits for something else inside a transaction will get an error.",
        ),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    roles = application_roles(snapshot)
    if roles and not roles_without_limit(snapshot, _NAME):
        yield Strength(
            "Idle transactions of the application are ended",
            f"{_NAME} is decided for {', '.join(roles[:5])}.",
            {"roles": list(roles)},
        )
