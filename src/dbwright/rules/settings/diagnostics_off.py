"""The server does not log what explains slowness: waits for locks, temporary files, checkpoints, time spent reading.

## Why it matters

When the application is slow for a minute, these lines in the log are the only trace of the reason afterwards. They cost next to
nothing, for they are written only when something of the kind happens; the timing of reads costs one reading of the clock each.

## When to ignore

When a monitoring system records the same. track_io_timing may stay off where `pg_test_timing` shows a slow clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_server import with_database
from dbwright.model.server import database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("settings",)
LIMITS = {"database_bytes": 250e6}
COVERS = ("log-checkpoints-off", "logging-baseline", "track-io-timing-off", "AB-15")

_ANY = {"database_bytes": 0}
_ALL = {"log_lock_waits": "on", "log_temp_files": "'10MB'", "log_checkpoints": "on", "track_io_timing": "on"}
BAD = (
    Sample(limits=_ANY),
    Sample(settings=_ALL | {"log_checkpoints": "off"}, limits=_ANY),
    Sample(settings=_ALL | {"track_io_timing": "off"}, edit=with_database(40 * 1024**3)),
)
GOOD = (
    Sample(),
    Sample(settings=_ALL, limits=_ANY),
    Sample(settings=_ALL | {"log_temp_files": "'1GB'"}, limits=_ANY),
)

# parameter: the value that says no, the value to set, what is then known
_WANTED = {
    "log_lock_waits": ("off", "on", "who waited for whose lock"),
    "log_temp_files": ("-1", "10MB", "which statements spill to disk"),
    "log_checkpoints": ("off", "on", "how long checkpoints took"),
    "track_io_timing": ("off", "on", "how long reads from disk took"),
}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    missing = [name for name, (off, _, _) in _WANTED.items() if snapshot.settings.text(name) == off]
    held = database_bytes(snapshot)
    if not missing or held < limits["database_bytes"]:
        return
    values = {name: _WANTED[name][1] for name in missing}
    change = set_parameters(snapshot, values, "No restart is needed.")
    yield Finding(
        title=f"Not recorded: {', '.join(missing)}",
        message=f"After a slow minute of this database ({bytes_text(held)}) nobody could tell "
        f"{'; '.join(_WANTED[name][2] for name in missing)}.",
        objects=tuple(setting_ref(name) for name in missing),
        impact=Impact(held, "bytes", 10e6, 100e9),
        evidence={name: snapshot.settings.text(name) for name in _WANTED},
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    values = {name: snapshot.settings.text(name) for name in _WANTED}
    if all(value is not None and value != _WANTED[name][0] for name, value in values.items()):
        yield Strength(
            "Lock waits, temporary files, checkpoints and reads are recorded",
            "Slowness leaves a trace in the log.",
            values,
        )
