"""Connections are opened and closed all the time, nearly one for each transaction.

## Why it matters

A new connection costs PostgreSQL a new process, authentication and empty caches, several milliseconds in which a short query would
have been run many times. With Django that is CONN_MAX_AGE = 0, with SQLAlchemy NullPool.

## When to ignore

When a pooler on the application's side is planned, or the rate is that of a health check.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_database
from dbwright.model.server import counters
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
MINIMUM_MAJOR = 14  # sessions are counted from there on
NEEDS = ("statistics.databases",)
LIMITS = {"sessions_per_second": 3, "transactions_per_session": 20, "days": 0.1}
COVERS = ("connection-churn", "no-pooler-advice", "CH-11")

BAD = (Sample(edit=with_database(days=10, sessions=10_000_000, commits=24_000_000)),)
GOOD = (
    Sample(),
    Sample(edit=with_database(days=10, sessions=200_000, commits=400_000)),
    Sample(edit=with_database(days=10, sessions=4_000_000, commits=900_000_000)),
    Sample(edit=with_database(days=10, sessions=None, commits=900_000_000)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row, days = counters(snapshot), snapshot.counting_days
    if row is None or not row.sessions or not days or days < limits["days"]:
        return
    rate, each = row.sessions / (days * 86400), (row.commits + row.rollbacks) / row.sessions
    if rate < limits["sessions_per_second"] or each > limits["transactions_per_session"]:
        return
    yield Finding(
        title=f"{rate:.1f} new connections a second, {each:.1f} transactions in each",
        message=f"{row.sessions:,} connections were opened in {days:.0f} days on average {rate:.1f} a second, and each was closed after "
        f"{each:.1f} transactions.",
        objects=(ObjectRef("database", row.name),),
        impact=Impact(rate, "connections per second", limits["sessions_per_second"], 1000, estimated=True),
        evidence={
            "sessions": row.sessions,
            "sessions_per_second": round(rate, 2),
            "transactions_per_session": round(each, 2),
            "counted_days": round(days, 1),
        },
        confidence="high" if each <= 5 else "medium",
        next_step="Keep connections: CONN_MAX_AGE = 60 with CONN_HEALTH_CHECKS (Django), a QueuePool with pool_pre_ping (SQLAlchemy), or "
        "PgBouncer in front of the server.",
    )
