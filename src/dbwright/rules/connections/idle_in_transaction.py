"""Sessions opened a transaction and then did nothing for minutes.

## Why it matters

A transaction keeps all its locks until it ends, and VACUUM may remove no row that it could still see, in any table.
The usual reasons are a call to another service or a wait for input inside a transaction, a worker that hangs, a forgotten shell.

## When to ignore

Tools that hold one on purpose for a consistent picture, such as a dump in parallel.
"""

from __future__ import annotations

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
LIMITS = {"seconds": 300}
COVERS = ("idle-in-transaction-age", "idle-in-transaction-count", "transaction-too-old")

_STUCK = {
    "state": "idle in transaction",
    "state_seconds": 4000.0,
    "transaction_seconds": 4100.0,
    "query": "SELECT * FROM orders WHERE id = $1",
}
BAD = (
    Sample(edit=with_sessions(client("app", "gunicorn", pid=7, **_STUCK), client("app", "gunicorn", pid=8, **_STUCK))),
    Sample(edit=with_sessions(client("app", "gunicorn", **_STUCK), client("etl", "loader", **_STUCK)), findings=2),
    Sample(edit=with_sessions(client("app", "gunicorn", **_STUCK | {"state": "idle in transaction (aborted)"}))),
)
GOOD = (
    Sample(edit=with_sessions(client("app", "gunicorn", **_STUCK | {"state_seconds": 20.0}))),
    Sample(edit=with_sessions(client("app", "gunicorn", **_STUCK | {"state": "active"}))),
    Sample(edit=with_sessions(client("app", "gunicorn", state_seconds=90000.0))),
    Sample(edit=with_sessions(client("backup", "pg_dump", **_STUCK))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[Session]] = defaultdict(list)
    for session in snapshot.activity.sessions:
        if not (session.state or "").startswith("idle in transaction") or session.application.startswith("pg_dump"):
            continue
        if (session.state_seconds or 0) >= limits["seconds"]:
            groups[session.user or "?", session.application].append(session)
    for (user, application), sessions in sorted(groups.items()):
        oldest = max(sessions, key=lambda s: s.state_seconds or 0)
        seconds = oldest.state_seconds or 0
        who = f"{user} ({application})" if application else user
        several = f"{len(sessions)} sessions of {who} are" if len(sessions) > 1 else f"A session of {who} is"
        yield Finding(
            title=f"{who}: idle in a transaction for {duration(seconds)}"[:79],
            message=f"{several} idle in a transaction, the longest (process {oldest.pid}) for {duration(seconds)} after "
            f"{_short(oldest.query)}; its locks stay and VACUUM removes nothing that it could see.",
            objects=(ObjectRef("role", user),),
            impact=Impact(seconds, "seconds", limits["seconds"], 86400),
            evidence={
                "sessions": [
                    {
                        "pid": s.pid,
                        "database": s.database,
                        "idle_seconds": s.state_seconds,
                        "xmin_age": s.xmin_age,
                        "query": s.query[:200],
                    }
                    for s in sessions[:10]
                ],
                "count": len(sessions),
            },
            next_step=f"End it with `SELECT pg_terminate_backend({oldest.pid});`, then find the code that runs this and move what "
            "waits (network, files, input) out of the transaction.",
            identity=application,
        )


def _short(query: str) -> str:
    text = " ".join(query.split())
    return f"`{text[:100]}{'…' if len(text) > 100 else ''}`" if text else "a statement that is hidden"
