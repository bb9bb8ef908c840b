"""Pages are cut from an order that leaves ties open.

## Why it matters

Rows that are equal in every key of ORDER BY come in any order, another one for each query: a row on the edge of a page is shown on two
pages, and another on none.
Exports and API clients that walk all pages lose rows without a word.

## When to ignore

When the keys differ in practice. Moments are taken to differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    holds_key,
    is_aid,
    is_batch,
    locations,
    model_name,
    own_tables,
    rows_of,
    skips_as_told,
    source_table_ref,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("orm-implicit-ordering-random-key", "limit-without-order")

_MODELS = """\
from django.core.paginator import Paginator
from django.db import models


class Note(models.Model):
    title = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    day = models.DateField()
    written_at = models.DateTimeField(auto_now_add=True)


def view(request):
    notes = Note.objects.{}
    return [note.title for note in Paginator(notes, 20).get_page(request.GET["page"])]
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


BAD = (
    Sample(source=_module("order_by('-day')")),
    Sample(source=_module("all()")),
    Sample(source=_module("order_by('title', 'day')")),
)
GOOD = (
    Sample(source=_module("order_by('-day', 'pk')")),
    Sample(source=_module("order_by('slug')")),
    # Moments hardly repeat.
    Sample(source=_module("order_by('-written_at')")),
    # All rows at once, and the first few for a look.
    Sample(source=_module("order_by('day')\n    return list(notes)")),
    Sample(source=_module("order_by('day')\n    return list(notes[:5])")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    own = {table.name: table for table in own_tables(snapshot)}
    groups: defaultdict[str, list[SourceQuery]] = defaultdict(list)
    in_order = {(q.made, q.issued) for q in snapshot.source.queries if q.query is not None and q.query.order_by}
    for query in snapshot.source.queries:
        table = own.get(query.table or "")
        if query.query is not None and not query.query.order_by and (query.made, query.issued) in in_order:
            continue  # one of several ways to that line, and it may be none
        if table is not None and _is_page(query) and not _is_settled(query, table):
            groups[table.name].append(query)
    found = [_finding(snapshot, own[name], queries) for name, queries in groups.items()]
    yield from told_once(found, "{} tables are paged in an order that leaves ties open", singly=limits["tables"])


def _is_page(query: SourceQuery) -> bool:
    if query.query is None or query.issued_by != "rows" or query.partial:
        return False
    return skips_as_told(query) and not is_aid(query.issued) and not is_batch(query.issued) and not query.query.group_by


def _is_settled(query: SourceQuery, table: SourceTable) -> bool:
    """A unique key is among those of the order, or fixed by the condition; or a moment, which hardly repeats, or what another table or an
    expression gives, of which nothing is known."""
    assert query.query is not None
    keys = {key.column.column for key in query.query.order_by if key.column and key.column.table == table.name}
    keys |= {
        p.column.column
        for p in query.query.predicates
        if p.operator == "=" and p.narrows and p.column.table == table.name
    }
    moments = {column.name for column in table.columns if (column.type or "").startswith("timestamp")}
    others = [key for key in query.query.order_by if key.column is None or key.column.table != table.name]
    return bool(others or keys & moments) or holds_key(table, keys)


def _finding(snapshot: Snapshot, table: SourceTable, queries: Sequence[SourceQuery]) -> Finding:
    rows = rows_of(snapshot, table.name)
    first = next((q for q in queries if q.query and not q.query.order_by), queries[0])
    names = [key.column.column for key in first.query.order_by if key.column] if first.query else []
    order = f"ordered by {listed(names)} alone" if names else "in no order at all"
    places = list(dict.fromkeys(query.issued for query in queries))
    return Finding(
        title=f"{model_name(table)}: pages {order}"[:79],
        message=f"{places[0]} cuts pages from {table.name} {order}: rows that are equal there come in any order, so some are shown "
        "twice and some never.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", 1_000, 1e8)
        if rows is not None
        else Impact(len(places), "places", 1, 50, estimated=True),
        evidence={"places": [str(place) for place in places[:20]], "order": names},
        confidence="medium" if not names else "low",
        next_step=f"End the order in the primary key ({_order(table, names)}) where the query is made, at {first.made}.",
        identity=table.name,
        locations=locations([p for q in queries for p in (q.issued, q.made)]),
    )


def _order(table: SourceTable, names: Sequence[str]) -> str:
    if table.framework == "django":
        return f"order_by({', '.join(map(repr, [*names[:2], 'pk']))})"
    attributes = {column.name: column.field or column.name for column in table.columns}
    keys = [column.name for column in table.columns if column.primary_key]
    ends = dict.fromkeys(attributes[name] for name in (*names[:2], *keys) if name in attributes)
    return f"order_by({', '.join(f'{model_name(table)}.{name}' for name in ends)})"
