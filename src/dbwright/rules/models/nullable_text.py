"""A text field allows both NULL and the empty string for "no value".

## Why it matters

Django's forms and admin store the empty string, code stores None: two ways to say the same, and a filter for one misses the rows
of the other.
Django's own advice is to leave `null` off text fields.

## When to ignore

When the column is unique and optional (empty strings would collide), or NULL means "unknown" and the empty string "known to be empty".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Location, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("BP-17",)

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
    groups: defaultdict[str, list[tuple[SourceTable, SourceColumn]]] = defaultdict(list)
    for table in snapshot.source.tables:
        if table.framework == "django" and table.owned and table.managed:
            unique = {c for constraint in table.constraints if constraint.kind == "unique" for c in constraint.columns}
            unique |= {c for index in table.indexes if index.unique for c in index.columns}
            groups[table.name] += [(table, c) for c in table.columns if _is_ambiguous(c) and c.name not in unique]
    for name, found in groups.items():
        if not found:
            continue
        table = found[0][0]
        names = [column.name for _, column in found]
        yield Finding(
            title=f"{table.symbol.rpartition('.')[2]}: two ways to say no value in {listed(names, 2)}",
            message=f"{listed(names)} of {name} may be NULL or the empty string: forms store the one, code the other.",
            objects=tuple(
                ObjectRef("column", column.name, table.schema or "public", name, (column.name,)) for _, column in found
            ),
            impact=Impact(len(found), "columns", 1, 50),
            evidence={"columns": names},
            confidence="medium",
            next_step='Take null=True off (with default="") and let the migration turn NULL into the empty string first.',
            identity=name,
            locations=tuple(Location(c.file or table.place.file, c.line or table.place.line) for _, c in found)[:5],
        )


def _is_ambiguous(column: SourceColumn) -> bool:
    """Nullable text that forms may leave empty: they store the empty string."""
    return (
        column.field_class in _TEXT_FIELDS
        and not column.not_null
        and not column.unique
        and bool(column.option("blank"))
    )
