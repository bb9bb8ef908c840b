"""An old transaction, replication slot or standby keeps VACUUM from removing dead rows.

## Why it matters

VACUUM may only remove rows that no snapshot can see any more, so the oldest one in the database sets the limit for every table.
While it stays, vacuums run again and again without effect, tables and indexes swell, and the wraparound limit comes nearer.

## When to ignore

For a backup or a report that will end soon and that the server can afford.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dbwright.model.activity import PreparedTransaction, ReplicationSlot, Session
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import Holder, horizon_holders, stored_tables
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("activity.sessions", "replication.slots", "activity.prepared_transactions")
LIMITS = {
    "transactions": 10_000_000,
    # Younger in transactions, but so long that it matters once dead rows have gathered.
    "seconds": 3600,
    "dead_rows": 100_000,
}
COVERS = ("xmin-horizon-held",)
YIELDS_TO = ("vacuum/prepared-transaction-forgotten",)

_TABLE = "CREATE TABLE orders (id int);"
_DEAD = {"orders": {"rows": 1e6, "dead_rows": 900_000}}
_SESSION = Session(
    pid=77,
    database=None,
    user="app",
    application="gunicorn",
    is_remote=None,
    backend_type="client backend",
    state="idle in transaction",
    wait_event_type="Client",
    wait_event="ClientRead",
    connected_seconds=9e4,
    transaction_seconds=86400.0,
    query_seconds=86400.0,
    state_seconds=86400.0,
    xmin_age=250_000,
    encrypted=None,
    blocked_by=(),
    query="SELECT 1",
)
_SLOT = ReplicationSlot(
    name="standby_old",
    kind="physical",
    plugin=None,
    database=None,
    active=False,
    temporary=False,
    wal_status="extended",
    retained_bytes=9,
    xmin_age=90_000_000,
    catalog_xmin_age=None,
    conflicting=None,
    invalidation_reason=None,
    inactive_seconds=None,
)


def _with(
    *sessions: Session, slots: tuple[ReplicationSlot, ...] = (), prepared: int | None = None
) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        row = PreparedTransaction("tx-1", snapshot.target.database, "app", 90_000.0, prepared or 0)
        activity = replace(snapshot.activity, sessions=sessions, prepared_transactions=(row,) if prepared else ())
        return replace(snapshot, activity=activity, replication=replace(snapshot.replication, slots=slots))

    return edit


BAD = (
    Sample(_TABLE, statistics=_DEAD, edit=_with(_SESSION)),
    Sample(_TABLE, edit=_with(replace(_SESSION, xmin_age=30_000_000, transaction_seconds=900.0))),
    Sample(_TABLE, edit=_with(_SESSION, slots=(_SLOT,))),
    Sample(
        _TABLE, edit=_with(replace(_SESSION, backend_type="walsender", transaction_seconds=None, xmin_age=20_000_000))
    ),
    Sample(_TABLE, edit=_with(prepared=20_000_000)),
)
GOOD = (
    Sample(_TABLE, statistics=_DEAD, edit=_with(replace(_SESSION, transaction_seconds=40.0))),
    Sample(_TABLE, edit=_with(_SESSION)),
    Sample(_TABLE, statistics=_DEAD, edit=_with(replace(_SESSION, xmin_age=None))),
    Sample(_TABLE, statistics=_DEAD, edit=_with(replace(_SESSION, backend_type="autovacuum worker"))),
    Sample(_TABLE, statistics=_DEAD, edit=_with(replace(_SESSION, database="another"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    dead = sum(row.dead_rows for _, row in stored_tables(snapshot))
    holders = [h for h in horizon_holders(snapshot) if _matters(h, dead, limits)]
    if not holders:
        return
    worst = holders[0]
    since = f" for {worst.seconds / 3600:,.1f} hours" if worst.seconds else ""
    yield Finding(
        title=f"{worst.what[0].upper()}{worst.what[1:]} holds VACUUM back"[:79],
        message=f"Rows that died in the last {worst.age:,} transactions cannot be removed{since} because of {worst.what}; "
        f"the tables hold {dead:,} dead rows now.",
        objects=(worst.object,),
        impact=Impact(worst.age, "transactions", limits["transactions"] / 100, 1_000_000_000),
        evidence={
            "transactions": worst.age,
            "seconds": worst.seconds,
            "dead_rows": dead,
            "others": {h.what: h.age for h in holders[1:10]},
        },
        next_step=worst.step,
    )


def _matters(holder: Holder, dead: int, limits: Limits) -> bool:
    long = (holder.seconds or 0) >= limits["seconds"] and dead >= limits["dead_rows"]
    return long or holder.age >= limits["transactions"]
