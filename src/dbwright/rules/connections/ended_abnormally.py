"""Many connections end by being lost, by an error or by being killed instead of being closed.

## Why it matters

Abandoned connections mean that clients vanish: workers killed in the middle of a request, network devices that cut idle connections,
pools without health checks. Their transactions are rolled back, and the application sees errors at the next use.

## When to ignore

After an incident that is over: reset the counters and look again.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_database
from dbwright.model.server import counters
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
MINIMUM_MAJOR = 14
NEEDS = ("statistics.databases",)
LIMITS = {"sessions": 500, "share": 0.05}
COVERS = ("session-abnormal-end",)

BAD = (
    Sample(edit=with_database(sessions=40_000, sessions_abandoned=9_000, sessions_fatal=20, sessions_killed=3)),
    Sample(edit=with_database(sessions=40_000, sessions_abandoned=10, sessions_fatal=20, sessions_killed=9_000)),
)
GOOD = (
    Sample(edit=with_database(sessions=40_000, sessions_abandoned=900, sessions_fatal=20, sessions_killed=3)),
    Sample(edit=with_database(sessions=300, sessions_abandoned=100, sessions_fatal=0, sessions_killed=0)),
    Sample(edit=with_database(sessions=None, sessions_abandoned=None, sessions_fatal=None, sessions_killed=None)),
)

# counter: what it means, where to look
_KINDS = {
    "sessions_abandoned": (
        "lost their client",
        "Look for workers that are killed (memory, time-outs) and set tcp_keepalives_idle = 60.",
    ),
    "sessions_fatal": (
        "ended with a fatal error",
        "Look for FATAL in the log: time-outs of idle sessions and failed requests stand there.",
    ),
    "sessions_killed": ("were terminated", "Look who calls pg_terminate_backend or restarts the server."),
}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    row = counters(snapshot)
    if row is None or not row.sessions or row.sessions < limits["sessions"]:
        return
    ended = {
        "sessions_abandoned": row.sessions_abandoned,
        "sessions_fatal": row.sessions_fatal,
        "sessions_killed": row.sessions_killed,
    }
    numbers = {name: number or 0 for name, number in ended.items()}
    share = sum(numbers.values()) / row.sessions
    if share < limits["share"]:
        return
    worst = max(numbers, key=lambda name: numbers[name])
    parts = ", ".join(f"{number:,} {_KINDS[name][0]}" for name, number in numbers.items() if number)
    yield Finding(
        title=f"{min(share, 1):.0%} of the connections ended abnormally",
        message=f"Of {row.sessions:,} sessions since the counters began {parts}.",
        objects=(ObjectRef("database", row.name),),
        impact=Impact(share, "share of the sessions", limits["share"], 1.0),
        evidence={"sessions": row.sessions, **numbers},
        confidence="medium",
        next_step=_KINDS[worst][1],
    )
