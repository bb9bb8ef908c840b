"""A transaction prepared for two-phase commit was never finished.

## Why it matters

A prepared transaction belongs to no session: it keeps its locks and holds back VACUUM for all tables until somebody commits it
or rolls it back, also over restarts.
Left over from a coordinator that crashed, it ends only by hand.

## When to ignore

When the coordinator is known to come back for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dbwright.model.activity import PreparedTransaction
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.vacuuming import prepared_step
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("activity.prepared_transactions",)
LIMITS = {"seconds": 3600}
COVERS = ("old-prepared-transaction",)


def _aged(seconds: float) -> Callable[[Snapshot], Snapshot]:
    def edit(snapshot: Snapshot) -> Snapshot:
        row = PreparedTransaction("order-17'", "shop", "app", seconds, 4_000)
        return replace(snapshot, activity=replace(snapshot.activity, prepared_transactions=(row,)))

    return edit


BAD = (Sample(edit=_aged(2 * 86400)),)
GOOD = (Sample(edit=_aged(30)), Sample())


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for row in snapshot.activity.prepared_transactions:
        if row.age_seconds < limits["seconds"]:
            continue
        yield Finding(
            title=f"Transaction {row.name[:30]} has been prepared for {row.age_seconds / 3600:,.0f} hours",
            message=f"It was prepared by {row.owner} in {row.database} and still keeps its locks; VACUUM cannot remove what died in the "
            f"{row.xid_age:,} transactions since.",
            objects=(ObjectRef("session", row.name),),
            impact=Impact(row.age_seconds, "seconds", limits["seconds"], 7 * 86400),
            evidence={
                "seconds": round(row.age_seconds),
                "transactions": row.xid_age,
                "owner": row.owner,
                "database": row.database,
            },
            next_step=prepared_step(row),
        )
