"""Several standbys call themselves the same.

## Why it matters

In pg_stat_replication, in alerts and in synchronous_standby_names a standby is known by its application_name only.
When all are called walreceiver nobody can say which one lags, and a synchronous standby cannot be chosen.

## When to ignore

When addresses tell them apart and replication is asynchronous.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import standby, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("replication.standbys",)
LIMITS: dict[str, float] = {"standbys": 2}
COVERS = ("standby-unnamed",)

BAD = (Sample(edit=with_standbys(standby("walreceiver"), standby("walreceiver"))),)
GOOD = (
    Sample(edit=with_standbys(standby("walreceiver"))),
    Sample(edit=with_standbys(standby("a"), standby("b"))),
    Sample(edit=with_standbys(standby("pg_basebackup", state="backup"), standby("pg_basebackup", state="backup"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    count = Counter(s.application for s in snapshot.replication.standbys if s.state in ("streaming", "catchup"))
    for name, number in count.items():
        if number < limits["standbys"]:
            continue
        yield Finding(
            title=f"{number} standbys are called {name or 'nothing'}",
            message=f"{number} standbys have the name {name!r}, so that their lag cannot be told apart.",
            objects=(ObjectRef("session", name or "standby"),),
            impact=Impact(number, "standbys", limits["standbys"], 20),
            evidence={"name": name, "standbys": number},
            confidence="medium",
            next_step="On each standby: ALTER SYSTEM SET cluster_name = 'its own name'; then restart it (or put application_name=… "
            "into primary_conninfo and reload).",
        )
