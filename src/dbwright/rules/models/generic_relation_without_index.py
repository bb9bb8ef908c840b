"""A generic relation has no index on the number of what it refers to.

## Why it matters

A generic foreign key is two columns, the content type and the number of the row in that type's table.
Django indexes the content type alone, which a few values share: all comments of one picture are sought among those of all pictures.
An index of both finds them at once, and serves the deletes that run along the relation.

## When to ignore

When the table stays small.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import column_place, locations, model_name, size_of, sought_columns
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.grouping import told_once
from dbwright.model.quoting import shortened
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceTable
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ()
# What queries ask for is told with the queries.
YIELDS_TO = ("queries/missing-index",)

_MODELS = """\
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Comment(models.Model):
    text = models.TextField()
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveIntegerField({0})
    target = GenericForeignKey("content_type", "object_id")
{1}"""


def _project(option: str = "", meta: str = "") -> dict[str, str]:
    meta = f"\n    class Meta:\n        {meta}\n" if meta else ""
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(option, meta)}


BAD = (
    Sample(source=_project()),
    # Another column between them.
    Sample(source=_project(meta='indexes = [models.Index(fields=["content_type", "text", "object_id"], name="a")]')),
)
GOOD = (
    Sample(source=_project("db_index=True")),
    Sample(source=_project(meta='indexes = [models.Index(fields=["content_type", "object_id"], name="a")]')),
    Sample(source=_project(meta='indexes = [models.Index(fields=["object_id", "text", "content_type"], name="a")]')),
    Sample(source=_project(meta='unique_together = [("content_type", "object_id", "text")]')),
    # A reference to the type alone.
    Sample(
        source={
            "shop/__init__.py": "",
            "shop/models.py": _MODELS.format("", "").replace("object_id", "number").split("    target")[0],
        }
    ),
)

_TYPES = "django_content_type"


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.statistics.tables:
        return  # the recorded statements tell whether anybody asks
    sought = sought_columns(snapshot)
    found = [
        _finding(snapshot, table, of_type, number)
        for table in snapshot.source.tables
        if table.owned and table.managed
        for of_type, number in _relations(table)
        if not _is_served(table, of_type, number) and number not in sought.get(table.name, ())
    ]
    yield from told_once(found, "{} generic relations have no index", singly=limits["tables"])


def _relations(table: SourceTable) -> Iterator[tuple[str, str]]:
    """Columns of content types with the columns of numbers that belong to them, by Django's habit of naming."""
    names = {column.name: column for column in table.columns}
    for column in table.columns:
        if column.references is None or column.references.table != _TYPES:
            continue
        stem = column.name.removesuffix("_id").removesuffix("content_type").removesuffix("type")
        for name in (f"{stem}object_id", f"{stem}id", f"{stem}object_pk"):
            if name in names and name != "id" and names[name].references is None:
                yield column.name, name
                break


def _is_served(table: SourceTable, of_type: str, number: str) -> bool:
    keys = [i.columns for i in table.indexes if i.method in ("btree", "hash") and not i.condition]
    keys += [c.columns for c in table.constraints if c.kind in ("primary key", "unique") and not c.condition]
    keys += [(c.name,) for c in table.columns if c.unique]
    return any(columns[:1] == (number,) or set(columns[:2]) == {of_type, number} for columns in keys)


def _finding(snapshot: Snapshot, table: SourceTable, of_type: str, number: str) -> Finding:
    name = shortened(f"{table.name}_{number}_{of_type}", "_idx") + "_idx"
    index = CreateIndex(table.schema or "public", table.name, name, (IndexKey(number), IndexKey(of_type)))
    return Finding(
        title=f"{model_name(table)}: no index on {of_type} and {number}"[:78],
        message=f"What belongs to one object is sought by {of_type} and {number}, and only {of_type} has an index: all rows of that type "
        f"are read ({size_of(snapshot, table.name)}).",
        objects=(ObjectRef("table", table.name, table.schema, table.name, (number, of_type)),),
        impact=Impact(1, "relations", 1, 20, estimated=True),
        evidence={"columns": [of_type, number], "place": str(column_place(table, number))},
        confidence="low",
        change=Change((index,)),
        identity=f"{of_type}+{number}",
        locations=locations([column_place(table, number), table.place]),
    )
