"""A field's choices are known to forms alone, and the database takes any other word.

## Why it matters

`choices` is checked by `full_clean()`, which `save()`, `create()`, `update()` and bulk writes do not call.
A misspelt status is stored without complaint and then missed by every query that compares with the right word.

## When to ignore

When the list changes with every release, or grows with data (it then wants a table and a foreign key).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import check_change, column_place, locations, model_name, rows_of
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("source",)
# Words in a list above which it is reference data (countries, languages).
LIMITS: dict[str, float] = {"choices": 12}
COVERS = ("django-choices-without-db-check", "BP-16")
YIELDS_TO = ("constraints/values-unchecked",)

_MODELS = """\
from django.db import models
from django.db.models import Q

STATES = [("new", "New"), ("done", "Done")]


class Task(models.Model):
    {0}
{1}"""
_STATE = "state = models.CharField(max_length=8, choices=STATES)"
_CHECK = """
    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=["new", "done"]), name="state_known")]
"""


def _models(field: str, meta: str = "") -> dict[str, str]:
    """A module whose code also compares the column: an unused list is told to nobody."""
    use = "\n\ndef due():\n    return list(Task.objects.filter(state='new'))\n" if "state" in field else ""
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field, meta) + use}


BAD = (Sample(source=_models(_STATE)),)
GOOD = (
    Sample(source=_models(_STATE, _CHECK)),
    Sample(source=_models("state = models.CharField(max_length=8)")),
    Sample(source=_models("state = models.CharField(max_length=8, choices=[(str(n), n) for n in range(40)])")),
    # Nothing compares with its words.
    Sample(source=_models("colour = models.CharField(max_length=8, choices=STATES)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    compared = {
        (p.column.table, p.column.column)
        for query in snapshot.source.queries
        if query.query
        for p in query.query.predicates
        if p.operator in ("=", "in", "<>")
        and any(parameter.origin == "constant" for parameter in query.parameters[p.parameter - 1 : p.parameter])
    }
    found = [
        (table, column)
        for table in snapshot.source.tables
        if table.framework == "django" and table.owned and table.managed
        for column in table.columns
        if (table.name, column.name) in compared and _is_open(table, column, limits)
    ]
    if not found:
        return
    tables = list(dict.fromkeys(table.name for table, _ in found))
    labels = [f"{model_name(table)}.{column.field}" for table, column in found]
    rows = max((r for name in tables if (r := rows_of(snapshot, name)) is not None), default=None)
    first, example = found[0]
    words = ", ".join(repr(choice[0]) for choice in example.option("choices"))
    name = f"{first.name[:40]}_{example.name[:14]}_known"
    yield Finding(
        title=f"{counted(len(found), 'list')} of choices that the database does not know",
        message=f"{listed(labels)} may hold only the words of their choices, which code compares with, and no check constraint says so.",
        objects=tuple(
            ObjectRef("column", column.name, table.schema or "public", table.name, (column.name,))
            for table, column in found
        ),
        impact=Impact(rows, "rows", 10_000, 1e9)
        if rows is not None
        else Impact(len(found), "columns", 1, 100, estimated=True),
        evidence={"columns": labels},
        confidence="medium",
        change=_change(snapshot, found),
        next_step=f"Begin with the columns whose wrong word would cost most. For {labels[0]}: add models.CheckConstraint("
        f'condition=Q({example.field}__in=[{words}]), name="{name}") to the Meta.constraints of {model_name(first)} ({first.place}).',
        identity="together",
        locations=locations([column_place(table, column.name) for table, column in found], 40),
    )


def _change(snapshot: Snapshot, found: list[tuple[SourceTable, SourceColumn]]) -> Change | None:
    operations = [
        step
        for table, column in found
        if all(isinstance(choice[0], str) and isinstance(choice[1], str) for choice in column.option("choices"))
        and (change := check_change(snapshot, table, (column.name,), _condition(column)))
        for step in change.operations
    ]
    return (
        Change(tuple(operations), "It fails, and changes nothing, while rows hold other words.") if operations else None
    )


def _condition(column: SourceColumn) -> str:
    """What may stand there; an empty text, too, where the field says so."""
    words = [choice[0] for choice in column.option("choices")]
    words += [""] if column.option("blank") and "" not in words else []
    return f"{quote_identifier(column.name)} IN ({', '.join(map(quote_literal, words))})"


def _is_open(table: SourceTable, column: SourceColumn, limits: Limits) -> bool:
    choices = column.option("choices")
    if not isinstance(choices, list | tuple) or not 1 < len(choices) <= limits["choices"]:
        return False
    return column.references is None and not any(
        c.kind == "check" and f'"{column.name}"' in (c.condition or "") and " IN " in (c.condition or "").upper()
        for c in table.constraints
    )
