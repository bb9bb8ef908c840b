"""Hardly any replication slot or WAL sender is left.

## Why it matters

A standby, a subscription's table copy or a base backup that finds none free fails, and raising the limit takes a restart.

## When to ignore

When the number of consumers is fixed and each has what it needs; base backups and table copies need two more for a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, slot, standby, with_settings, with_slots, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("replication.slots", "replication.standbys", "settings")
LIMITS: dict[str, float] = {"share": 0.8, "spare": 1}
COVERS = ("slot-count-near-max",)

BAD = (
    Sample(edit=with_slots(*(slot(f"s{n}") for n in range(10)))),
    Sample(edit=both(with_standbys(standby("a"), standby("b")), with_settings(max_wal_senders="3"))),
)
GOOD = (
    Sample(edit=with_slots(*(slot(f"s{n}") for n in range(6)))),
    Sample(edit=both(with_slots(), with_settings(max_replication_slots="0", max_wal_senders="0"))),
    Sample(edit=both(with_slots(slot("only")), with_settings(max_replication_slots="3"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    replication = snapshot.replication
    for parameter, used, what in (
        ("max_replication_slots", len(replication.slots), "replication slots"),
        ("max_wal_senders", len(replication.standbys), "WAL senders"),
    ):
        most = snapshot.settings.number(parameter)
        if not most or not used or (used < limits["share"] * most and most - used > limits["spare"]):
            continue
        yield Finding(
            title=f"{used} of {most:.0f} {what} are in use",
            message=f"A new standby, base backup or table copy may find none free; {parameter} can be raised at a restart only.",
            objects=(ObjectRef("setting", parameter),),
            impact=Impact(used / most, "share", limits["share"], 1.0),
            evidence={"used": used, "limit": most},
            change=Change((SetServerParameter(parameter, f"{most:.0f}", f"{max(10, 2 * most):.0f}", restart=True),)),
        )
