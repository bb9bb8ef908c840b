"""Rows are sought by what an array, a JSON document or a text vector holds, without an index that knows what is inside.

## Why it matters

``@>``, ``&&``, ``?`` and ``@@`` look into the value: no B-tree serves them, so every row is fetched and taken apart, large ones from their
TOAST table.
A GIN index holds each element once with the rows that have it (PostgreSQL's documentation, "GIN Indexes"); ranges want GiST.

## When to ignore

When the table stays small, or other conditions leave few rows. A GIN index costs more per write than a B-tree: where values change with
every request and are sought once a day, it is the wrong trade.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import column_ref, is_aid, locations, model_name, rows_of, runs_once, size_of, unique_keys
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.query import Predicate
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "rows": 10_000,
    # More tables than this and it is a habit of the project: one message.
    "tables": 2,
}
COVERS = ("btree-on-array",)

_MODELS = """\
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Job(models.Model):
    owner = models.ForeignKey("auth.User", models.CASCADE, related_name="+")
    holds = ArrayField(models.TextField())
    data = models.JSONField(default=dict)
    name = models.TextField()
{1}

def view(request):
    return list(Job.objects.{0})
"""
_META = "\n    class Meta:\n        indexes = [{}]\n"


def _module(query: str, index: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(query, _META.format(index) if index else "")}


BAD = (
    # Pulp: tasks by the resources that they hold.
    Sample(source=_module("filter(holds__overlap=request.GET.getlist('of'))")),
    Sample(source=_module("filter(holds__contains=['x'], name='a')")),
    Sample(source=_module("filter(data__contains={'kind': 'x'})")),
    Sample(source=_module("filter(data__has_key='kind')")),
    # A B-tree holds the whole array.
    Sample(source=_module("filter(holds__contains=['x'])", "models.Index(fields=['holds'], name='whole')")),
)
GOOD = (
    Sample(source=_module("filter(holds__overlap=['x'])", "GinIndex(fields=['holds'], name='inside')")),
    Sample(source=_module("filter(holds=['x'])")),
    Sample(source=_module("filter(name__contains='x')")),
    # Few rows are left.
    Sample(source=_module("filter(pk=7, holds__contains=['x'])")),
    Sample(source=_module("filter(owner=request.user, holds__contains=['x'])")),
    # What a row does not hold is no search.
    Sample(source=_module("exclude(holds__contains=['x'])")),
    Sample(source=_module("filter(holds__len=0)")),
)

_INSIDE = frozenset(("@>", "<@", "&&", "?", "?|", "?&", "@@"))
_METHODS = frozenset(("gin", "gist", "spgist", "rum"))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[tuple[SourceQuery, Predicate]]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued) or runs_once(query):
            continue
        for predicate in query.query.predicates:
            table = snapshot.source.table_by_name.get(predicate.column.table)
            if table is not None and table.owned and _searches(query, predicate, table):
                groups[table.name, predicate.column.column].append((query, predicate))
    found = []
    for (name, column), uses in groups.items():
        table = snapshot.source.table_by_name[name]
        rows = rows_of(snapshot, name)
        if not _is_indexed(table, column) and (rows is None or rows >= limits["rows"]):
            found.append(_finding(snapshot, table, column, uses, limits))
    yield from told_once(found, "{} tables are sought by what a value holds, unindexed", singly=limits["tables"])


def _searches(query: SourceQuery, predicate: Predicate, table: SourceTable) -> bool:
    """Whether the rows of a table are sought by what is inside a column, and nothing beside that leaves few of them."""
    if predicate.operator not in _INSIDE or predicate.negated or predicate.wrapped or not predicate.narrows:
        return False
    if query.query is None or predicate.clause != "where" or query.query.verb == "insert":
        return False
    keys = {name for key in unique_keys(table) if len(key) == 1 for name in key}
    few = keys | {column.name for column in table.columns if column.references or column.type == "uuid"}
    return not any(
        beside.narrows
        and beside.operator in ("=", "in")
        and not beside.negated
        and not beside.wrapped
        and beside.column.alias == predicate.column.alias
        and beside.column.column in few
        for beside in query.query.predicates
    )


def _is_indexed(table: SourceTable, column: str) -> bool:
    return any(index.method in _METHODS and column in index.columns for index in table.indexes)


def _finding(
    snapshot: Snapshot, table: SourceTable, name: str, uses: Sequence[tuple[SourceQuery, Predicate]], limits: Limits
) -> Finding:
    first, predicate = uses[0]
    rows = rows_of(snapshot, table.name)
    column = table.column(name)
    method = "gist" if column is not None and (column.type or "").endswith("range") else "gin"
    index = (
        f'{method.title()}Index(fields=["{column.field if column else name}"], name="{(table.name + "_" + name)[:25]}_in")'
        if table.framework == "django"
        else f'Index("{(table.name + "_" + name)[:50]}_in", "{name}", postgresql_using="{method}")'
    )
    return Finding(
        title=f"{model_name(table)} is sought by what {name} holds, without an index"[:79],
        message=f"{first.issued} seeks rows of {table.name} with {name} {predicate.operator} … ({size_of(snapshot, table.name)}), and no "
        f"{method.upper()} index is on {name}: each row is fetched and looked into.",
        objects=(column_ref(table, name),),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000)
        if rows is not None
        else Impact(len({query.issued for query, _ in uses}), "places", 1, 30, estimated=True),
        evidence={
            "operators": sorted({p.operator for _, p in uses}),
            "places": sorted({str(query.issued) for query, _ in uses})[:20],
            "sql": first.sql,
            "rows": rows if rows is not None else "not measured",
        },
        confidence="medium" if rows is not None else "low",
        next_step=f"Add {index} to {model_name(table)} ({table.place}), built concurrently.",
        identity=f"{table.name}.{name}",
        locations=locations([p for query, _ in uses for p in (query.made, query.issued)]),
    )
