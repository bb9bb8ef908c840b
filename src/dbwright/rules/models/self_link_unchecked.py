"""A model that links two rows of one table lets a row be linked with itself.

## Why it matters

Somebody who follows or blocks himself, a page related to itself: lists show it, counts are one too high, and code that walks the links goes
in circles.
The view refuses it perhaps; imports, the API and a second view do not.

## When to ignore

When a row may be linked with itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import check_change, column_place, column_ref, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("BP-16",)

_MODELS = """\
from django.db import models
from django.db.models import F, Q


class Person(models.Model):
    name = models.TextField()


class {0}(models.Model):
    {1} = models.ForeignKey(Person, models.CASCADE, related_name="+")
    {2} = models.ForeignKey(Person, models.CASCADE, related_name="+")
{3}"""
_CHECK = """
    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(follower=F("followed")), name="not_himself")]
"""


def _models(name: str, first: str, second: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(name, first, second, meta)}


BAD = (
    Sample(source=_models("Follow", "follower", "followed")),
    Sample(source=_models("Friendship", "from_person", "to_person")),
)
GOOD = (
    Sample(source=_models("Follow", "follower", "followed", _CHECK)),
    # Two parts in one thing may be played by one person.
    Sample(source=_models("Article", "author", "editor")),
    Sample(source=_models("Message", "sender", "recipient")),
    Sample(
        source=_models("Follow", "follower", "followed").copy()
        | {
            "shop/models.py": _models("Follow", "follower", "followed")["shop/models.py"].replace(
                "followed = models.ForeignKey(Person, models.CASCADE",
                "followed = models.ForeignKey(Person, models.CASCADE, null=True",
            )
        }
    ),
)

_LINK = re.compile(
    r"(follow|follows|follower|friend|friendship|block|blocks|mute|relationship|relation|related|connection|contact_link|link|match|"
    r"similarity|dependency|duplicate|edge)s?$|^(related|user_(follow|block|mute))"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, *pair)
        for table in own_tables(snapshot)
        if not table.through and (pair := _pair(table))
    ]
    yield from told_once(found, "{} models let a row be linked with itself", singly=limits["tables"])


def _pair(table: SourceTable) -> tuple[SourceColumn, SourceColumn] | None:
    """The two required references to one table, when no check compares them."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model_name(table)).lower()
    required = [c for c in table.columns if c.references and c.not_null and not re.search(r"_by(_id)?$", c.name)]
    if len(required) != 2 or not _LINK.search(words):
        return None
    first, second = required
    if first.references is None or second.references is None or first.references.table != second.references.table:
        return None
    checks = [c.condition or "" for c in table.constraints if c.kind == "check"]
    return None if any(first.name in text and second.name in text for text in checks) else (first, second)


def _finding(snapshot: Snapshot, table: SourceTable, first: SourceColumn, second: SourceColumn) -> Finding:
    rows = rows_of(snapshot, table.name)
    check = (
        f'models.CheckConstraint(condition=~Q({first.field}=F("{second.field}")), name="{table.name[:40]}_not_itself")'
        if table.framework == "django"
        else f'CheckConstraint("{first.name} <> {second.name}")'
    )
    return Finding(
        title=f"{model_name(table)} may link a row with itself"[:79],
        message=f"{first.name} and {second.name} of {table.name} refer to the same table, and no check constraint keeps them apart.",
        objects=(column_ref(table, first.name), column_ref(table, second.name)),
        impact=Impact(rows, "rows", 1_000, 1e9) if rows is not None else Impact(1, "tables", 1, 50, estimated=True),
        evidence={"columns": [first.name, second.name]},
        confidence="medium" if rows is not None else "low",
        change=check_change(
            snapshot,
            table,
            (first.name, second.name),
            f"{quote_identifier(first.name)} <> {quote_identifier(second.name)}",
        ),
        next_step=f"Delete such rows, then add {check} to {model_name(table)} ({table.place}).",
        identity=table.name,
        locations=locations([table.place, column_place(table, first.name), column_place(table, second.name)]),
    )
