"""The database has so many tables that a backup or a schema change runs out of room for locks.

## Why it matters

pg_dump locks every table in one transaction, and so does DROP SCHEMA … CASCADE or a query over many partitions. The shared table of locks
holds about max_locks_per_transaction for each possible process; when it is full the command fails with "out of shared memory".
So the dump works for years and fails in the night when some more partitions have come.

## When to ignore

When backups are physical only and nothing ever touches all tables at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.server import set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings", "catalog.tables")
LIMITS = {"share": 0.7}
COVERS = ()

_TABLES = "DO $$ BEGIN FOR n IN 1..40 LOOP EXECUTE format('CREATE TABLE part_%s (id int)', n); END LOOP; END $$;"
BAD = (Sample(_TABLES, settings={"max_locks_per_transaction": "10"}, limits={"share": 0.02}),)
GOOD = (
    Sample(_TABLES, settings={"max_locks_per_transaction": "10"}),
    Sample(_TABLES, settings={"max_locks_per_transaction": "128"}, limits={"share": 0.02}),
)

# The processes that count towards the size of the table of locks: MaxBackends in the server's source.
_PROCESSES = ("max_connections", "max_prepared_transactions", "max_worker_processes", "max_wal_senders")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    settings = snapshot.settings
    locks = settings.number("max_locks_per_transaction")
    processes = sum(settings.number(name) or 0 for name in _PROCESSES)
    processes += settings.number("autovacuum_worker_slots") or settings.number("autovacuum_max_workers") or 0
    tables = sum(1 for t in snapshot.catalog.tables if t.kind in ("table", "partitioned table"))
    if not locks or not processes or tables < limits["share"] * locks * processes:
        return
    capacity = locks * processes
    proposed = int(locks)
    while tables > 0.5 * limits["share"] * proposed * processes:
        proposed *= 2
    values = {"max_locks_per_transaction": str(proposed)}
    change = set_parameters(
        snapshot, values, "It takes a restart (replicas first) and some 270 bytes of shared memory for each lock."
    )
    yield Finding(
        title=f"{tables:,} tables, but room for about {capacity:,.0f} locks",
        message=f"A command that locks all tables, as pg_dump does, needs {tables:,} of about {capacity:,.0f} locks ("
        f"max_locks_per_transaction = {locks:.0f} x {processes:.0f} processes), which it shares with everybody else.",
        objects=(setting_ref("max_locks_per_transaction"),),
        impact=Impact(tables / capacity, "share of the locks", limits["share"], 1.5, estimated=True),
        evidence={"tables": tables, "max_locks_per_transaction": locks, "processes": processes, "locks": capacity},
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )
