"""A unique rule counts rows that are marked as deleted.

## Why it matters

To the user the row is gone, to the constraint it is there: what was deleted cannot be made again, and the insert fails with an error
that nobody understands.
A constraint with a condition leaves the deleted rows out.

## When to ignore

When a value must never be used again, also not after its owner is gone (names of accounts, numbers of invoices).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import column_ref, equal_columns, is_library, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS: tuple[str, ...] = ()

_MODELS = """\
from django.db import models
from django.db.models import Q


class Present(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter({0})


class Account(models.Model):
    title = models.TextField()


class Label(models.Model):
    account = models.ForeignKey(Account, models.CASCADE)
    name = models.CharField(max_length=80)
    {1}

    objects = Present()
    every = models.Manager()

    class Meta:
        {2}


def all_of(account):
    return list(Label.objects.filter(account=account))
{3}"""
_SINCE = "deleted_at = models.DateTimeField(null=True)"
_TOGETHER = 'constraints = [models.UniqueConstraint(fields=["account", "name"], name="once"{})]'
_REVIVED = """

def again(account, name):
    label = Label.every.get(account=account, name=name)
    label.deleted_at = None
    label.save()
"""


def _models(
    field: str = _SINCE,
    meta: str = _TOGETHER.format(""),
    condition: str = "deleted_at__isnull=True",
    more: str = "",
) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(condition, field, meta, more)}


BAD = (
    Sample(source=_models()),
    Sample(source=_models(meta='unique_together = [("account", "name")]')),
    Sample(
        source=_models("is_deleted = models.BooleanField(default=False)", condition="is_deleted=False"),
    ),
)
GOOD = (
    Sample(source=_models(meta=_TOGETHER.format(", condition=Q(deleted_at__isnull=True)"))),
    Sample(source=_models(meta='unique_together = [("account", "name", "deleted_at")]')),
    # Nothing leaves the deleted rows out.
    Sample(source=_models(condition="")),
    # A number made up for each row never comes twice.
    Sample(source=_models(_SINCE + "\n    token = models.UUIDField(unique=True)", meta="ordering = ['name']")),
    # The name of somebody who is gone is not given to another.
    Sample(source=_models(_SINCE + "\n    password = models.CharField(max_length=128)")),
    # The row that was deleted is looked for and taken again.
    Sample(source=_models(more=_REVIVED)),
)

_DELETED = re.compile(r"^(is_)?(soft_)?(deleted|removed)(_(at|on|date|time|datetime))?$|^date_(deleted|removed)$")
_MADE_UP = re.compile(r"uuid|guid|token|secret|hash|(^|_)key$|password|_(id|ref)$|email|username|serial|number")
"""Values that are made for each row, given by other systems, or never to be used again."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, deleted, columns)
        for table in own_tables(snapshot)
        for deleted in _deleted(table)
        for columns in _rules(table, deleted)
        if _is_left_out(snapshot, table, deleted, columns)
    ]
    yield from told_once(found, "{} unique rules count rows that are marked as deleted", singly=limits["tables"])


def _deleted(table: SourceTable) -> list[SourceColumn]:
    """The column that marks rows as deleted."""
    kinds = ("boolean", "timestamp", "date")
    named = [c for c in table.columns if _DELETED.search(c.name.lower()) and (c.type or "").startswith(kinds)]
    return named[:1]


def _rules(table: SourceTable, deleted: SourceColumn) -> Iterator[tuple[str, ...]]:
    """Unique rules for all rows over what people choose. The names of accounts stay taken on purpose."""
    if table.column("password") is not None:
        return
    by_name = {column.name: column for column in table.columns}
    rules = [c.columns for c in table.constraints if c.kind == "unique" and not c.condition]
    rules += [i.columns for i in table.indexes if i.unique and not i.condition and not any(i.is_expression)]
    for columns in dict.fromkeys(rules):
        known = [by_name[name] for name in columns if name in by_name]
        if not columns or len(known) < len(columns) or deleted.name in columns or any(c.primary_key for c in known):
            continue
        if not any(c.references is None and (c.type == "uuid" or _is_made_up(c) or _is_counted(c)) for c in known):
            yield columns


def _is_made_up(column: SourceColumn) -> bool:
    return is_library(column) or bool(_MADE_UP.search(column.name.lower()))


def _is_counted(column: SourceColumn) -> bool:
    """A number that goes on where it was: nobody takes one of before."""
    return (column.type or "").startswith(("integer", "bigint", "smallint")) and column.references is None


def _is_left_out(snapshot: Snapshot, table: SourceTable, deleted: SourceColumn, columns: tuple[str, ...]) -> bool:
    """Queries pass over deleted rows, and none looks for one with the same values."""
    queries = [q for q in snapshot.source.queries_on(table.name) if q.table == table.name and q.query is not None]
    if not any(_passes_over(query, table, deleted) for query in queries):
        return False
    return not any(
        set(columns) <= equal_columns(query, table.name) and not _passes_over(query, table, deleted)
        for query in queries
        if query.issued_by in ("get", "first", "exists", "rows")
    )


def _passes_over(query: SourceQuery, table: SourceTable, deleted: SourceColumn) -> bool:
    return any(
        (p.column.table, p.column.column) == (table.name, deleted.name)
        and (p.operator == "is null" or p.value == "false")
        for p in (query.query.predicates if query.query else ())
    )


def _finding(snapshot: Snapshot, table: SourceTable, deleted: SourceColumn, columns: tuple[str, ...]) -> Finding:
    rows = rows_of(snapshot, table.name)
    fields = [column.field or column.name for column in table.columns if column.name in columns]
    names = ", ".join(f'"{field}"' for field in fields)
    is_flag = deleted.type == "boolean"
    constraint = (
        f"models.UniqueConstraint(fields=[{names}], condition=Q({deleted.field}{'=False' if is_flag else '__isnull=True'}), "
        f'name="…")'
        if table.framework == "django"
        else f'Index("…", {", ".join(map(repr, columns))}, unique=True, '
        f'postgresql_where=text("{f"NOT {deleted.name}" if is_flag else f"{deleted.name} IS NULL"}"))'
    )
    return Finding(
        title=f"{model_name(table)}: what was deleted keeps its {listed(fields, 3)} taken"[:79],
        message=f"The unique rule of {table.name} over {listed(columns)} counts rows with {deleted.name} set, which queries leave out: "
        "after a row is deleted, one with the same values cannot be made.",
        objects=tuple(column_ref(table, name) for name in columns),
        impact=Impact(rows, "rows", 1_000, 1e9) if rows is not None else Impact(1, "rules", 1, 50, estimated=True),
        evidence={"columns": list(columns), "deleted": deleted.name},
        confidence="medium",
        next_step=f"Put {constraint} in its place in {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{'+'.join(columns)}",
        locations=locations([table.place]),
    )
