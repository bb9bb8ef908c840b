"""Pages are counted off with OFFSET over a table that grows.

## Why it matters

OFFSET reads and throws away every row before the page: page 1,000 costs a thousand times page 1, and a count of all rows comes on top.
A cursor over the last key seen starts where the page starts.

## When to ignore

When nobody goes far: the number of pages is bounded, or the table stays small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    is_aid,
    is_batch,
    locations,
    model_name,
    rows_of,
    size_of,
    skips_as_told,
    source_table_ref,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is how the project pages: one message.
LIMITS: dict[str, float] = {"rows": 10_000, "tables": 2}
COVERS = ("DL-06", "BP-24")

_MODELS = """\
from django.db import models


class Note(models.Model):
    title = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)


def view(request):
    n = int(request.GET.get("n", 0))
    {}
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


BAD = (Sample(source=_module("return list(Note.objects.order_by('-created_at', 'id')[n : n + 20])")),)
GOOD = (
    Sample(source=_module("return list(Note.objects.filter(pk__lt=n).order_by('-id')[:20])")),
    Sample(source=_module("return list(Note.objects.order_by('-id')[:n])")),
    Sample(source=_module("return list(Note.objects.order_by('-id')[20:40])")),
    Sample(source=_module("return Note.objects.order_by('-id')[1]")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[str, list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued) or is_batch(query.issued) or "admin" in query.issued.file:
            continue
        table = snapshot.source.table_by_name.get(query.table or "")
        if (
            skips_as_told(query)
            and query.issued_by == "rows"
            and table is not None
            and table.owned
            and _grows(snapshot, table.name, limits)
        ):
            groups[table.name].append(query)
    found = [_finding(snapshot, name, queries, limits) for name, queries in groups.items()]
    yield from told_once(found, "{} tables are paged by OFFSET without an end", singly=limits["tables"])


def _grows(snapshot: Snapshot, name: str, limits: Limits) -> bool:
    rows = rows_of(snapshot, name)
    if rows is not None:
        return rows >= limits["rows"]
    table = snapshot.source.table_by_name[name]
    return any(
        column.option("auto_now_add") or "now" in str(column.option("server_default") or "") for column in table.columns
    )


def _finding(snapshot: Snapshot, name: str, queries: Sequence[SourceQuery], limits: Limits) -> Finding:
    table = snapshot.source.table_by_name[name]
    rows = rows_of(snapshot, name)
    first = queries[0]
    return Finding(
        title=f"{model_name(table)}: pages by OFFSET without an end"[:79],
        message=f"{first.issued} skips as many rows of {name} as the request says ({size_of(snapshot, name)}); every page reads "
        "all before it.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000)
        if rows is not None
        else Impact(len({q.issued for q in queries}), "places", 1, 30, estimated=True),
        evidence={"places": sorted({str(q.issued) for q in queries})[:20]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Page by the last key seen: order by columns that end in {_key(queries)} and filter for those after it "
        f"where the query is made at {first.made} (CursorPagination in Django REST framework); or bound how far pages go.",
        identity=name,
        locations=locations([p for q in queries for p in (q.made, q.issued)]),
    )


def _key(queries: Sequence[SourceQuery]) -> str:
    keys = [key.column.column for q in queries if q.query for key in q.query.order_by if key.column]
    return keys[-1] if keys else "the primary key"
