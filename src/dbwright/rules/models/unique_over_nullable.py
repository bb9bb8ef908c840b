"""A unique rule includes a column that may be NULL, and does not hold for the rows where it is.

## Why it matters

Two NULLs are never equal: the constraint lets any number of rows through that agree in all other columns.
It looks as if duplicates were impossible, and code relies on it.

## When to ignore

When rows without that value may repeat. From PostgreSQL 15 `NULLS NOT DISTINCT` says the other thing.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import column_ref, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("unique-index-nullable-column",)
YIELDS_TO = ("indexes/unique-over-nullable",)

_MODELS = """\
from django.db import models
from django.db.models import Q


class Place(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null={0})
    name = models.CharField(max_length=80)
    other = models.ForeignKey("self", models.CASCADE, null=True, related_name="+")

    class Meta:
        {1}


def roots(request):
    return list(Place.objects.filter(parent=None))
"""
_TOGETHER = 'unique_together = [("parent", "name")]'
_BOTH = """constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="a"),
            models.UniqueConstraint(fields=["name"], condition=Q(parent__isnull=True), name="b"),
        ]"""


def _models(null: bool, meta: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(null, meta)}


BAD = (
    Sample(source=_models(True, _TOGETHER)),
    Sample(source=_models(True, 'constraints = [models.UniqueConstraint(fields=["parent", "name"], name="a")]')),
)
GOOD = (
    # Nothing asks for rows without a parent: NULL says nothing there.
    Sample(
        source={
            "shop/__init__.py": "",
            "shop/models.py": _MODELS.format(True, _TOGETHER).replace("parent=None", "name='a'"),
        }
    ),
    Sample(source=_models(False, _TOGETHER)),
    Sample(source=_models(True, _BOTH)),
    Sample(
        source=_models(
            True,
            'constraints = [models.UniqueConstraint(fields=["parent", "name"], nulls_distinct=False, name="a")]',
        )
    ),
    # One of two parents, each with a rule of its own.
    Sample(source=_models(True, 'unique_together = [("parent", "name"), ("other", "name")]')),
    # An optional number: those without are not compared.
    Sample(source=_models(False, 'unique_together = [("parent", "other")]')),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, columns, nullable)
        for table in own_tables(snapshot)
        for columns, nullable in _open_rules(table)
        if nullable in _asked_for_null(snapshot, table)
    ]
    yield from told_once(found, "{} unique rules do not hold where a column is NULL", singly=limits["tables"])


def _asked_for_null(snapshot: Snapshot, table: SourceTable) -> set[str]:
    """The columns that some query asks for rows without a value of."""
    return {
        predicate.column.column
        for query in snapshot.source.queries_on(table.name)
        if query.query is not None
        for predicate in query.query.predicates
        if predicate.column.table == table.name and predicate.operator == "is null"
    }


def _open_rules(table: SourceTable) -> Iterator[tuple[tuple[str, ...], str]]:
    """Unique rules over a required column and one optional scope: a reference that some rows have none of."""
    optional = {column.name for column in table.columns if not column.not_null and not column.primary_key}
    scopes = {column.name for column in table.columns if column.references and column.name in optional}
    rules: list[tuple[tuple[str, ...], bool]] = [
        (c.columns, c.nulls_not_distinct) for c in table.constraints if c.kind == "unique" and c.columns
    ]
    rules += [(i.columns, i.nulls_not_distinct or bool(i.condition)) for i in table.indexes if i.unique and i.columns]
    for columns, settled in rules:
        nullable = [name for name in columns if name in optional]
        if settled or len(columns) < 2 or len(nullable) != 1 or nullable[0] not in scopes:
            continue
        rest = set(columns) - set(nullable)
        named = [c for c in table.columns if c.name in rest and c.references is None]
        others = [other for other, _ in rules if other != columns]
        if named and not any(set(other) & rest for other in others):
            yield columns, nullable[0]


def _finding(snapshot: Snapshot, table: SourceTable, columns: tuple[str, ...], nullable: str) -> Finding:
    rows = rows_of(snapshot, table.name)
    rest = [name for name in columns if name != nullable]
    fields = [column.field or column.name for column in table.columns if column.name in rest]
    names = ", ".join(f'"{field}"' for field in fields)
    scope = next(column.field or nullable for column in table.columns if column.name == nullable)
    second = (
        f'models.UniqueConstraint(fields=[{names}], condition=Q({scope}__isnull=True), name="…")'
        if table.framework == "django"
        else f'Index("…", {names}, unique=True, postgresql_where=text("{nullable} IS NULL"))'
    )
    return Finding(
        title=f"{model_name(table)}: {listed(columns, 3)} may repeat without {nullable}"[:79],
        message=f"The unique rule of {table.name} over {listed(columns)} does not hold where {nullable} is NULL: any number of such rows "
        f"may have the same {listed(rest)}.",
        objects=tuple(column_ref(table, name) for name in columns),
        impact=Impact(rows, "rows", 1_000, 1e9) if rows is not None else Impact(1, "rules", 1, 50, estimated=True),
        evidence={"columns": list(columns), "nullable": nullable},
        confidence="medium" if rows is not None else "low",
        next_step=f"Add {second} to {model_name(table)} ({table.place}), after merging such rows.",
        identity=f"{table.name}:{'+'.join(columns)}",
        locations=locations([table.place]),
    )
