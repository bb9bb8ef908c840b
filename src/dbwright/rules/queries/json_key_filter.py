"""Rows are filtered or sorted by a key inside a JSON column.

## Why it matters

A key inside JSON has no statistics, no type and no constraint: the planner guesses how many rows match, each row's document is unpacked to
look, and what is text in one row may be a number in the next.
A column, or a generated one, has all of it and takes an index.

## When to ignore

When the keys are the users' own and cannot be known beforehand (a GIN index then serves `contains`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import column_ref, is_aid, locations, model_name, rows_of, size_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {"rows": 1_000}
COVERS = ("CH-06",)

_MODELS = """\
from django.db import models
from django.db.models import Index
from django.db.models.fields.json import KeyTextTransform


class Report(models.Model):
    data = models.JSONField()
    total = models.IntegerField(default=0)
{0}

def view(request):
    return list(Report.objects.{1})
"""


def _module(query: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(meta, query)}


BAD = (
    # The index is of another key.
    Sample(
        source=_module(
            "annotate(kind=KeyTextTransform('kind', 'data')).filter(kind=request.GET['k'])",
            '\n    class Meta:\n        indexes = [Index(KeyTextTransform("kinds", "data"), name="report_kind")]\n',
        )
    ),
    Sample(source=_module("filter(data__total__gte=request.GET['n'])")),
    Sample(source=_module("order_by('-data__total')")),
    # Two keys of one column are one message.
    Sample(source=_module("filter(data__kind='x').order_by('data__total')")),
)
GOOD = (
    Sample(source=_module("filter(total__gte=1)")),
    # An index of the key; a key that the request names.
    Sample(
        source=_module(
            "annotate(kind=KeyTextTransform('kind', 'data')).filter(kind=request.GET['k'])",
            '\n    class Meta:\n        indexes = [Index(KeyTextTransform("kind", "data"), name="report_kind")]\n',
        )
    ),
    Sample(source=_module("filter(**{'data__' + request.GET['key']: 'x'})")),
    # Containment is what GIN is for.
    Sample(source=_module("filter(data__contains={'kind': 'x'})")),
    Sample(source=_module("filter(pk=1, data__total=2)")),
    Sample(source=_module("values('data__total')")),
    Sample(source=_module("filter(data__isnull=False)")),
)

_KEY = re.compile(r'"?(\w+)"?\s*(->>?|#>>?)\s*(\$\d+|\'[^\']*\')')


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[tuple[SourceQuery, str]]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued):
            continue
        for table_name, column, operator, key in _keys(query):
            table = snapshot.source.table_by_name.get(table_name)
            found = table.column(column) if table is not None else None
            if (
                key.startswith("contains")
                or key == _UNTOLD
                or (table is not None and _has_index(table, column, operator, key))
            ):
                continue  # a lookup of the project's own; a key that is told at run time; one that an index of the expression serves
            if table is not None and table.owned and found is not None and found.type in ("jsonb", "json"):
                groups[table_name, column].append((query, key))
    for (name, column), uses in groups.items():
        rows = rows_of(snapshot, name)
        if rows is None or rows >= limits["rows"]:
            yield _finding(snapshot, snapshot.source.table_by_name[name], column, uses, limits)


def _keys(query: SourceQuery) -> Iterator[tuple[str, str, str, str]]:
    """Tables and columns of JSON with the operator and the key by which they are taken apart."""
    if query.query is None:
        return
    key_equal = any(
        p.narrows and p.operator == "=" and p.column.column == "id" and not p.wrapped for p in query.query.predicates
    )
    if key_equal:
        return
    for predicate in query.query.predicates:
        match = _KEY.search(predicate.wrapped) if predicate.wrapped else None
        if match and predicate.clause == "where" and predicate.operator not in ("@>", "is null", "is not null"):
            yield predicate.column.table, predicate.column.column, match[2], _name(query, match[3])
    for order in query.query.order_by:
        match = _KEY.search(order.expression) if order.expression else None
        if match and query.table:
            yield query.table, match[1], match[2], _name(query, match[3])


_UNTOLD = "a key"


def _has_index(table: SourceTable, column: str, operator: str, key: str) -> bool:
    """Some index holds the column taken apart by the same operator and key: ``->`` gives JSON, ``->>`` text."""
    same = re.compile(rf'\b{re.escape(column)}"?\s*{re.escape(operator)}\s*[\'"{{]+{re.escape(key)}\W')
    return any(same.search(text) is not None for index in table.indexes for text in index.columns if text != column)


def _name(query: SourceQuery, text: str) -> str:
    if text.startswith("$"):
        number = int(text[1:])
        parameter = query.parameters[number - 1] if number <= len(query.parameters) else None
        return str(parameter.value) if parameter is not None and parameter.origin == "constant" else _UNTOLD
    return text.strip("'")


def _finding(
    snapshot: Snapshot, table: SourceTable, column: str, uses: Sequence[tuple[SourceQuery, str]], limits: Limits
) -> Finding:
    keys = list(dict.fromkeys(key for _, key in uses))
    rows = rows_of(snapshot, table.name)
    first = uses[0][0]
    return Finding(
        title=f"{model_name(table)}.{column}: rows are sought by {listed(keys, 2)} inside JSON"[:79],
        message=f"{first.issued} filters or sorts {table.name} by {listed(keys)} inside {column} ({size_of(snapshot, table.name)}): the "
        "planner has no statistics of it and reads every document.",
        objects=(column_ref(table, column),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000)
        if rows is not None
        else Impact(len({q.issued for q, _ in uses}), "places", 10, 100, estimated=True),
        evidence={"keys": keys, "places": sorted({str(q.issued) for q, _ in uses})[:20]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Give {listed(keys)} columns of their own in {model_name(table)} ({table.place}): filled by save() or as "
        "GeneratedField, with the type that the values have, and an index where the query is frequent.",
        identity=f"{table.name}.{column}",
        locations=locations([p for q, _ in uses for p in (q.made, q.issued)]),
    )
