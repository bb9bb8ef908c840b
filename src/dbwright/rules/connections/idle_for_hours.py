"""Many connections are held for hours without being used.

## Why it matters

Each connection is a process with memory of its own and takes one of the places under max_connections.
Pools that are sized for the busiest moment of each worker process add up; what they hold is then missing when something else
needs to connect.

## When to ignore

When the limit is far away and connections are dear to make (TLS, slow authentication).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, client, with_sessions, with_settings
from dbwright.model.server import setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import duration
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("settings", "activity.sessions")
LIMITS = {"seconds": 3600, "sessions": 20, "share_of_limit": 0.3}
YIELDS_TO = ("connections/near-limit",)
COVERS = ("idle-connections-long", "pool-oversized", "no-pooler-advice")

_LIMIT = with_settings(max_connections="100")
_IDLE = {"state": "idle", "state_seconds": 9000.0}
BAD = (Sample(edit=both(_LIMIT, with_sessions(*(client("app", "gunicorn", pid=n, **_IDLE) for n in range(45))))),)
GOOD = (
    Sample(edit=both(_LIMIT, with_sessions(*(client("app", "gunicorn", pid=n, **_IDLE) for n in range(12))))),
    Sample(
        edit=both(_LIMIT, with_sessions(*(client("app", "gunicorn", pid=n, state_seconds=30.0) for n in range(60))))
    ),
    Sample(
        edit=both(
            with_settings(max_connections="500"),
            with_sessions(*(client("app", "gunicorn", pid=n, **_IDLE) for n in range(45))),
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    allowed = snapshot.settings.number("max_connections")
    clients = [s for s in snapshot.activity.sessions if s.backend_type == "client backend"]
    idle = [s for s in clients if s.state == "idle" and (s.state_seconds or 0) >= limits["seconds"]]
    if not allowed or len(idle) < max(limits["sessions"], limits["share_of_limit"] * allowed):
        return
    pools = Counter(f"{s.user} ({s.application or 'no name'})" for s in idle)
    longest = max(s.state_seconds or 0 for s in idle)
    yield Finding(
        title=f"{len(idle)} of {len(clients)} connections have been idle for over an hour",
        message=f"They take {len(idle) / allowed:.0%} of the {allowed:.0f} that the server allows: "
        f"{', '.join(f'{number} of {name}' for name, number in pools.most_common(3))}; "
        f"the longest has been idle for {duration(longest)}.",
        objects=(setting_ref("max_connections"),),
        impact=Impact(len(idle), "connections", limits["sessions"], 1000),
        evidence={
            "idle": len(idle),
            "connected": len(clients),
            "max_connections": allowed,
            "by_pool": dict(pools.most_common(10)),
        },
        confidence="medium",
        next_step="Lower pool_size (SQLAlchemy) or the number of workers with CONN_MAX_AGE (Django), let pools close idle connections, or "
        "put PgBouncer in transaction mode in front.",
    )
