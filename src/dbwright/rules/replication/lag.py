"""A standby is behind.

## Why it matters

Reads from it are out of date, and if it takes over, what it has not received is lost. While it lags, a slot keeps WAL for it on the
primary.

## When to ignore

During the first copy of a new standby, or where recovery_min_apply_delay was set on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import RecoveryState, Standby
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit, both, standby, with_settings, with_standbys
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("replication.standbys", "replication.recovery")
LIMITS: dict[str, float] = {"seconds": 60, "bytes": 256 * 1024**2}
COVERS = ("replica-lag", "standby-missing", "DL-16", "CH-20")

# They read WAL like a standby but replay none.
_COPIES = ("pg_basebackup", "pg_receivewal", "pg_recvlogical", "barman", "pgbackrest")


def _replica(seconds: float | None) -> Edit:
    state = RecoveryState(True, True, False, seconds, None)
    return lambda snapshot: replace(snapshot, replication=replace(snapshot.replication, recovery=state))


BAD = (
    Sample(
        edit=with_standbys(standby("replica1", replay_lag_seconds=900.0, lag_bytes=5 * 1024**3), standby("replica2"))
    ),
    Sample(edit=with_standbys(standby("replica1", lag_bytes=2 * 1024**3))),
    Sample(edit=_replica(1200.0)),
)
GOOD = (
    Sample(edit=with_standbys(standby("replica1", replay_lag_seconds=2.0, lag_bytes=900_000))),
    Sample(edit=with_standbys(standby("pg_basebackup", state="backup", lag_bytes=None))),
    Sample(edit=with_standbys(standby("pg_receivewal", lag_bytes=9 * 1024**3))),
    Sample(edit=_replica(3.0)),
    Sample(edit=both(_replica(7200.0), with_settings(recovery_min_apply_delay="7200000"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for row in _standbys(snapshot):
        seconds, size = row.replay_lag_seconds or 0.0, row.lag_bytes or 0
        if seconds >= limits["seconds"] or size >= limits["bytes"]:
            yield _of_standby(row, seconds, size, limits)
    state = snapshot.replication.recovery
    if state is None or not state.in_recovery or (state.replay_seconds or 0) < limits["seconds"]:
        return
    if (snapshot.settings.number("recovery_min_apply_delay") or 0) > 0:
        return
    age = state.replay_seconds or 0.0
    yield Finding(
        title=f"This standby is {_time(age)} behind",
        message=f"Its last replayed transaction is {_time(age)} old and more has arrived, so that queries here see old rows.",
        objects=(ObjectRef("database", snapshot.target.database),),
        impact=Impact(age, "seconds", limits["seconds"], 6 * 3600),
        evidence={"replay_seconds": round(age, 1), "receiver_running": state.receiver_running},
        confidence="medium",
        next_step="SELECT * FROM pg_stat_activity WHERE backend_type = 'startup' or state = 'active'; "
        "a long query here or a slow disk holds replay up.",
        identity="replay",
    )


def _standbys(snapshot: Snapshot) -> list[Standby]:
    return [
        s
        for s in snapshot.replication.standbys
        if not s.application.lower().startswith(_COPIES) and s.state != "backup"
    ]


def _of_standby(row: Standby, seconds: float, size: int, limits: Limits) -> Finding:
    by_time = Impact(seconds, "seconds", limits["seconds"], 6 * 3600)
    by_size = Impact(size, "bytes", limits["bytes"], 100 * 1024**3)
    name = row.application or "A standby"
    return Finding(
        title=f"Standby {name} is {_time(seconds)} behind"
        if seconds >= limits["seconds"]
        else f"Standby {name} is {bytes_text(size)} behind",
        message=f"{name} ({row.state}, {row.sync_state}) has still to replay {bytes_text(size)} of WAL"
        + (f", its replay lag is {_time(seconds)}." if seconds else "."),
        objects=(ObjectRef("session", name),),
        impact=max(by_time, by_size, key=lambda impact: impact.magnitude),
        evidence={"lag_bytes": size, "replay_lag_seconds": row.replay_lag_seconds, "state": row.state},
        confidence="high" if row.state == "streaming" else "medium",
        next_step="SELECT application_name, write_lag, flush_lag, replay_lag FROM pg_stat_replication; "
        "a large write_lag is the network, flush_lag the standby's disk, replay_lag queries there that hold replay up.",
        identity=name,
    )


def _time(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 5400
        else f"{seconds / 60:.0f} min"
        if seconds >= 120
        else f"{seconds:.0f} s"
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    rows = [s for s in _standbys(snapshot) if s.state == "streaming"]
    if rows:
        worst = max(s.lag_bytes or 0 for s in rows)
        yield Strength(
            "Standbys keep up",
            f"{len(rows)} standbys are streaming, the last of them {bytes_text(worst)} of WAL behind.",
            {"standbys": len(rows), "lag_bytes": worst},
        )
