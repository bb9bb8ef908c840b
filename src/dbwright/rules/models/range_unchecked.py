"""Validators say which values a column may have, and the database does not know.

## Why it matters

Validators run in forms and serializers; `save()`, `update()`, bulk writes, other services and SQL by hand run none of them.
A check constraint holds for all of these, and the planner knows it.

## When to ignore

When the bound is a matter of the form (a hint to users) and other values are right elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, locations, model_name, rows_of, table_named
from dbwright.model.change import AddRangeCheck, Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.indexing import free_name
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("BP-16", "CH-08")
YIELDS_TO = ("constraints/range-unchecked",)

_MODELS = """\
from django.core.validators import MaxValueValidator, MinLengthValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class Member(models.Model):
    {0}
{1}"""
_SCORE = "score = models.DecimalField(max_digits=5, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(100)])"
_CHECK = """
    class Meta:
        constraints = [models.CheckConstraint(condition=Q(score__gte=0, score__lte=100), name="score_range")]
"""


def _models(field: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field, meta)}


BAD = (
    Sample(source=_models(_SCORE)),
    Sample(source=_models("rate = models.IntegerField(validators=[MaxValueValidator(5)])\n    " + _SCORE)),
)
GOOD = (
    Sample(source=_models(_SCORE, _CHECK)),
    Sample(source=_models("score = models.IntegerField()")),
    # Django makes the check by itself.
    Sample(source=_models("score = models.PositiveIntegerField(validators=[MinValueValidator(0)])")),
    Sample(source=_models("name = models.CharField(max_length=9, validators=[MinLengthValidator(3)])")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, columns)
        for table in snapshot.source.tables
        if table.framework == "django" and table.owned and table.managed and (columns := _open(table))
    ]
    yield from told_once(found, "{} tables have ranges that only validators know", singly=limits["tables"])


def _open(table: SourceTable) -> list[tuple[SourceColumn, list[tuple[str, float]]]]:
    texts = [c.condition or "" for c in table.constraints if c.kind == "check"]
    result = []
    for column in table.columns:
        bounds = _bounds(column)
        checked = [text for text in texts if f'"{column.name}"' in text]
        if column.field_class.startswith("Positive"):
            bounds = [(name, value) for name, value in bounds if name != "MinValueValidator" or value > 0]
            checked = [text for text in checked if text.strip() != f'"{column.name}" >= 0']
        if bounds and not checked:
            result.append((column, bounds))
    return result


def _bounds(column: SourceColumn) -> list[tuple[str, float]]:
    said = zip(("MinValueValidator", "MaxValueValidator"), column.validated_range, strict=True)
    return [(name, value) for name, value in said if value is not None]


def _finding(
    snapshot: Snapshot, table: SourceTable, columns: list[tuple[SourceColumn, list[tuple[str, float]]]]
) -> Finding:
    names = [column.name for column, _ in columns]
    rows = rows_of(snapshot, table.name)
    said = [f"{column.name} {_words(bounds)}" for column, bounds in columns]
    lookups = ", ".join(
        f"{column.field}__{'gte' if name.startswith('Min') else 'lte'}={value:g}"
        for column, bounds in columns
        for name, value in bounds
    )
    return Finding(
        title=f"{model_name(table)}: only validators hold {listed(names, 2)} in range"[:79],
        message=f"Validators of {table.name} say {listed(said)}; no check constraint does, and save() and update() run no validators.",
        objects=tuple(column_ref(table, name) for name in names),
        impact=Impact(rows, "rows", 1_000, 1e9) if rows is not None else Impact(1, "tables", 1, 50, estimated=True),
        evidence={"ranges": said},
        confidence="medium" if rows is not None else "low",
        change=_change(snapshot, table, columns),
        next_step=f'Add models.CheckConstraint(condition=Q({lookups}), name="{table.name[:40]}_in_range") to the Meta.constraints of '
        f"{model_name(table)} ({table.place}), after correcting rows outside.",
        identity=table.name,
        locations=locations([column_place(table, name) for name in names]),
    )


def _change(
    snapshot: Snapshot, table: SourceTable, columns: list[tuple[SourceColumn, list[tuple[str, float]]]]
) -> Change | None:
    found = table_named(snapshot, table.name)
    if found is None:
        return None
    return Change(
        tuple(
            AddRangeCheck(
                found.schema,
                found.name,
                free_name(snapshot.catalog, found, (column.name,), "check"),
                column.name,
                *column.validated_range,
            )
            for column, _ in columns
        ),
        "It fails, and changes nothing, while rows are outside: correct these first.",
    )


def _words(bounds: list[tuple[str, float]]) -> str:
    return " and ".join(f"{'≥' if name.startswith('Min') else '≤'} {value:g}" for name, value in bounds)
