"""The server does not record its statements (pg_stat_statements).

## Why it matters

pg_stat_statements keeps calls, time, rows and blocks of each kind of statement, at a cost hardly measurable.
Without it nobody can tell which statements the time goes to, and what to index first is a guess.

## When to ignore

When another tool records statements in this database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.change import Change, CreateExtension, Operation, SetServerParameter
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.extensions",)
LIMITS: dict[str, float] = {}
COVERS = ("pg-stat-statements-missing", "AB-14")

NAME = "pg_stat_statements"


def _settings_hidden(snapshot: Snapshot) -> Snapshot:
    rows = tuple(
        r for r in snapshot.settings.rows if r.name != "shared_preload_libraries" and not r.name.startswith(NAME)
    )
    return replace(snapshot, settings=replace(snapshot.settings, rows=rows))


BAD = (
    Sample(settings={"shared_preload_libraries": "plpgsql"}),
    Sample("CREATE TABLE orders (id int);"),
    Sample(edit=_settings_hidden),
)
GOOD = (
    Sample("CREATE EXTENSION pg_stat_statements;"),
    Sample("CREATE SCHEMA tools; CREATE EXTENSION pg_stat_statements SCHEMA tools;"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.workload.available:
        return
    installed = any(extension.name == NAME for extension in snapshot.catalog.extensions)
    loaded = _loaded(snapshot)
    if installed and loaded is not False:
        return
    why = {
        True: "the library is loaded, but the extension is missing in this database",
        False: "the library is not loaded" + ("" if installed else " and the extension is missing in this database"),
        None: "the extension is missing in this database; whether the library is loaded is hidden from this role",
    }[loaded]
    yield Finding(
        title="Statements are not recorded: pg_stat_statements is missing",
        message=f"{why[0].upper()}{why[1:]}, so what the server spends its time on cannot be told.",
        objects=(ObjectRef("extension", NAME),),
        impact=Impact.certain(),
        evidence={"extension": installed, "library_loaded": loaded},
        change=None if loaded is None else _change(snapshot, installed, loaded),
        next_step="Add pg_stat_statements to shared_preload_libraries unless it is there, restart, then CREATE EXTENSION "
        "pg_stat_statements;"
        if loaded is None
        else None,
    )


def _loaded(snapshot: Snapshot) -> bool | None:
    """Whether the library is loaded: its parameters exist then. None when that cannot be told."""
    if snapshot.settings.get(f"{NAME}.max"):
        return True
    libraries = snapshot.settings.text("shared_preload_libraries")
    return None if libraries is None else NAME in _names(libraries)


def _names(libraries: str) -> list[str]:
    return [name for part in libraries.split(",") if (name := part.strip().strip('"'))]


def _change(snapshot: Snapshot, installed: bool, loaded: bool) -> Change:
    steps: list[Operation] = []
    if not loaded:
        old = snapshot.settings.text("shared_preload_libraries") or ""
        steps.append(SetServerParameter("shared_preload_libraries", old, ", ".join((*_names(old), NAME)), restart=True))
    if not installed:
        steps.append(CreateExtension(NAME))
    return Change(tuple(steps), note=None if loaded else "Recording begins with the next start of the server.")


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    if snapshot.workload.available and snapshot.workload.statements:
        number = len(snapshot.workload.statements)
        yield Strength(
            "Statements are recorded", f"pg_stat_statements holds {number:,} of this database.", {"statements": number}
        )
