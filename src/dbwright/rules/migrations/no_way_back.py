"""A migration that this database is still to get cannot be undone.

## Why it matters

If the release has to be taken back, the old code meets the new schema: the migration has no reverse, or its reverse makes the column or
table again without what was in it.
Once it has run there is only the backup.

## When to ignore

When the data is not needed any more and the old code runs on the new schema; then say so to whoever deploys.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Location, Risk
from dbwright.model.grouping import told_once
from dbwright.model.migration_graph import migration_ref
from dbwright.model.migration_samples import SIZE, SIZED, recorded, shop
from dbwright.model.migration_state import pending
from dbwright.model.migrations import MigrationFile
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "data loss"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source", "migrations")
LIMITS: dict[str, float] = {"migrations": 3}
COVERS = ("BP-13",)

_DROPS = shop(
    ("0002_no_note", 'migrations.RemoveField("order", "note")'),
    models=SIZED.replace("    note = models.CharField(max_length=20)\n", ""),
)
_RUNS = shop(("0002_fill", "migrations.RunPython(lambda apps, schema_editor: None)"))

BAD = (
    Sample(source=_DROPS, edit=recorded("0001_initial")),
    Sample(source=_RUNS, edit=recorded("0001_initial")),
)
GOOD = (
    # It is done.
    Sample(source=_DROPS, edit=recorded("0001_initial", "0002_no_note")),
    Sample(source=shop(("0002_size", SIZE), models=SIZED), edit=recorded("0001_initial")),
    Sample(
        source=shop(("0002_fill", "migrations.RunPython(lambda apps, schema_editor: None, migrations.RunPython.noop)")),
        edit=recorded("0001_initial"),
    ),
    # A database that has nothing yet loses nothing.
    Sample(source=_DROPS, edit=recorded()),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if not snapshot.applied:
        return
    waiting = pending(snapshot)
    new = {(o.table, o.name) for file in waiting for o in file.operations if o.effect == "makes"}
    new |= {(table, None) for table, name in new if name is None}
    found = [_finding(snapshot, file, lost) for file in waiting if (lost := _lost(file, new)) or file.irreversible]
    yield from told_once(
        found, "{} migrations to come cannot be undone", singly=limits["migrations"], identity="to come"
    )


def _lost(file: MigrationFile, new: set[tuple[str | None, str | None]]) -> list[str]:
    """What it drops that had time to be filled."""
    return [
        f"{o.table}.{o.name}" if o.part == "column" else str(o.table)
        for o in file.loses_data
        if o.table and (o.table, o.name) not in new and (o.table, None) not in new
    ]


def _finding(snapshot: Snapshot, file: MigrationFile, lost: list[str]) -> Finding:
    line = next((o.line for o in file.operations if o.irreversible or o.risk == "data loss"), file.place.line)
    why = f"it drops {listed(lost)} with what is in it" if lost else str(file.irreversible)
    step = (
        "Take a backup right before; better, let one release stop using it and drop it with the next one."
        if lost
        else "Give it a reverse (`reverse_code`, `reverse_sql`, a downgrade), if only one that does nothing."
    )
    return Finding(
        title=f"{file.name} cannot be undone"[:79],
        message=f"{file.label} is to come on {snapshot.target.name} and has no way back: {why}.",
        objects=(migration_ref(file.group, file.name),),
        impact=Impact(len(lost) or 1, "objects", 1, 20),
        evidence={"dropped": lost, "irreversible": file.irreversible},
        confidence="high" if lost else "medium",
        next_step=step,
        identity=file.label,
        locations=(Location(file.place.file, max(line, 1)),),
    )
