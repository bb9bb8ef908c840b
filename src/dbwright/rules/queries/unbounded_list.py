"""A request fetches all rows of a table that grows with use.

## Why it matters

The page is quick in the first month; time, memory and the answer's size then grow with every row that anybody adds, until the request runs
into its time limit.
Nothing in the query stops it: neither a limit nor a condition that leaves the rows of one owner.

## When to ignore

When the table is known to stay small, or the answer is an export that is meant to hold everything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    is_aid,
    is_batch,
    is_told,
    locations,
    model_name,
    own_tables,
    rows_of,
    size_of,
    skips_as_told,
    source_table_ref,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.parents import is_written_by_accounts
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import with_rows
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # Rows from which on a page that holds all of them is of no use to anybody.
    "rows": 2_000,
    # More tables than this and it is a habit of the project: one message.
    "tables": 2,
}
COVERS = ("select-without-where", "CH-09")

_MODELS = """\
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render


class Order(models.Model):
    buyer = models.ForeignKey("auth.User", models.CASCADE)
    note = models.TextField()
    is_open = models.BooleanField(default=True)
    made_at = models.DateTimeField({})


class Kind(models.Model):
    name = models.TextField()
"""


_PAGED = "[o.note for o in Paginator(Order.objects.order_by('pk'), 20).page(request.GET['p'])]"


def _views(body: str, made: str = "auto_now_add=True", file: str = "views", other: str = _PAGED) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS.format(made),
        f"shop/{file}.py": "from django.core.paginator import Paginator\nfrom django.http import JsonResponse\n\n"
        "from shop.models import Kind, Order\n\n\ndef buy(request):\n    Order.objects.create(buyer=request.user, note='x')\n"
        f"    Kind.objects.create(name='x')\n\n\ndef orders(request):\n    {body}\n",
        "shop/api.py": "from django.core.paginator import Paginator\nfrom django.http import JsonResponse\n\n"
        f"from shop.models import Order\n\n\ndef pages(request):\n    return JsonResponse({{'orders': {other}}})\n",
    }


_JSON = "return JsonResponse({{'orders': [o.note for o in Order.objects.{}]}})"
_TABLES = """\
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

router = APIRouter()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


@router.post("/orders")
def buy(session: Session, user: int):
    session.add(Order(user_id=user))
    session.commit()


@router.get("/pages")
def pages(session: Session, page: int):
    return session.scalars(select(Order).order_by(Order.id).limit(50).offset(page * 50)).all()


@router.get("/orders")
def orders(session: Session, user: int, page: int):
    return session.scalars(select(Order){}).all()
"""


def _routes(body: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/routes.py": _TABLES.format(body)}


BAD = (
    Sample(source=_views(_JSON.format("all()"))),
    Sample(source=_views(_JSON.format("order_by('-made_at')"))),
    # A flag and a word of the program's own leave half of them.
    Sample(source=_views(_JSON.format("filter(is_open=True)"))),
    Sample(source=_views(_JSON.format("filter(note='new')"))),
    # Measured.
    Sample(source=_views(_JSON.format("all()"), "null=True", other="[]"), edit=with_rows(shop_order=50_000)),
    Sample(
        source=_views("return JsonResponse({'k': [k.name for k in Kind.objects.all()]})"),
        edit=with_rows(shop_kind=9_000),
    ),
    Sample(source=_routes("")),
    Sample(source=_routes(".order_by(Order.made_at.desc())")),
)
GOOD = (
    Sample(source=_views(_JSON.format("all()[:100]"))),
    # Those of one buyer, of one word, of some days.
    Sample(source=_views(_JSON.format("filter(buyer=request.user)"))),
    Sample(source=_views(_JSON.format("filter(note__contains=request.GET['q'])"))),
    Sample(source=_views(_JSON.format("filter(made_at__gte=request.GET['since'])"))),
    # A table of words.
    Sample(source=_views("return JsonResponse({'kinds': [k.name for k in Kind.objects.all()]})")),
    Sample(source=_views(_JSON.format("all()")), edit=with_rows(shop_order=300)),
    # Nobody knows whether it grows, and how far.
    Sample(source=_views(_JSON.format("all()"), other="[]")),
    Sample(source=_views(_JSON.format("all()"), made="null=True")),
    # Numbers, not rows.
    Sample(source=_views("return JsonResponse({'orders': Order.objects.count()})")),
    # Exports hold everything, and tasks are waited for by nobody.
    Sample(source=_views("pass\n\n\ndef export_orders(request):\n    " + _JSON.format("all()"))),
    Sample(source=_views(_JSON.format("all()"), file="tasks")),
    Sample(source=_routes(".limit(50)")),
    Sample(source=_routes(".limit(50).offset(50 * page)")),
    Sample(source=_routes(".where(Order.user_id == user)")),
)

_HANDLERS = re.compile(
    r"(^|/)(\w*views?|api|routes?|routers?|endpoints?|resources?|handlers?|controllers?|schema|resolvers?|graphql|viewsets?)(/|\.py$)"
)
_MEANT = re.compile(
    r"export|dump|csv|download|feed|rss|sitemap|backup|import|migrat|sync|reindex|rebuild", re.IGNORECASE
)
_STAFF = re.compile(r"admin|staff", re.IGNORECASE)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    own = {table.name: table for table in own_tables(snapshot)}
    growing = {name for name, table in own.items() if _grows(snapshot, table, limits)}
    groups: defaultdict[str, list[SourceQuery]] = defaultdict(list)
    paged = {query.made for query in snapshot.source.queries if query.query is not None and query.query.limit}
    for query in snapshot.source.queries:
        if query.made in paged:
            continue  # the size of a page that is not known may be no page, but is meant to be one
        if query.table in growing and _is_whole_table(query) and _is_of_request(query):
            groups[str(query.table)].append(query)
    found = [_finding(snapshot, own[name], queries, limits) for name, queries in groups.items()]
    yield from told_once(found, "All rows of {} growing tables are fetched by requests", singly=limits["tables"])


def _grows(snapshot: Snapshot, table: SourceTable, limits: Limits) -> bool:
    """By its size where that was measured; else requests add rows to it, each with its moment, for some account, and the project itself
    cuts them into pages elsewhere."""
    rows = rows_of(snapshot, table.name)
    if rows is not None:
        return rows >= limits["rows"]
    if not is_written_by_accounts(table):
        return False
    queries = [q for q in snapshot.source.queries_on(table.name) if q.table == table.name and not _is_aside(q)]
    return any(q.issued_by == "insert" for q in queries) and any(map(skips_as_told, queries))


def _is_aside(query: SourceQuery) -> bool:
    """Aids, batches, and pages of the staff."""
    return is_aid(query.issued) or is_batch(query.issued) or bool(_STAFF.search(query.issued.file))


def _is_whole_table(query: SourceQuery) -> bool:
    taken = query.query
    if taken is None or query.issued_by != "rows" or query.partial or query.loops or query.relation:
        return False
    if taken.limit or taken.group_by or taken.aggregates or taken.distinct or len(taken.columns) == 1:
        return False
    told = all(is_told(query, p) or p.value == "column" or not p.value for p in taken.predicates)
    return told and not taken.has_sub_select


def _is_of_request(query: SourceQuery) -> bool:
    entry = query.calls[0] if query.calls else query.issued
    meant = _MEANT.search(f"{entry.file} {entry.function} {query.issued.file} {query.issued.function}")
    return bool(_HANDLERS.search(entry.file)) and not meant and not _is_aside(query) and not _STAFF.search(entry.file)


def _finding(snapshot: Snapshot, table: SourceTable, queries: Sequence[SourceQuery], limits: Limits) -> Finding:
    rows = rows_of(snapshot, table.name)
    first = queries[0]
    places = list(dict.fromkeys(query.issued for query in queries))
    return Finding(
        title=f"All rows of {model_name(table)} are fetched by a request"[:79],
        message=f"{first.issued} fetches every row of {table.name} ({size_of(snapshot, table.name)}): no limit, and no condition that "
        "leaves those of one owner, while every request that adds a row makes it slower.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", limits["rows"], 1_000_000)
        if rows is not None
        else Impact(len(places), "places", 1, 20, estimated=True),
        evidence={"places": [str(place) for place in places[:20]], "sql": first.sql},
        confidence="high" if rows is not None else "low",
        next_step=_step(first),
        identity=table.name,
        locations=locations([p for query in queries for p in (query.made, query.issued)]),
    )


def _step(query: SourceQuery) -> str:
    if query.framework == "django":
        return f"Cut the queryset made at {query.made} into pages (Paginator, paginate_by, pagination_class), or filter it by its owner."
    return f"Give the statement made at {query.made} an order that ends in the key, and .limit(…), or a condition on its owner."
