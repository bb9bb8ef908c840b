"""Columns from a common parent class are unique together in its other models, and may repeat in this one.

## Why it matters

A constraint does not always come down from the parent class: a model with a `Meta` of its own drops the parent's.
What the team keeps unique in the other models of a family (the name below a parent, the slug within an account) is taken for unique in
all of them, and the one that was forgotten collects duplicates in silence.

## When to ignore

When the same name twice means two different things here, unlike in the other models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    column_place,
    column_ref,
    is_library,
    locations,
    model_name,
    own_tables,
    rows_of,
    unique_change,
    unique_keys,
)
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
    # Tables without the rule for each with it: more, and repeating is what they are for.
    "share": 0.5,
    # More tables than this and it is one message.
    "tables": 2,
}
COVERS: tuple[str, ...] = ()
YIELDS_TO = ("constraints/natural-key-not-unique",)

_MODELS = """\
from django.db import models


class Account(models.Model):
    title = models.TextField()


class Kept(models.Model):
    name = models.CharField(max_length=80)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")

    class Meta:
        abstract = True


class Food(Kept):
    class Meta:
        unique_together = [("account", "name")]


class Unit(Kept):
    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="unit_once")]


class Meal({0}):
    {1}

    class Meta:
        {2}
"""
_NAME = """name = models.CharField(max_length=80)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")"""
_HALF = _MODELS[_MODELS.index("class Unit") : _MODELS.index("class Meal")]


def _models(
    base: str = "Kept", field: str = "day = models.DateField()", meta: str = "ordering = ['day']", text: str = _MODELS
) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": text.format(base, field, meta)}


BAD = (
    Sample(source=_models()),
    Sample(source=_models(field="colour = models.CharField(max_length=9, unique=True)", meta="ordering = ['name']")),
)
GOOD = (
    Sample(source=_models(meta='unique_together = [("account", "name")]')),
    # Unique by itself, within more, or below another condition.
    Sample(source=_models(meta='unique_together = [("account", "name", "day")]')),
    Sample(
        source=_models(
            meta='constraints = [models.UniqueConstraint("account", models.functions.Lower("name"), name="one")]'
        )
    ),
    # Columns of its own that are only called the same.
    Sample(source=_models("models.Model", _NAME, "ordering = ['name']")),
    # One model alone is no habit.
    Sample(source=_models(text=_MODELS.replace(_HALF, ""))),
)

_Shape = tuple[tuple[str, str, int], ...]
"""Name and place of definition of each column, in the order of names."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    tables = list(own_tables(snapshot))
    spoken_of = {(missing.table.name, missing.columns) for missing in expected(snapshot) if missing.is_served}
    keepers: defaultdict[_Shape, list[SourceTable]] = defaultdict(list)
    for table in tables:
        for key in unique_keys(table):
            if (shape := _shape(table, key)) is not None:
                keepers[shape].append(table)
    lacking: dict[str, tuple[SourceTable, frozenset[str], list[SourceTable]]] = {}
    for shape, keeping in sorted(keepers.items(), key=lambda entry: -len(entry[0])):  # the widest rule that is lacking
        names = frozenset(name for name, _, _ in shape)
        without = [table for table in tables if table not in keeping and _may_repeat(table, shape, names)]
        if limits["tables_that_do"] <= len(keeping) and len(without) <= len(keeping) * limits["share"]:
            for table in without:
                if (table.name, names) not in spoken_of:
                    lacking.setdefault(table.name, (table, names, keeping))
    found = [_finding(snapshot, *one) for one in lacking.values()]
    yield from told_once(found, "{} tables lack a unique rule that their siblings have", singly=limits["tables"])


def _shape(table: SourceTable, key: frozenset[str]) -> _Shape | None:
    """Where the columns of a key are defined; None for keys of references alone and of values that nobody chooses."""
    columns = [column for column in table.columns if column.name in key]
    if len(columns) < len(key) or not all(map(_is_chosen, columns)) or all(column.references for column in columns):
        return None
    return _defined(columns)


def _is_chosen(column: SourceColumn) -> bool:
    """Somebody gives its value: neither the database nor a default does. Its place tells the class that it comes from."""
    return bool(column.line) and not is_library(column) and not column.primary_key and column.option("default") is None


def _defined(columns: Sequence[SourceColumn]) -> _Shape:
    return tuple(sorted((column.name, column.file, column.line) for column in columns))


def _may_repeat(table: SourceTable, shape: _Shape, names: frozenset[str]) -> bool:
    if table.through or _defined([column for column in table.columns if column.name in names]) != shape:
        return False
    named = {column.name for column in table.columns if column.name in names and column.references is None}
    rules = [i.columns for i in table.indexes if i.unique] + [
        c.columns for c in table.constraints if c.kind == "unique"
    ]
    return not any(name in text for columns in rules for text in columns for name in named)


def _finding(snapshot: Snapshot, table: SourceTable, names: frozenset[str], keeping: Sequence[SourceTable]) -> Finding:
    rows = rows_of(snapshot, table.name)
    columns = [column.name for column in table.columns if column.name in names]
    fields = [column.field or column.name for column in table.columns if column.name in names]
    constraint = (
        f"models.UniqueConstraint(fields=[{', '.join(map(repr, fields))}], name='{table.name[:40]}_once')"
        if table.framework == "django"
        else f"UniqueConstraint({', '.join(map(repr, columns))})"
    )
    return Finding(
        title=f"{model_name(table)} may have the same {listed(fields, 3)} twice, unlike its siblings"[:79],
        message=f"{listed([model_name(other) for other in keeping], 3)} keep {listed(fields)} unique; {table.name} has the same columns "
        f"from the same class and no such rule{f' (about {rows:,} rows so far)' if rows else ''}.",
        objects=tuple(column_ref(table, name) for name in columns),
        impact=Impact(rows, "rows", 100, 1e8) if rows is not None else Impact(1, "tables", 1, 20, estimated=True),
        evidence={"columns": columns, "tables that have it": [other.name for other in keeping[:10]]},
        confidence="medium",
        change=unique_change(snapshot, table, tuple(columns)),
        next_step=f"Merge rows that agree in them, then add {constraint} to {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{'+'.join(columns)}",
        locations=locations([table.place, *(column_place(table, name) for name in columns)]),
    )
