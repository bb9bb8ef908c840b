"""The project has migrations that the database has not.

## Why it matters

The code in this folder expects what they make; on this database its queries fail, or it runs without the constraint that it relies on.
How long each takes, and what it locks, is the next question: `dbwright migrations` lists the operations with their risk.

## When to ignore

When the folder is ahead of the deployment on purpose: a branch, a release that is about to go out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.finding import Finding, Impact, Location, Risk
from dbwright.model.migration_graph import group_name, migration_ref
from dbwright.model.migration_samples import SIZE, SIZED, recorded, shop, without_columns
from dbwright.model.migration_state import made_by_hand, pending
from dbwright.model.migrations import OPERATION_RISKS, MigrationFile
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source", "migrations")
LIMITS: dict[str, float] = {}
COVERS = ("AB-01", "BP-13")

_FILES = shop(("0002_size", SIZE), models=SIZED)

BAD = (Sample(source=_FILES, edit=recorded("0001_initial", tables=without_columns("size"))),)
GOOD = (
    Sample(source=_FILES, edit=recorded("0001_initial", "0002_size")),
    # Both are recorded under the name of the one that replaces them.
    Sample(
        source=_FILES
        | {
            "shop/migrations/0001_squashed_0002_size.py": _FILES["shop/migrations/0001_initial.py"].replace(
                "    initial", '    replaces = [("shop", "0001_initial"), ("shop", "0002_size")]\n    initial'
            )
        },
        edit=recorded("0001_squashed_0002_size"),
    ),
    # It is there, made by hand: another rule says so.
    Sample(source=_FILES, edit=recorded("0001_initial")),
    # No database was read.
    Sample(source=_FILES),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    by_hand = {file.label for file, _ in made_by_hand(snapshot)}
    groups: defaultdict[tuple[str, str], list[MigrationFile]] = defaultdict(list)
    for file in pending(snapshot):
        if file.label not in by_hand:
            groups[file.framework, file.group].append(file)
    for files in groups.values():
        yield _finding(snapshot, files)


def _finding(snapshot: Snapshot, files: Sequence[MigrationFile]) -> Finding:
    first = files[0]
    where = group_name(first.framework, first.group)
    risks = [file for file in files if file.risk not in ("none", "brief lock")]
    worst = f" {risks[0].name}: {OPERATION_RISKS[risks[0].risk]}." if risks else ""
    command = f"python manage.py migrate {first.group}" if first.framework == "django" else "alembic upgrade head"
    return Finding(
        title=f"{where}: {counted(len(files), 'migration')} not applied"[:79],
        message=f"{snapshot.target.name} has not {listed(file.name for file in files)} of {where}.{worst}",
        objects=tuple(migration_ref(file.group, file.name) for file in files),
        impact=Impact(len(files), "migrations", 1, 30),
        evidence={"migrations": {file.name: {"date": file.date, "risk": file.risk} for file in files}},
        next_step=f"Read `dbwright migrations` for what they do, then run `{command}`.",
        identity=f"{first.framework}:{first.group}",
        locations=tuple(Location(file.place.file, max(file.place.line, 1)) for file in files[:20]),
    )
