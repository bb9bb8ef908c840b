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
from dbwright.model.parents import is_written_by_accounts, keeps_events, scope_of
from dbwright.model.sample import Sample
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is how the project pages: one message.
LIMITS: dict[str, float] = {"rows": 10_000, "tables": 1}
COVERS = ("DL-06", "BP-24")

_MODELS = """\
from django.db import models


class Note(models.Model):
    title = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)


class Event(models.Model):
    note = models.ForeignKey(Note, models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)


def view(request):
    n = int(request.GET.get("n", 0))
    {}
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


BAD = (Sample(source=_module("return list(Event.objects.order_by('-created_at', 'id')[n : n + 20])")),)
GOOD = (
    # What people write one by one, and what one parent has.
    Sample(source=_module("return list(Note.objects.order_by('-created_at', 'id')[n : n + 20])")),
    Sample(
        source=_module(
            "return list(Event.objects.filter(note=request.GET['note']).order_by('-created_at')[n : n + 20])"
        )
    ),
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
            and _grows(snapshot, table, limits)
            and scope_of(snapshot, query.query, table) not in ("row", "rows", "parent")
        ):
            groups[table.name].append(query)
    found = [_finding(snapshot, name, queries, limits) for name, queries in groups.items()]
    yield from told_once(found, "{} tables are paged by OFFSET without an end", singly=limits["tables"])


def _grows(snapshot: Snapshot, table: SourceTable, limits: Limits) -> bool:
    """Measured, or by what it keeps: what happens comes in by itself, and what users write does not end."""
    rows = rows_of(snapshot, table.name)
    if rows is not None:
        return rows >= limits["rows"]
    set_up = shape_of_source(snapshot, table).is_set_up
    return keeps_events(snapshot, table) or (is_written_by_accounts(table) and not set_up)


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
        else Impact(len({q.issued for q in queries}), "places", 10, 100, estimated=True),
        evidence={"places": sorted({str(q.issued) for q in queries})[:20]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Page by the last key seen: order by {_order(table, queries)} and filter for what comes after it "
        f"where the query is made at {first.made} (CursorPagination in Django REST framework); or bound how far pages go.",
        identity=name,
        locations=locations([p for q in queries for p in (q.made, q.issued)]),
    )


def _order(table: SourceTable, queries: Sequence[SourceQuery]) -> str:
    """The order that the pages have, ended by the primary key, without which equal rows are passed over."""
    key = next((column.name for column in table.columns if column.primary_key), "the primary key")
    orders = [[k.column.column for k in q.query.order_by if k.column] for q in queries if q.query and q.query.order_by]
    return listed(dict.fromkeys([*(orders[0] if orders else []), key]))
