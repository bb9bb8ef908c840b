"""This standby receives nothing from its primary.

## Why it matters

It grows older by the minute. If the primary is lost now, all that it did since is lost with it, and a slot on the primary keeps WAL
meanwhile.

## When to ignore

When the standby follows an archive on purpose (log shipping), or the primary is being restarted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import RecoveryState
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, with_settings
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("replication.recovery", "settings")
LIMITS: dict[str, float] = {"seconds": 60}
COVERS = ("wal-receiver-down", "standby-missing")


def _state(in_recovery: bool, running: bool | None, seconds: float | None = 0.0) -> Edit:
    state = RecoveryState(in_recovery, running, False, seconds, None)
    return lambda snapshot: replace(snapshot, replication=replace(snapshot.replication, recovery=state))


_FOLLOWS = with_settings(primary_conninfo="host=db1 user=replicator")
BAD = (Sample(edit=both(_state(True, False, 3600.0), _FOLLOWS)),)
GOOD = (
    Sample(edit=both(_state(True, True), _FOLLOWS)),
    Sample(edit=_state(True, False, 300.0)),
    Sample(edit=both(_state(False, None), _FOLLOWS)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    state = snapshot.replication.recovery
    if state is None or not state.in_recovery or state.receiver_running is not False:
        return
    if not snapshot.settings.text("primary_conninfo"):
        return  # It follows an archive.
    age = state.replay_seconds or 0.0
    yield Finding(
        title="This standby has lost its primary",
        message="No WAL receiver runs, although primary_conninfo names a primary"
        + (f"; its last replayed transaction is {age / 60:,.0f} minutes old." if age else "."),
        objects=(ObjectRef("setting", "primary_conninfo"),),
        impact=Impact(max(age, limits["seconds"]), "seconds", limits["seconds"], 86400),
        evidence={"replay_seconds": round(age, 1), "restore_command": bool(snapshot.settings.text("restore_command"))},
        confidence="medium",
        next_step="Look for 'could not connect to the primary' or 'requested WAL segment has already been removed' in this server's log: "
        "mend the address, pg_hba.conf or password for the first; copy the standby anew with pg_basebackup for the second.",
    )
