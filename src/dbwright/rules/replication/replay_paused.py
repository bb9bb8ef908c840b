"""Replay is paused on this standby.

## Why it matters

It receives WAL but does not apply it: reads grow older, disk space is used up, and it cannot take over before it has caught up.
A standby is often left like this after a look at the past or when a parameter is too small on it (max_connections and others).

## When to ignore

While somebody is at work on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import RecoveryState
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("replication.recovery",)
LIMITS: dict[str, float] = {"seconds": 60}
COVERS = ("replay-paused",)


def _state(in_recovery: bool, paused: bool | None, seconds: float | None = 0.0) -> Edit:
    state = RecoveryState(in_recovery, in_recovery or None, paused, seconds, None)
    return lambda snapshot: replace(snapshot, replication=replace(snapshot.replication, recovery=state))


BAD = (Sample(edit=_state(True, True, 4000.0)),)
GOOD = (Sample(), Sample(edit=_state(True, False, 4000.0)), Sample(edit=_state(False, None)))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    state = snapshot.replication.recovery
    if state is None or not state.in_recovery or not state.replay_paused:
        return
    age = state.replay_seconds or 0.0
    yield Finding(
        title="Replay is paused on this standby",
        message=f"WAL is received but not applied; its last replayed transaction is {age / 60:,.0f} minutes old.",
        objects=(ObjectRef("database", snapshot.target.database),),
        impact=Impact(age, "seconds", limits["seconds"], 7 * 86400),
        evidence={"replay_seconds": round(age, 1)},
        confidence="medium",
        change=Change((Verbatim("SELECT pg_wal_replay_resume()", "SELECT pg_wal_replay_pause()"),)),
        identity="paused",
    )
