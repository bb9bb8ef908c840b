"""A table that migrations look after has a column, an index or a constraint that no migration makes.

## Why it matters

It was made by hand on this server: the next one and the tests do not have it, so what works here fails or is slow there.
A column that is NOT NULL without a default makes the application's inserts fail.

## When to ignore

When a tool beside the application owns it (replication, an extension, a report's index), and somebody keeps it on all servers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dbwright.model.asked import locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.migration_graph import group_name
from dbwright.model.migration_samples import MODELS, SIZE, SIZED, recorded, shop
from dbwright.model.migration_state import database_drift
from dbwright.model.migrations import Drift
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source", "migrations", "catalog.tables", "catalog.columns", "catalog.indexes", "catalog.constraints")
LIMITS: dict[str, float] = {}
COVERS = ("AB-01",)


def _indexed(snapshot: Snapshot) -> Snapshot:
    """An index of the same table that only this server has."""
    catalog = snapshot.catalog
    (table,) = [t for t in catalog.tables if t.name == "shop_order"]
    (first, *_) = [i for i in catalog.indexes if i.table_oid == table.oid]
    made = replace(
        first, oid=99_999, name="by_hand", is_primary=False, is_unique=False, constraint=None, keys=("note",)
    )
    return replace(snapshot, catalog=replace(catalog, indexes=(*catalog.indexes, made)))


BAD = (
    # The models were read from a newer branch than the database's migrations: here, a column that no file makes.
    Sample(source=shop(models=SIZED), edit=recorded("0001_initial")),
    Sample(source=shop(), edit=recorded("0001_initial", tables=_indexed)),
)
GOOD = (
    Sample(source=shop(), edit=recorded("0001_initial")),
    # A migration that is still to come makes it.
    Sample(source=shop(("0002_size", SIZE), models=SIZED), edit=recorded("0001_initial")),
    # SQL of a migration makes the index.
    Sample(
        source=shop(
            ("0002_x", 'migrations.RunSQL("CREATE INDEX by_hand ON shop_order (note)", "DROP INDEX by_hand")'),
            models=MODELS,
        ),
        edit=recorded("0001_initial", "0002_x", tables=_indexed),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[Drift]] = defaultdict(list)
    for one in database_drift(snapshot):
        if one.have == "database":
            groups[one.framework, one.group].append(one)
    for (framework, group), found in groups.items():
        yield _finding(snapshot, framework, group, found)


def _finding(snapshot: Snapshot, framework: str, group: str, found: Sequence[Drift]) -> Finding:
    columns = {(c.table_oid, c.name): c for c in snapshot.catalog.columns}
    oids = {table.name: table.oid for table in snapshot.catalog.tables}
    refuses = [
        one
        for one in found
        if one.kind == "column"
        and (column := columns.get((oids.get(one.table, 0), str(one.name)))) is not None
        and column.not_null
        and column.default is None
    ]
    worse = (
        f" Inserts that leave {refuses[0].table}.{refuses[0].name} out fail: it is NOT NULL and has no default."
        if refuses
        else ""
    )
    files = [file.place for file in snapshot.source.migrations.files if file.group == group]
    adopt = (
        "declare it in the model and let `makemigrations` write the migration; then `migrate --fake` it here"
        if framework == "django"
        else "declare it in the model and let `alembic revision --autogenerate` write the script; then `alembic stamp` it here"
    )
    return Finding(
        title=f"{group_name(framework, group)}: {counted(len(found), 'thing')} that no migration makes"[:79],
        message=f"In {snapshot.target.name}: {listed((one.detail for one in found), 3)}.{worse}",
        objects=tuple(
            dict.fromkeys(ObjectRef(one.kind, one.name or one.table, "public", one.table, one.columns) for one in found)
        ),
        impact=Impact.certain() if refuses else Impact(len(found), "differences", 1, 30),
        evidence={"differences": [one.detail for one in found]},
        confidence="medium",
        next_step=f"What is to stay: {adopt}. What is not: drop it.",
        identity=f"{framework}:{group}",
        locations=locations(files[-1:]),
    )
