"""A statement or transaction of a client has been running for a very long time.

## Why it matters

As long as it runs, VACUUM may remove no row that it could still see, in any table of the database, and its locks keep schema changes
waiting, which keep everybody else waiting behind them.
A web request is long gone by then; nobody reads the result.

## When to ignore

Reports and loads that are known to take that long, best on a replica.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.activity import Session
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import client, with_sessions
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import duration
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("activity.sessions",)
LIMITS = {"seconds": 1800}
COVERS = ("transaction-too-old", "long-running-query")

_ACTIVE = {"state": "active", "transaction_seconds": 20000.0, "query_seconds": 19000.0, "wait_event_type": None}
BAD = (
    Sample(edit=with_sessions(client("app", "celery", query="SELECT count(*) FROM a, b", **_ACTIVE))),
    Sample(
        edit=with_sessions(client("app", "celery", query="UPDATE a SET b = $1", **_ACTIVE | {"query_seconds": 2.0}))
    ),
)
GOOD = (
    Sample(edit=with_sessions(client("app", "celery", query="SELECT 1", **_ACTIVE | {"transaction_seconds": 60.0}))),
    Sample(edit=with_sessions(client("app", "pg_dump", query="COPY public.a TO stdout", **_ACTIVE))),
    Sample(edit=with_sessions(client("app", "psql", query="CREATE INDEX CONCURRENTLY ON a (b)", **_ACTIVE))),
    Sample(edit=with_sessions(client("app", "x", query="SELECT 1", **_ACTIVE | {"state": "idle in transaction"}))),
    Sample(edit=with_sessions(client("r", "walreceiver", query="", backend_type="walsender", **_ACTIVE))),
)

_MAINTENANCE = re.compile(
    r"\s*(vacuum|analyze|create\s+(unique\s+)?index|reindex|cluster|refresh|copy|alter\s+table|create\s+materialized|checkpoint)\b",
    re.I,
)


def _is_meant(session: Session) -> bool:
    return bool(_MAINTENANCE.match(session.query)) or session.application.startswith(
        ("pg_dump", "pg_restore", "pg_basebackup")
    )


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str, str], list[Session]] = defaultdict(list)
    for session in snapshot.activity.sessions:
        active = session.backend_type == "client backend" and session.state in ("active", "fastpath function call")
        if not active or (session.transaction_seconds or 0) < limits["seconds"]:
            continue
        if not session.blocked_by and not _is_meant(session):
            groups[session.user or "?", session.application, " ".join(session.query.split())[:500]].append(session)
    for (user, application, text), sessions in sorted(groups.items()):
        yield _finding(user, application, text, sessions, limits)


def _finding(user: str, application: str, text: str, sessions: list[Session], limits: Limits) -> Finding:
    oldest = max(sessions, key=lambda s: s.transaction_seconds or 0)
    seconds = oldest.transaction_seconds or 0
    who = f"{user} ({application})" if application else user
    several = f" {len(sessions)} sessions do the same." if len(sessions) > 1 else ""
    return Finding(
        title=f"{who}: a transaction has run for {duration(seconds)}"[:79],
        message=f"Process {oldest.pid} began its transaction {duration(seconds)} ago and has been busy with "
        f"`{text[:120]}` for {duration(oldest.query_seconds or 0)}.{several}",
        objects=(ObjectRef("role", user),),
        impact=Impact(seconds, "seconds", limits["seconds"], 2 * 86400),
        evidence={
            "pids": [s.pid for s in sessions[:20]],
            "transaction_seconds": seconds,
            "query_seconds": oldest.query_seconds,
            "xmin_age": oldest.xmin_age,
            "wait": oldest.wait_event,
            "query": text,
        },
        confidence="medium",
        next_step=f"If nobody waits for it, end it with `SELECT pg_cancel_backend({oldest.pid});`; else look at its plan "
        "with EXPLAIN.",
        identity=f"{application} {text[:200]}",
    )
