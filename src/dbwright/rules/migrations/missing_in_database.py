"""The database lacks something that its applied migrations make.

## Why it matters

Somebody dropped or changed it by hand, or recorded the migration without running it (`--fake`, `alembic stamp`): Django and Alembic take it
as done and will never make it again. Queries fail on the missing column; a missing constraint or index is noticed by its damage only.

## When to ignore

When it was dropped on purpose and a migration is to follow: write that one first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import locations
from dbwright.model.change import Change, CreateIndex, IndexKey, Operation, SetNotNull, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.migration_graph import group_name
from dbwright.model.migration_samples import SIZE, SIZED, recorded, shop, without_columns, without_indexes
from dbwright.model.migration_state import database_drift
from dbwright.model.migrations import Drift
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceTable
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source", "migrations", "catalog.tables", "catalog.columns", "catalog.indexes", "catalog.constraints")
LIMITS: dict[str, float] = {}
COVERS = ("AB-01",)

_INDEX = 'migrations.AddIndex("order", models.Index(fields=["note"], name="order_note"))'
_META = '\n    class Meta:\n        indexes = [models.Index(fields=["note"], name="order_note")]\n'
_FILES = shop(("0002_size", SIZE), ("0003_note", _INDEX), models=SIZED + _META)
_ALL = ("0001_initial", "0002_size", "0003_note")

BAD = (
    Sample(source=_FILES, edit=recorded(*_ALL, tables=without_columns("size"))),
    Sample(source=_FILES, edit=recorded(*_ALL, tables=without_indexes("order_note"))),
)
GOOD = (
    Sample(source=_FILES, edit=recorded(*_ALL)),
    # The migration that makes it is still to come.
    Sample(source=_FILES, edit=recorded("0001_initial", "0003_note", tables=without_columns("size"))),
    # Nothing is recorded: the schema may have come by any way.
    Sample(source=_FILES, edit=recorded(tables=without_columns("size"))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[Drift]] = defaultdict(list)
    for one in database_drift(snapshot):
        if one.have == "migrations":
            groups[one.framework, one.group].append(one)
    for (framework, group), found in groups.items():
        yield _finding(snapshot, framework, group, found)


def _finding(snapshot: Snapshot, framework: str, group: str, found: Sequence[Drift]) -> Finding:
    fails = [one for one in found if one.kind in ("table", "column") and not one.differs]
    first = (fails or found)[0]
    tables = {table.name: table for table in snapshot.source.migrations.tables}
    steps = [step for one in found if (step := _operation(one, tables.get(one.table))) is not None]
    files = [
        file.place
        for file in snapshot.source.migrations.files
        if file.group == group and _makes(file.operations, first)
    ]
    by_hand = [one.detail for one in found if _operation(one, tables.get(one.table)) is None]
    return Finding(
        title=f"{group_name(framework, group)}: {counted(len(found), 'difference')} from what was migrated"[:79],
        message=f"In {snapshot.target.name}: {listed((one.detail for one in (first, *(o for o in found if o is not first))), 3)}; the "
        "migrations that make it are recorded as applied.",
        objects=tuple(
            dict.fromkeys(ObjectRef(one.kind, one.name or one.table, "public", one.table, one.columns) for one in found)
        ),
        impact=Impact.certain() if fails else Impact(len(found), "differences", 1, 30),
        evidence={"differences": [one.detail for one in found]},
        confidence="high" if fails else "medium",
        change=Change(tuple(steps), "Ask first who changed it by hand, and why.") if steps else None,
        next_step=f"Write a migration for {listed(by_hand, 2)}, or undo what was done by hand." if by_hand else None,
        identity=f"{framework}:{group}",
        locations=locations(files or [one.place for one in found])
        or locations([file.place for file in snapshot.source.migrations.files if file.group == group][-1:]),
    )


def _makes(operations: Sequence[object], one: Drift) -> bool:
    return any(getattr(o, "table", None) == one.table and getattr(o, "name", None) == one.name for o in operations)


def _operation(one: Drift, table: SourceTable | None) -> Operation | None:
    """The statement that makes it; None for what needs a look by hand."""
    if table is None:
        return None
    schema, name = table.schema or "public", quote_identifier(table.name)
    where = f"{quote_identifier(schema)}.{name}"
    if one.kind == "index":
        index = next((i for i in table.indexes if i.name == one.name and i.columns == one.columns), None)
        if index is None or index.name is None:
            return None
        flags = index.is_expression or (False,) * len(index.columns)
        descending = index.descending or (False,) * len(index.columns)
        classes = index.opclasses or ("",) * len(index.columns)
        keys = tuple(
            IndexKey(None if e else c, c if e else None, d, opclass=o or None)
            for c, e, d, o in zip(index.columns, flags, descending, classes, strict=False)
        )
        return CreateIndex(
            schema, table.name, index.name, keys, index.unique, index.method, index.include, index.condition
        )
    column = table.column(str(one.name)) if one.kind == "column" else None
    if column is None or not column.type:
        return None
    if one.differs:
        return (
            SetNotNull(schema, table.name, column.name, column.not_null)
            if "NULL:" in one.detail and "type:" not in one.detail
            else None
        )
    added = quote_identifier(column.name)
    return Verbatim(f"ALTER TABLE {where} ADD COLUMN {added} {column.type}", f"ALTER TABLE {where} DROP COLUMN {added}")
