"""A ranking is computed from all rows of a growing table on each request.

## Why it matters

To show the ten most popular, every vote, sale or visit is joined, grouped and sorted; the cost grows with the history, not with what is
shown.
No index helps, because the sum of a group is in none.

## When to ignore

When the rows of the last few days are few and an index finds them, or the answer is cached already.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import is_aid, is_batch, locations, model_name, own_tables, rows_of, size_of, source_table_ref
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "rows": 20_000,
    # More tables than this and it is a habit of the project: one message.
    "tables": 2,
}
COVERS = ("counter-cache-candidate", "BP-19", "BP-22")

_MODELS = """\
from django.db import models
from django.db.models import Count, Sum


class Promo(models.Model):
    title = models.CharField(max_length=80)


class Visit(models.Model):
    promo = models.ForeignKey(Promo, models.CASCADE)
    seconds = models.IntegerField()
    created_at = models.DateTimeField({1})


def view(request):
    return list(Promo.objects.{0})
"""


def _module(body: str, created: str = "auto_now_add=True") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body, created)}


BAD = (
    Sample(source=_module("annotate(n=Count('visit')).order_by('-n')[:10]")),
    Sample(source=_module("annotate(n=Sum('visit__seconds')).order_by('-n', 'title')")),
)
GOOD = (
    # For the rows shown alone.
    Sample(source=_module("annotate(n=Count('visit')).order_by('title')[:10]")),
    Sample(source=_module("filter(pk=7).annotate(n=Count('visit')).order_by('-n')")),
    Sample(source=_module("order_by('-title')[:10]")),
    # A table that does not grow by itself.
    Sample(source=_module("annotate(n=Count('visit')).order_by('-n')[:10]", "null=True")),
)

_AGGREGATE = re.compile(r"\b(count|sum|avg|max|min)\s*\(", re.IGNORECASE)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    growing = {table.name: table for table in own_tables(snapshot) if _grows(snapshot, table, limits)}
    groups: defaultdict[str, list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if is_aid(query.issued) or is_batch(query.issued) or not _is_ranking(query):
            continue
        read = (
            [t.name for t in query.query.tables if t.name in growing and t.name != query.table] if query.query else []
        )
        if read and not _is_narrow(snapshot, query):
            groups[read[0]].append(query)
    found = [_finding(snapshot, growing[name], queries, limits) for name, queries in groups.items()]
    yield from told_once(found, "Rankings are computed from {} growing tables on each request", singly=limits["tables"])


def _grows(snapshot: Snapshot, table: SourceTable, limits: Limits) -> bool:
    rows = rows_of(snapshot, table.name)
    if rows is not None:
        return rows >= limits["rows"]
    return any(column.option("auto_now_add") for column in table.columns)


def _is_ranking(query: SourceQuery) -> bool:
    """Ordered by an aggregate of each group."""
    taken = query.query
    if taken is None or not taken.group_by or query.issued_by not in ("rows", "first"):
        return False
    return any(key.column is None and _AGGREGATE.search(key.expression) for key in taken.order_by)


def _is_narrow(snapshot: Snapshot, query: SourceQuery) -> bool:
    """For one row of the table that is asked for, or what refers to one row."""
    table = snapshot.source.table_by_name.get(query.table or "")
    known = {c.name for c in table.columns if c.primary_key or c.unique or c.references} if table else set()
    return any(
        p.operator == "=" and p.narrows and p.value != "column" and p.column.column in known
        for p in (query.query.predicates if query.query else ())
    )


def _finding(snapshot: Snapshot, table: SourceTable, queries: Sequence[SourceQuery], limits: Limits) -> Finding:
    rows = rows_of(snapshot, table.name)
    first = queries[0]
    places = list(dict.fromkeys(query.issued for query in queries))
    return Finding(
        title=f"{model_name(table)} summed up for a ranking on each request"[:79],
        message=f"{places[0]} orders {first.table} by an aggregate over {table.name} ({size_of(snapshot, table.name)}): all rows are "
        "read and grouped each time.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", limits["rows"], 1e8)
        if rows is not None
        else Impact(len(places), "places", 1, 30, estimated=True),
        evidence={"places": [str(place) for place in places[:20]]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Keep the figure in a column of {first.table} that is updated with each row or by a task, use a materialized view that "
        f"is refreshed on schedule, or cache the answer made at {first.made} for some minutes.",
        identity=table.name,
        locations=locations([p for q in queries for p in (q.issued, q.made)]),
    )
