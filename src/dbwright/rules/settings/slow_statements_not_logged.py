"""Slow statements leave no trace in the log.

## Why it matters

pg_stat_statements knows averages; the one call that took two minutes this morning, with its time and its values, stands in the log
or nowhere. log_min_duration_statement writes a line for each statement above a limit and costs nothing below it.

## When to ignore

When auto_explain or a monitoring system records slow statements already.
Statements are logged with their constants: where these are personal data, set log_parameter_max_length = 0 as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.activity import Settings
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import both, with_settings
from dbwright.model.sample_server import with_database
from dbwright.model.server import database_bytes, set_by_hand, set_parameters, setting_ref
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("settings",)
LIMITS = {"database_bytes": 100e6}
COVERS = ("slow-query-log-off", "AB-15", "CH-15")

_ANY = {"database_bytes": 0}
BAD = (
    Sample(limits=_ANY),
    Sample(edit=with_database(4 * 1024**3)),
    # loaded, but without a limit it explains nothing
    Sample(edit=both(with_database(4 * 1024**3), with_settings(session_preload_libraries="auto_explain"))),
)
GOOD = (
    Sample(),
    Sample(settings={"log_min_duration_statement": "'2s'"}, limits=_ANY),
    Sample(settings={"log_min_duration_sample": "'100ms'", "log_statement_sample_rate": "0.1"}, limits=_ANY),
    Sample(
        edit=with_settings(shared_preload_libraries="auto_explain", **{"auto_explain.log_min_duration": "3000"}),
        limits=_ANY,
    ),
)


def _logged(settings: Settings) -> tuple[str, float] | None:
    """The parameter by which slow statements are logged, with its milliseconds."""
    sampled = (settings.number("log_statement_sample_rate") or 0) > 0
    explains = any(
        "auto_explain" in (settings.text(f"{kind}_preload_libraries") or "") for kind in ("shared", "session")
    )
    names = ["log_min_duration_statement"]
    names += ["log_min_duration_sample"] if sampled else []
    names += ["auto_explain.log_min_duration"] if explains else []
    found = ((name, settings.number(name)) for name in names)
    return next(((name, number) for name, number in found if number is not None and number >= 0), None)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    held = database_bytes(snapshot)
    if snapshot.settings.text("log_min_duration_statement") is None or _logged(snapshot.settings):
        return
    if held < limits["database_bytes"]:
        return
    values = {"log_min_duration_statement": "1s"}
    change = set_parameters(
        snapshot,
        values,
        "No restart is needed. Statements are logged with their constants; log_parameter_max_length = 0 leaves out parameters.",
    )
    yield Finding(
        title="Slow statements are not logged",
        message="log_min_duration_statement is off and auto_explain does not log: no statement that took long can be seen afterwards "
        f"({bytes_text(held)} of data).",
        objects=(setting_ref("log_min_duration_statement"),),
        impact=Impact(held, "bytes", 100e6, 1e14),
        evidence={
            name: snapshot.settings.text(name)
            for name in ("log_min_duration_statement", "log_min_duration_sample", "shared_preload_libraries")
        },
        change=change,
        next_step=None if change else set_by_hand(snapshot, values),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    logged = _logged(snapshot.settings)
    if logged and logged[1] > 0:
        yield Strength("Slow statements are logged", f"{logged[0]} is {logged[1]:,.0f} ms.", {logged[0]: logged[1]})
