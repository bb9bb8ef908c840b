"""JSON of any shape and size is stored where code expects a certain one.

## Why it matters

A serializer knows that the document is an object with certain keys; imports, the admin and the shell do not ask it, and the page that reads
the key fails.
Without a limit one request can store a document of hundreds of megabytes, which every reader of the row loads.

## When to ignore

When the document is another system's and is kept as it came, or code takes any shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, is_aid, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceColumn, SourceTable
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # A document that people write: longer ones are files.
    "kilobytes": 1024,
    # More tables than this and it is a habit of the project: one message.
    "tables": 1,
}
COVERS = ("DL-11", "DL-12")

_MODELS = """\
from django.db import models
from django.db.models import Q
from rest_framework import serializers


class Entry(models.Model):
    content = {0}
{1}

class EntrySerializer(serializers.ModelSerializer):
    class Meta:
        model = Entry
        fields = ["content"]

    def {2}(self, content):
        if not isinstance(content, dict) or "blocks" not in content:
            raise serializers.ValidationError("no blocks")
        return content
"""
_CHECK = """
    class Meta:
        constraints = [models.CheckConstraint(condition=Q(content__has_key="blocks"), name="content_has_blocks")]
"""


def _models(field: str = "models.JSONField()", meta: str = "", method: str = "validate_content") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field, meta, method)}


BAD = (
    Sample(source=_models()),
    Sample(source=_models(method="clean_content")),
)
GOOD = (
    Sample(source=_models(meta=_CHECK)),
    # Nobody expects a shape.
    Sample(source=_models(method="show_content")),
    Sample(source=_models("models.TextField()")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    checked: defaultdict[tuple[str, str], list[Place]] = defaultdict(list)
    for fact in snapshot.source.facts:
        if fact.kind in ("structure checked in code", "refused in code") and not is_aid(fact.place):
            checked[fact.owner, fact.name].append(fact.place)
    found = [
        _finding(snapshot, table, column, places, limits)
        for table in own_tables(snapshot)
        for column in table.columns
        if column.type in ("jsonb", "json") and (places := checked.get((model_name(table), column.field)))
        if not any(c.kind == "check" and column.name in (c.condition or "") for c in table.constraints)
    ]
    yield from told_once(found, "{} columns take JSON of any shape and size", singly=limits["tables"])


def _finding(
    snapshot: Snapshot, table: SourceTable, column: SourceColumn, places: list[Place], limits: Limits
) -> Finding:
    rows = rows_of(snapshot, table.name)
    name = column.name
    size = f"octet_length({name}::text) <= {limits['kilobytes'] * 1024:.0f}"
    return Finding(
        title=f"{model_name(table)}.{column.field} takes JSON of any shape and size"[:79],
        message=f"{places[0].function} ({places[0]}) refuses some documents; the table {table.name} takes any {name}, of up to 1 GB.",
        objects=(column_ref(table, name),),
        impact=Impact(rows, "rows", 1_000, 1e9) if rows is not None else Impact(1, "columns", 1, 50, estimated=True),
        evidence={"columns": [name], "places": [str(place) for place in places]},
        confidence="low",
        next_step=f"ALTER TABLE {table.name} ADD CONSTRAINT {table.name[:40]}_{name[:12]}_size CHECK ({size}) NOT VALID, with the size "
        f"that fits, and another with jsonb_typeof({name}) for the kind that {places[0].function} asks for ('object' or 'array') and "
        f"{name} ? '…' for keys that code relies on; validate both afterwards.",
        identity=f"{table.name}:{name}",
        locations=locations([*places, column_place(table, name)]),
    )
