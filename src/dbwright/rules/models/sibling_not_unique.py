"""Columns that are unique together in the other tables of the project may repeat in this one.

## Why it matters

What the team keeps unique wherever it occurs (the name within an account, the slug below a parent) is taken for unique everywhere.
A table that was forgotten collects duplicates in silence: look-ups then fail or take whichever row comes first.

## When to ignore

When the same name twice means two different things here, unlike in the other tables.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import column_place, column_ref, locations, model_name, own_tables, rows_of, unique_keys
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.uniqueness import expected
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # Tables that keep the columns unique before it is a habit of the project.
    "tables_that_do": 2,
    # More tables than this and it is one message.
    "tables": 2,
}
COVERS: tuple[str, ...] = ()
YIELDS_TO = ("constraints/natural-key-not-unique",)

_MODELS = """\
from django.db import models


class Account(models.Model):
    title = models.TextField()


class Food(models.Model):
    name = models.CharField(max_length=80)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")

    class Meta:
        unique_together = [("account", "name")]


class Unit(models.Model):
    name = models.CharField(max_length=80)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="unit_once")]


class Meal(models.Model):
    {0}
    account = models.ForeignKey({1}, models.CASCADE, related_name="+")
{2}"""
_NAME = "name = models.CharField(max_length=80)"
_META = "\n    class Meta:\n        {}\n"
_HALF = _MODELS[_MODELS.index("class Unit") : _MODELS.index("class Meal")]


def _models(field: str = _NAME, target: str = "Account", meta: str = "", text: str = _MODELS) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": text.format(field, target, meta and _META.format(meta))}


BAD = (
    Sample(source=_models()),
    Sample(source=_models(_NAME + "\n    colour = models.CharField(max_length=9, unique=True)")),
)
GOOD = (
    Sample(source=_models(meta='unique_together = [("account", "name")]')),
    # Unique by itself, or within more.
    Sample(source=_models("name = models.CharField(max_length=80, unique=True)")),
    Sample(
        source=_models(_NAME + "\n    day = models.DateField()", meta='unique_together = [("account", "name", "day")]')
    ),
    # Another kind of account, and a text of another kind.
    Sample(source=_models(target="Food")),
    Sample(source=_models("name = models.TextField()")),
    # One table alone is no habit.
    Sample(source=_models(text=_MODELS.replace(_HALF, ""))),
    # Those that come and go with each thing that happens.
    Sample(source=_models(text=_MODELS.replace("class Meal", "class MealLog"))),
)

_NAMES = re.compile(r"(^|_)(name|slug|code|key|identifier|title|label|number|reference|sku|path|handle|username)$")
_REPEATS = re.compile(
    r"log|histor|event|visit|view|audit|chang|version|revision|job|task|run|record|snapshot|draft|import|export|archive|message|mail|"
    r"request|order|payment|transaction|session|attempt|result|report|comment|notif|template|backup|copy"
)
_Shape = tuple[tuple[str, str, str], ...]
"""Name, type and target of each column, in the order of names."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    tables = list(own_tables(snapshot))
    spoken_of = {(missing.table.name, missing.columns) for missing in expected(snapshot)}
    keepers: defaultdict[_Shape, list[SourceTable]] = defaultdict(list)
    for table in tables:
        for key in unique_keys(table):
            if (shape := _shape(table, key)) is not None:
                keepers[shape].append(table)
    found = []
    for shape, keeping in keepers.items():
        if len(keeping) < limits["tables_that_do"]:
            continue
        names = frozenset(name for name, _, _ in shape)
        without = [table for table in tables if table not in keeping and _may_repeat(table, shape, names)]
        if len(without) <= len(keeping):
            found += [_finding(snapshot, t, names, keeping) for t in without if (t.name, names) not in spoken_of]
    yield from told_once(found, "{} tables lack a unique rule that their siblings have", singly=limits["tables"])


def _shape(table: SourceTable, key: frozenset[str]) -> _Shape | None:
    """Of a scope and a name within it; None for keys of another make."""
    columns = [column for column in table.columns if column.name in key]
    if len(columns) != 2 or len(key) != 2 or sum(column.references is not None for column in columns) != 1:
        return None
    if not any(column.references is None and _NAMES.search(column.name) for column in columns):
        return None
    return tuple(sorted(_kind(table, column) for column in columns))


def _kind(table: SourceTable, column: SourceColumn) -> tuple[str, str, str]:
    target = column.references.table if column.references is not None else ""
    return column.name, (column.type or "").partition("(")[0], "itself" if target == table.name else target


def _may_repeat(table: SourceTable, shape: _Shape, names: frozenset[str]) -> bool:
    columns = [column for column in table.columns if column.name in names]
    if table.through or tuple(sorted(_kind(table, column) for column in columns)) != shape:
        return False
    if _REPEATS.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model_name(table)).lower()):
        return False
    named = {column.name for column in columns if column.references is None}
    return not any(key & named for key in unique_keys(table))


def _finding(snapshot: Snapshot, table: SourceTable, names: frozenset[str], keeping: Sequence[SourceTable]) -> Finding:
    rows = rows_of(snapshot, table.name)
    columns = [column.name for column in table.columns if column.name in names]
    fields = [column.field or column.name for column in table.columns if column.name in names]
    constraint = (
        f'models.UniqueConstraint(fields=["{fields[0]}", "{fields[1]}"], name="{table.name[:40]}_once")'
        if table.framework == "django"
        else f"UniqueConstraint({columns[0]!r}, {columns[1]!r})"
    )
    return Finding(
        title=f"{model_name(table)} may have the same {listed(fields)} twice, unlike its siblings"[:79],
        message=f"{listed([model_name(other) for other in keeping], 3)} keep {listed(fields)} unique together; {table.name} has both "
        f"columns and no such rule{f' (about {rows:,} rows so far)' if rows else ''}.",
        objects=tuple(column_ref(table, name) for name in columns),
        impact=Impact(rows, "rows", 100, 1e8) if rows is not None else Impact(1, "tables", 1, 20, estimated=True),
        evidence={"columns": columns, "tables that have it": [other.name for other in keeping[:10]]},
        confidence="medium",
        next_step=f"Merge rows that agree in both, then add {constraint} to {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{'+'.join(columns)}",
        locations=locations([table.place, *(column_place(table, name) for name in columns)]),
    )
