"""A subscription receives nothing.

## Why it matters

Its tables grow older unnoticed, and its slot on the publisher keeps WAL until the disk there is full.
A worker stops for good after each conflict (a duplicate key, a missing column) until somebody mends it.

## When to ignore

While the publisher is down for maintenance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.catalog import Subscription
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.subscriptions",)
LIMITS: dict[str, float] = {}
COVERS = ("logical-worker-down",)


def _subscribed(**others: object) -> Edit:
    row = replace(Subscription(1, "from_shop", True, True, "from_shop", 0), **others)  # type: ignore[arg-type]
    return lambda snapshot: replace(snapshot, catalog=replace(snapshot.catalog, subscriptions=(row,)))


BAD = (Sample(edit=_subscribed(worker_running=False)), Sample(edit=_subscribed(enabled=False, worker_running=False)))
GOOD = (
    Sample(edit=_subscribed()),
    Sample(edit=_subscribed(tables_not_ready=3)),
    Sample(edit=_subscribed(enabled=False, worker_running=False, slot_name=None)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for row in snapshot.catalog.subscriptions:
        if row.worker_running or row.slot_name is None:
            continue
        name = quote_identifier(row.name)
        waiting = f"; {row.tables_not_ready} tables were never copied completely" if row.tables_not_ready else ""
        why = (
            "is enabled, but no worker runs"
            if row.enabled
            else "is disabled, and its slot on the publisher still keeps WAL"
        )
        yield Finding(
            title=f"Subscription {row.name} receives nothing",
            message=f"{row.name} {why}{waiting}.",
            objects=(ObjectRef("subscription", row.name),),
            impact=Impact(1, "subscriptions", 0.1 if row.enabled else 1, 10),
            evidence={"enabled": row.enabled, "slot": row.slot_name, "tables_not_ready": row.tables_not_ready},
            confidence="medium",
            next_step=f"The log here says on what it stopped: mend the row or the table, then ALTER SUBSCRIPTION {name} ENABLE; "
            f"if it is no longer wanted, DROP SUBSCRIPTION {name}; (removes the slot too).",
        )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    rows = [row for row in snapshot.catalog.subscriptions if row.worker_running]
    if rows:
        yield Strength(
            "Subscriptions are running",
            f"{len(rows)} subscriptions receive changes, {sum(r.tables_not_ready for r in rows)} tables are still being copied.",
            {"subscriptions": [row.name for row in rows]},
        )
