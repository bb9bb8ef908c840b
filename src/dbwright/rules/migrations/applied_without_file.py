"""The database has recorded a migration of which the project has no file.

## Why it matters

Alembic stops with "Can't locate revision" before it does anything. Django goes on, but what that migration made is in the database and in
no file: a new database will not have it. It comes from a branch that was run and never merged, or from a file that was renamed or deleted.

## When to ignore

When the database belongs to a newer release than this folder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import locations
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.migration_graph import group_name, migration_ref
from dbwright.model.migration_samples import SIZE, SIZED, recorded, shop
from dbwright.model.migration_state import strangers
from dbwright.model.migrations import AppliedMigration
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source", "migrations")
LIMITS: dict[str, float] = {}
COVERS = ("AB-01",)

_FILES = shop(("0002_size", SIZE), models=SIZED)

BAD = (Sample(source=_FILES, edit=recorded("0001_initial", "0002_size", "0003_colour")),)
GOOD = (
    Sample(source=_FILES, edit=recorded("0001_initial", "0002_size")),
    # What a squashed migration replaces may be gone.
    Sample(
        source=_FILES
        | {
            "shop/migrations/0002_size.py": _FILES["shop/migrations/0002_size.py"].replace(
                "    dependencies", '    replaces = [("shop", "0002_colour"), ("shop", "0003_size")]\n    dependencies'
            )
        },
        edit=recorded("0001_initial", "0002_colour", "0003_size", "0002_size"),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[AppliedMigration]] = defaultdict(list)
    for row in strangers(snapshot):
        groups[row.framework, row.group].append(row)
    for (framework, group), rows in groups.items():
        yield _finding(snapshot, framework, group, rows)


def _finding(snapshot: Snapshot, framework: str, group: str, rows: Sequence[AppliedMigration]) -> Finding:
    alembic = framework == "alembic"
    files = [
        file
        for file in snapshot.source.migrations.files
        if file.framework == framework and (alembic or file.group == group)
    ]
    where = "Alembic" if alembic else group_name(framework, group)
    stops = (
        "Alembic cannot locate it and stops before anything runs"
        if alembic
        else "a new database will not have what it made"
    )
    name = rows[0].name
    undo = (
        "set the database back to a revision that is there with `alembic stamp --purge REVISION`, after comparing the schema"
        if alembic
        else f"take the row back with `python manage.py migrate --prune {group}` once nothing of it is left"
    )
    return Finding(
        title=f"{where}: {listed((row.name for row in rows), 2)} applied, and no file of it"[:79],
        message=f"{snapshot.target.name} has recorded {listed(row.name for row in rows)} of {where}, of which there is no file: {stops}.",
        objects=tuple(migration_ref(group or "alembic", row.name) for row in rows),
        impact=Impact.certain() if alembic else Impact(len(rows), "migrations", 1, 20),
        evidence={"applied": {row.name: str(row.applied_at or "") for row in rows}},
        confidence="high" if alembic else "medium",
        next_step=f"Bring the file back (`git log --all -- '*{name}*'`), or {undo}.",
        identity=f"{framework}:{group}",
        locations=locations(file.place for file in files[-1:]),
    )
