"""What a migration makes is in the database already, though it is not recorded as applied.

## Why it matters

Somebody ran the SQL by hand, or the tables came from `create_all` or a restored dump without the table of migrations.
The next deployment runs the migration and stops at "already exists", with those after it waiting.

## When to ignore

When the migration looks itself whether the object is there (`IF NOT EXISTS`).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Location, ObjectRef, Risk
from dbwright.model.grouping import told_once
from dbwright.model.migration_graph import migration_ref
from dbwright.model.migration_samples import SIZE, SIZED, recorded, shop, without_columns
from dbwright.model.migration_state import made_by_hand
from dbwright.model.migrations import MigrationFile, MigrationOperation
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source", "migrations", "catalog.tables", "catalog.columns", "catalog.indexes", "catalog.constraints")
LIMITS: dict[str, float] = {"migrations": 3}
COVERS = ("AB-01",)

_FILES = shop(("0002_size", SIZE), models=SIZED)
_DROPPED = shop(
    ("0002_no_note", 'migrations.RemoveField("order", "note")'), ("0003_note", SIZE.replace("size", "note"))
)

BAD = (Sample(source=_FILES, edit=recorded("0001_initial")),)
GOOD = (
    # It is not there yet: the migration simply waits.
    Sample(source=_FILES, edit=recorded("0001_initial", tables=without_columns("size"))),
    Sample(source=_FILES, edit=recorded("0001_initial", "0002_size")),
    # An earlier one that waits too drops it first.
    Sample(source=_DROPPED, edit=recorded("0001_initial")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [_finding(snapshot, file, done) for file, done in made_by_hand(snapshot)]
    yield from told_once(
        found, "{} migrations are in the database and not recorded", singly=limits["migrations"], identity="by hand"
    )


def _finding(snapshot: Snapshot, file: MigrationFile, done: tuple[MigrationOperation, ...]) -> Finding:
    names = [f"{o.part} {o.table}" if o.part == "table" else f"{o.part} {o.name} of {o.table}" for o in done]
    makes = [o for o in file.operations if o.effect == "makes"]
    whole = len(done) == len(makes) and all(o.effect for o in file.operations)
    mark = (
        f"python manage.py migrate --fake {file.group} {file.name}"
        if file.framework == "django"
        else f"alembic stamp {file.name}"
    )
    step = (
        f"Compare them with the file; where they are the same, run `{mark}`, which records it without running it."
        if whole
        else f"Only a part of it is there: drop {listed(names)} and let the migration run, or make the rest by hand and run `{mark}`."
    )
    return Finding(
        title=f"{file.name} is in the database and not recorded"[:79],
        message=f'{snapshot.target.name} has {listed(names)} already; {file.label}, still to run, stops with "already exists".',
        objects=(
            migration_ref(file.group, file.name),
            *(ObjectRef("table", o.table or "", "public", o.table) for o in done[:1]),
        ),
        impact=Impact(len(done), "objects", 0.5, 20),
        evidence={"there_already": names, "of": len(makes)},
        next_step=step,
        identity=file.label,
        locations=(Location(file.place.file, max(done[0].line, file.place.line, 1)),),
    )
