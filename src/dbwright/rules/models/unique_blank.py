"""A unique text column may be left empty, but only once.

## Why it matters

A form stores the empty string for "no value"; the second row that leaves the field empty is a duplicate of the first, and saving fails with
an error that nobody expects.
NULL is not equal to NULL: with `null=True` any number of rows may do without.

## When to ignore

When `save()` fills the field in before it is stored (a slug made from a title).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, is_library, locations, model_name, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More columns than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"columns": 1}
COVERS = ("django-unique-blank-needs-null",)

_MODELS = """\
from django.db import models


class Store(models.Model):
    {0}

    def save(self, *args, **kwargs):
        {1}
        super().save(*args, **kwargs)
"""


def _models(field: str, save: str = "pass") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field, save)}


BAD = (Sample(source=_models("code = models.CharField(max_length=9, unique=True, blank=True)")),)
GOOD = (
    Sample(source=_models("code = models.CharField(max_length=9, unique=True, blank=True, null=True)")),
    Sample(source=_models("code = models.CharField(max_length=9, unique=True)")),
    Sample(source=_models("code = models.CharField(max_length=9, blank=True)")),
    # Filled in before it is stored.
    Sample(
        source=_models("code = models.CharField(max_length=9, unique=True, blank=True)", "self.code = self.code or 'x'")
    ),
    Sample(source=_models("slug = models.SlugField(unique=True, blank=True)")),
    Sample(source=_models("code = models.CharField(max_length=9, unique=True, blank=True, default=str)")),
    Sample(source=_models("code = models.CharField(max_length=9, unique=True, blank=True, editable=False)")),
)

_TEXT_FIELDS = ("CharField", "TextField", "EmailField", "URLField")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    filled = {
        (fact.place.file, fact.owner, fact.name)
        for fact in snapshot.source.facts
        if fact.kind == "filled in before saving"
    }
    found = [
        _finding(table, column)
        for table in own_tables(snapshot)
        for column in table.columns
        if _is_once(column) and (table.place.file, model_name(table), column.field) not in filled
    ]
    yield from told_once(found, "{} unique columns may be left empty only once", singly=limits["columns"])


def _is_once(column: SourceColumn) -> bool:
    known = {name for name, _ in column.options}
    return (
        column.unique
        and column.not_null
        and not column.primary_key
        and column.field_class in _TEXT_FIELDS
        and bool(column.option("blank"))
        and "default" not in known
        and column.option("editable") is True
        and not is_library(column)
    )


def _finding(table: SourceTable, column: SourceColumn) -> Finding:
    return Finding(
        title=f"{model_name(table)}.{column.field} may be left empty only once"[:79],
        message=f"{column.name} of {table.name} is unique and may be left blank: the second row without it repeats the empty string and is "
        "refused.",
        objects=(column_ref(table, column.name),),
        impact=Impact(1, "columns", 1, 20),
        evidence={"columns": [column.name]},
        confidence="low",
        next_step=f"Write null=True for {column.field} and let the form store None for the empty string (empty_value=None), or take "
        "blank=True off.",
        identity=f"{table.name}:{column.name}",
        locations=locations([column_place(table, column.name)]),
    )
