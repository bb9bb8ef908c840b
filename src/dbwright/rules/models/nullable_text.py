"""A text field allows both NULL and the empty string for "no value".

## Why it matters

Django's forms and admin store the empty string, code stores None: two ways to say the same, and a filter for one misses the rows
of the other.
Django's own advice is to leave `null` off text fields.

## When to ignore

When the column is unique and optional (empty strings would collide), or NULL means "unknown" and the empty string "known to be empty".
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import (
    column_place,
    column_ref,
    is_library,
    locations,
    model_name,
    own_tables,
    rows_of,
    unique_keys,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("BP-17", "django-null-string-field")

_TEXT_FIELDS = ("CharField", "TextField", "SlugField", "EmailField", "URLField")


def _models(fields: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": f"from django.db import models\n\n\nclass Store(models.Model):\n    {fields}\n",
    }


BAD = (
    Sample(source=_models("subtitle = models.CharField(max_length=50, null=True, blank=True)")),
    Sample(
        source=_models(
            "logo = models.URLField(null=True, blank=True)\n    note = models.TextField(null=True, blank=True)"
        )
    ),
)
GOOD = (
    Sample(source=_models("subtitle = models.CharField(max_length=50, blank=True)")),
    Sample(source=_models("code = models.CharField(max_length=50, null=True, blank=True, unique=True)")),
    Sample(source=_models("size = models.IntegerField(null=True)")),
    Sample(source=_models("note = models.TextField(null=True)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, columns)
        for table in own_tables(snapshot)
        if table.framework == "django" and (columns := _open(table))
    ]
    yield from told_once(found, "{} models have two ways to say no value in text columns", singly=limits["tables"])


def _open(table: SourceTable) -> list[SourceColumn]:
    unique = {name for key in unique_keys(table) for name in key}
    return [c for c in table.columns if _is_ambiguous(c) and c.name not in unique and not is_library(c)]


def _finding(snapshot: Snapshot, table: SourceTable, columns: list[SourceColumn]) -> Finding:
    names = [column.name for column in columns]
    rows = rows_of(snapshot, table.name)
    return Finding(
        title=f"{model_name(table)}: two ways to say no value in {listed(names, 2)}"[:79],
        message=f"{listed(names)} of {table.name} may be NULL or the empty string: forms store the one, code the other.",
        objects=tuple(column_ref(table, name) for name in names),
        impact=Impact(rows, "rows", 1_000, 1e9)
        if rows is not None
        else Impact(len(names), "columns", 1, 50, estimated=True),
        evidence={"columns": names},
        confidence="medium" if rows is not None else "low",
        next_step='Take null=True off (with default="") and let the migration turn NULL into the empty string first.',
        identity=table.name,
        locations=locations([column_place(table, name) for name in names], 5),
    )


def _is_ambiguous(column: SourceColumn) -> bool:
    """Nullable text that forms may leave empty: they store the empty string."""
    return (
        column.field_class in _TEXT_FIELDS
        and not column.not_null
        and not column.unique
        and bool(column.option("blank"))
    )
