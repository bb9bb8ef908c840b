"""Queries search or sort a table by columns that no index leads with.

## Why it matters

Without an index PostgreSQL reads the whole table, or sorts all that another index leaves, for each answer.
That costs little while the table is small and more with every row; it is the most common cause of a page that was quick a year ago.
The proposal comes from all queries on the table together, so that one index serves as many of them as it can.

## When to ignore

When the table stays small, when the query runs once a night, or when the table takes so many writes that another index costs more than
the reads.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dbwright.model import demand
from dbwright.model.asked import is_batch, is_of_operators
from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.catalog import FRAMEWORK_TABLES, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.demand import Candidate, speaks_of
from dbwright.model.finding import Finding, Impact, Location, ObjectRef, Risk
from dbwright.model.indexing import free_name
from dbwright.model.parents import comes_in_by_time, is_set_up_once, keeps_events, scope_of
from dbwright.model.query import Predicate, Query, QueryColumn, QueryTable
from dbwright.model.quoting import shortened
from dbwright.model.sample import Sample
from dbwright.model.searches import Search, asked_of, searches_by_table
from dbwright.model.shapes import Shape, shape_of_source, shape_of_table
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceTable
from dbwright.model.uniqueness import expected
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "rows": 10_000,
    # Rows read for one answer; below it an index saves less than a millisecond.
    "read": 1_000,
    # An index that reads a tenth.
    "gain": 10,
    # Where no size is known: indexes told for one table, those that most places ask for; a table of many writes bears no more.
    "told": 4,
    # Orders behind the index of a reference: so many are told singly, more as one habit.
    "habit": 2,
}
COVERS = ("missing-index-orm-filter", "missing-index-workload", "BP-04", "BP-09")

_MODELS = """\
from django.db import models


class Customer(models.Model):
    name = models.TextField()
    email = models.CharField(max_length=200{email})


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)
    number = models.CharField(max_length=20, unique=True)
    counter = models.CharField(max_length=20)
    paid = models.BooleanField(default=False)
    placed = models.DateTimeField(auto_now_add=True)
    cancelled = models.DateTimeField(null=True)
{meta}
"""


def _project(body: str, meta: str = "", email: str = "") -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS.format(meta=meta, email=email),
        "shop/views.py": f"from shop.models import Customer, Order\n\n\n{body}\n",
    }


_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, number text, paid boolean);"


def _recorded(snapshot: Snapshot) -> Snapshot:
    """A statement that the server recorded: ``SELECT * FROM orders WHERE number = $1``."""
    column = QueryColumn("orders", "number", "orders")
    query = Query("select", (QueryTable("orders", None, "orders", "from"),), (Predicate(column, "="),), has_where=True)
    origin = StatementOrigin(1, "", query=query, calls=5_000, milliseconds=200_000)
    gaps = tuple(gap for gap in snapshot.gaps if gap.section != "source")
    return replace(snapshot, attribution=Attribution((origin,)), gaps=gaps)


_FILTERS = """\
import django_filters
from rest_framework import viewsets


class CustomerFilter(django_filters.FilterSet):
    class Meta:
        model = Customer
        fields = {"name": ["iexact"]}


class CustomerViewSet(viewsets.ModelViewSet):
    queryset = Customer.objects.all()
    filterset_class = CustomerFilter"""
_JOB = "from celery import shared_task\n\n\n@shared_task\n"
_META = "\n    class Meta:\n        indexes = [models.Index(fields=[{fields}], name='one')]\n"
BAD = (
    # Recorded by the server, on a table of real size.
    Sample(_TABLE, statistics={"orders": {"rows": 2e6, "sequential_scans": 5_000}}, edit=_recorded),
    # A look-up by a column without an index.
    Sample(source=_project("def find(email):\n    return list(Customer.objects.filter(email=email))")),
    # The newest of a customer: the foreign key's index leaves them all to be sorted.
    Sample(
        source=_project(
            "def last(customer):\n    return list(Order.objects.filter(customer=customer).order_by('-placed')[:20])"
        )
    ),
    # The newest of all.
    Sample(
        source=_project("def last():\n    return list(Order.objects.filter(cancelled=None).order_by('-placed')[:20])")
    ),
    # One index for both.
    Sample(
        source=_project(
            "def find(email):\n    return Customer.objects.get(email=email)\n\n\n"
            "def find_named(email, name):\n    return Customer.objects.filter(email=email, name=name).exists()"
        )
    ),
    # A job that polls; a page whose rows are all counted; searches by what does not say which row: told low.
    Sample(source=_project(f"{_JOB}def due(time):\n    return list(Order.objects.filter(placed__gte=time))")),
    Sample(
        source=_project(
            "def page(n):\n    orders = Order.objects.order_by('-placed')\n    return orders.count(), list(orders[:20])"
        )
    ),
    Sample(
        source=_project(
            "def at(counter):\n    return list(Order.objects.filter(counter=counter))\n\n\n"
            "def number_at(counter):\n    return Order.objects.filter(counter=counter).count()"
        )
    ),
    # An index that ends before the order begins.
    Sample(
        source=_project(
            "def last(customer):\n    return list(Order.objects.filter(customer=customer).order_by('-placed')[:20])",
            _META.format(fields="'customer', 'cancelled'"),
        )
    ),
)
GOOD = (
    # One place, by what does not say which row.
    Sample(source=_project("def at(counter):\n    return list(Order.objects.filter(counter=counter))")),
    # What must be unique is told as such, and its constraint brings the index.
    Sample(source=_project("def find(email):\n    return Customer.objects.get(email=email)")),
    # A name that a list offers to filter by.
    Sample(source=_project(_FILTERS)),
    # What tidies up in passing.
    Sample(source=_project("def tidy(time):\n    Order.objects.filter(placed__lt=time).delete()")),
    # What tidies up, and what marks at night, may read the table.
    Sample(source=_project(f"{_JOB}def tidy(time):\n    Order.objects.filter(placed__lt=time).delete()")),
    Sample(source=_project(f"{_JOB}def late(time):\n    Order.objects.filter(placed__lt=time).update(paid=False)")),
    Sample(_TABLE, statistics={"orders": {"rows": 200, "sequential_scans": 5_000}}, edit=_recorded),
    Sample(
        _TABLE + "CREATE INDEX ON orders (number, id);",
        statistics={"orders": {"rows": 2e6, "sequential_scans": 9}},
        edit=_recorded,
    ),
    Sample(
        _TABLE + "CREATE INDEX ON orders USING hash (number);", statistics={"orders": {"rows": 2e6}}, edit=_recorded
    ),
    # Nothing ever read it.
    Sample(
        _TABLE,
        statistics={"orders": {"rows": 2e6, "sequential_scans": 0, "index_scans": 0, "inserted": 2_000_000}},
        edit=_recorded,
    ),
    Sample(source=_project("def find(email):\n    return Customer.objects.get(email=email)", email=", db_index=True")),
    Sample(source=_project("def find(email):\n    return Customer.objects.get(email=email)", email=", unique=True")),
    # The primary key and a unique column find one row, whatever else is asked.
    Sample(
        source=_project(
            "def find(number):\n    return list(Order.objects.filter(number=number, paid=True).order_by('-placed')[:5])"
        )
    ),
    Sample(source=_project("def find(pk):\n    return Order.objects.get(pk=pk, cancelled=None)")),
    # A flag alone narrows nothing.
    Sample(source=_project("def paid():\n    return Order.objects.filter(paid=True).count()")),
    # The foreign key's own index.
    Sample(source=_project("def of(customer):\n    return list(Order.objects.filter(customer=customer))")),
    # The few rows of a customer are sorted whole anyway.
    Sample(
        source=_project(
            "def of(customer):\n    return list(Order.objects.filter(customer=customer).order_by('-placed'))"
        )
    ),
    # Read backwards it has the order.
    Sample(
        source=_project(
            "def last(customer):\n    return list(Order.objects.filter(customer=customer).order_by('-placed')[:20])",
            _META.format(fields="'customer', 'placed'"),
        )
    ),
    # A longer index begins with what is asked.
    Sample(
        source=_project(
            "def since(time):\n    return Order.objects.filter(placed__gte=time).count()",
            _META.format(fields="'placed', 'paid'"),
        )
    ),
    # Nothing is searched.
    Sample(source=_project("def everything():\n    return list(Order.objects.order_by('placed'))")),
    Sample(source=_project("def put(customer):\n    Order.objects.create(customer=customer, number='1')")),
    # An exclusion finds nearly all.
    Sample(source=_project("def others(email):\n    return Customer.objects.exclude(email=email).count()")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    bounds = demand.Limits(limits["rows"], limits["read"], limits["gain"])
    live = {table.name: table for table in snapshot.catalog.user_tables}
    of_references: list[Finding] = []
    further: list[Finding] = []
    searches = searches_by_table(snapshot)
    shared = _helpers(searches)
    unique_soon = {(m.table.name, m.columns) for m in expected(snapshot) if m.is_served and not m.conditions}
    for name, asking in searches.items():
        table, source = live.get(name), snapshot.source.table_by_name.get(name)
        shape = _shape(snapshot, table, source)
        if shape is None or name in FRAMEWORK_TABLES:
            continue
        if table is not None and _never_read(snapshot, table):
            continue
        events = source is not None and keeps_events(snapshot, source)
        asked = [one for search in asking for one in asked_of(search, shape, events)]
        made = [
            (candidate, _finding(snapshot, shape, candidate, table, source, limits))
            for candidate in demand.candidates(shape, asked, bounds)
        ]
        if shape.rows is not None:
            yield from (finding for _, finding in made)
            continue
        sought: list[Finding] = []
        counting = _who_counts(snapshot, asking, source) - shared
        grows = source is not None and comes_in_by_time(snapshot, source)
        few = source is not None and is_set_up_once(snapshot, source)
        for candidate, finding in made:
            columns = _columns(candidate, shape)
            if (name, columns) in unique_soon and all(
                len(asked.use.equal) >= len(columns) for asked in candidate.asked
            ):
                continue  # the constraint that is missing brings its index
            if not candidate.scans or (few and not shape.facts(candidate.columns[0]).reference):
                further.append(finding)
            elif shape.facts(candidate.columns[0]).reference and counting & set(candidate.sites):
                of_references.append(finding)
            elif (
                counting & set(candidate.worst_sites)
                and _tells_which(candidate, shape, events)
                and (grows or len(candidate.worst_sites) >= _MANY_PLACES)
            ):
                sought.append(finding)
            elif _asked_again(asking) & set(candidate.worst_sites) and _may_matter(candidate, shape, events):
                further.append(finding)
        yield from _of_one_table(sought[: int(limits["told"])])
    yield from _of_references(of_references, int(limits["habit"]))
    yield from _by_the_way(further)


def _helpers(searches: Mapping[str, Sequence[Search]]) -> set[str]:
    """The lines that look rows of many tables up, for whoever calls them: what one of the tables is asked says little."""
    tables: defaultdict[str, set[str]] = defaultdict(set)
    for name, asking in searches.items():
        for search in asking:
            if len({table.name for table in search.query.tables}) == 1:
                for site in search.sites:
                    tables[site].add(name)
    return {site for site, names in tables.items() if len(names) > _MOST_TABLES}


def _who_counts(snapshot: Snapshot, asking: Sequence[Search], table: SourceTable | None) -> set[str]:
    """The places that somebody waits for, and whose search no key of a parent narrows, on the table itself or on one joined with it."""
    return {
        site
        for search in asking
        if not (search.job or search.once or search.admin)
        and (table is None or scope_of(snapshot, search.query, table) not in ("row", "rows", "parent"))
        for site in search.sites
        if not is_of_operators(place := _place(site)) and not is_batch(place)
    }


def _asked_again(asking: Sequence[Search]) -> set[str]:
    """The places that are neither commands that somebody types nor lists of the admin."""
    return {site for search in asking if not (search.once or search.admin) for site in search.sites}


def _may_matter(candidate: Candidate, shape: Shape, events: bool) -> bool:
    """Several places ask, or it keeps what comes in by itself, or goes by time or by what says which row."""
    known = [shape.facts(key) for key in candidate.columns]
    return events or len(candidate.sites) > 1 or any(facts.grows or facts.identifies for facts in known)


def _columns(candidate: Candidate, shape: Shape) -> frozenset[str]:
    return frozenset(name for key in candidate.columns for name in shape.columns if speaks_of(key, name))


def _tells_which(candidate: Candidate, shape: Shape, events: bool) -> bool:
    """It looks rows up by what says which, that is, few of many; or what happens by its time; or many places look by the same."""
    keys = {key for asked in candidate.scanning for key in asked.use.equal}
    equal = {name for name in shape.columns if any(speaks_of(key, name) for key in keys)}
    if any(shape.facts(name).identifies for name in equal):
        return True
    if any(shape.facts(key).grows for key in candidate.columns) and events:
        return True
    return bool(equal) and len(candidate.worst_sites) >= _MANY_PLACES


def _of_references(found: Sequence[Finding], singly: int) -> Iterator[Finding]:
    """References without an index by which rows are sought: how the project declares them, so that many are one message."""
    if len(found) <= singly:
        yield from found
        return
    ordered = sorted(found, key=lambda f: (-len(f.locations), f.title))
    tables = dict.fromkeys(f.objects[0].name for f in ordered)
    yield _together(
        ordered,
        f"{len(ordered)} searches by references that have no index: {listed(tables, 2)}",
        f"{ordered[0].message} The same on other tables: {_others(ordered)}.",
        identity="by references",
    )


def _by_the_way(found: Sequence[Finding]) -> Iterator[Finding]:
    """What matters on large tables only, or where one parent has thousands of rows: one message, and a low one."""
    low = [
        replace(f, confidence="low", impact=_ONE_PLACE)
        for f in sorted(found, key=lambda f: (-len(f.locations), f.title))
    ]
    if len(low) < 2:
        yield from low
        return
    tables = dict.fromkeys(f.objects[0].name for f in low)
    title = f"{len(low)} indexes that large tables would want: {listed(tables, 2)}"
    advice = "Make an index where the table, or what one parent has of it, is large and the place is often asked."
    yield replace(
        _together(low, title, f"{low[0].message} Further ones: {_others(low)}. {advice}", "of large tables"),
        impact=_ONE_PLACE,
    )


_MOST_TABLES = 2
_MANY_PLACES = 3
_ONE_PLACE = Impact(1, "places", 1, 30, estimated=True)
"""However many places a message gathers, each of them alone matters little."""


def _shape(snapshot: Snapshot, table: Table | None, source: SourceTable | None) -> Shape | None:
    """The table as the database has it with its size; without a database as the code defines it, when the code is the project's own."""
    if table is not None and snapshot.statistics.tables:
        return shape_of_table(snapshot, table)
    return shape_of_source(snapshot, source) if source is not None and source.owned and source.managed else None


def _never_read(snapshot: Snapshot, table: Table) -> bool:
    """Rows are only put in: no scan of any kind since the counters began."""
    statistics = snapshot.statistics_of(table)
    return (
        statistics is not None
        and not statistics.sequential_scans
        and not statistics.index_scans
        and statistics.inserted > 0
    )


def _finding(
    snapshot: Snapshot,
    shape: Shape,
    candidate: Candidate,
    table: Table | None,
    source: SourceTable | None,
    limits: Limits,
) -> Finding:
    columns = listed(candidate.columns, demand.MOST_KEYS + 1)
    size = (
        f"{shape.name} has about {shape.rows:,} rows"
        if shape.rows is not None
        else f"The size of {shape.name} is not known"
    )
    read = (
        ""
        if candidate.rows_read is None
        else f", and each answer reads about {_rounded(candidate.rows_read)} of them (estimated)"
    )
    what = "the whole table is read" if candidate.scans else "all that another index leaves is read and sorted"
    return Finding(
        title=f"{shape.name} lacks an index on {columns}"[:78],
        message=f"{_who(candidate)} by {columns}, and without an index {what} each time. {size}{read}.",
        objects=(ObjectRef("table", shape.name, shape.schema, shape.name, candidate.columns),),
        impact=Impact(candidate.rows_read, "rows", limits["read"], 10_000_000, estimated=True)
        if candidate.rows_read is not None
        else Impact(len(candidate.sites), "places", 1, 100, estimated=True),
        evidence=_evidence(shape, candidate, source),
        confidence="medium" if shape.rows is not None or (candidate.scans and not _pages_only(candidate)) else "low",
        change=Change((_index(snapshot, shape, candidate, table),)),
        identity="+".join(candidate.columns) + (f" where {candidate.predicate}" if candidate.predicate else ""),
        locations=tuple(_location(site) for site in candidate.sites[:20]),
    )


def _pages_only(candidate: Candidate) -> bool:
    """Rows are wanted in an order, and not looked up."""
    return not any(asked.use.equal or asked.use.ranges for asked in candidate.asked)


def _of_one_table(found: Sequence[Finding]) -> Iterator[Finding]:
    """Where no size is known one message for the table: whoever knows how large it is decides on all of it at once."""
    if len(found) < 2:
        yield from found
        return
    table, first = found[0].objects[0].name, found[0]
    yield _together(
        found,
        f"{table} lacks {len(found)} indexes, the first on {listed(first.evidence['columns'], demand.MOST_KEYS)}",
        f"{first.message} In the same way {_others(found)}.",
    )


def _together(found: Sequence[Finding], title: str, message: str, identity: str = "") -> Finding:
    first, others = found[0], found[1:]
    places = tuple(dict.fromkeys(place for f in found for place in f.locations))
    return Finding(
        title=title[:78],
        message=message,
        objects=tuple(dict.fromkeys(o for f in found for o in f.objects)),
        impact=Impact(len(places), "places", 1, 100, estimated=True),
        evidence={**first.evidence, "further": [f.evidence for f in others]},
        confidence=first.confidence,
        change=Change(tuple(step for f in found if f.change for step in f.change.operations)),
        identity=identity or "; ".join(f.identity for f in found),
        locations=places[:40],
    )


def _others(found: Sequence[Finding]) -> str:
    """What the further findings would index, for a sentence; those on the first one's table without its name."""
    first = found[0].objects[0].name
    told = [
        ("" if f.objects[0].name == first else f"{f.objects[0].name} by ")
        + f"{_named(f)} ({listed(f.evidence['places'], 2)})"
        for f in found[1:]
    ]
    return "; ".join(told[:8]) + (f"; {len(told) - 8} more" if len(told) > 8 else "")


def _named(finding: Finding) -> str:
    where = finding.evidence.get("where")
    return listed(finding.evidence["columns"]) + (f" where {where}" if where else "")


def _who(candidate: Candidate) -> str:
    sites = candidate.worst_sites
    recorded = f"{counted(candidate.calls, 'recorded call')} search" if candidate.calls else ""
    if not sites:
        return recorded
    search = "searches" if len(sites) == 1 else "search"
    code = f"{counted(len(sites), 'place')} of the code ({listed(sites, 3)})"
    return f"{code} and {recorded}" if recorded else f"{code} {search}"


def _evidence(shape: Shape, candidate: Candidate, source: SourceTable | None) -> Mapping[str, Any]:
    evidence: dict[str, Any] = {
        "columns": list(candidate.columns),
        "places": list(candidate.sites),
        "statements": [text for asked in candidate.asked for text in asked.texts][:5],
        "rows": shape.rows if shape.rows is not None else "not known",
    }
    if candidate.predicate:
        evidence["where"] = candidate.predicate
    if candidate.calls:
        evidence |= {"calls": candidate.calls, "seconds": round(candidate.milliseconds / 1000, 3)}
    if candidate.rows_read is not None and candidate.rows_after is not None:
        evidence["rows read"] = round(candidate.rows_read)
        evidence["rows read with the index (estimated)"] = round(candidate.rows_after)
    if source is not None:
        evidence["model"] = f"{source.symbol} ({source.place})"
    return evidence


def _index(snapshot: Snapshot, shape: Shape, candidate: Candidate, table: Table | None) -> CreateIndex:
    keys = tuple(
        IndexKey(name, descending=down) if name in shape.columns else IndexKey(expression=name, descending=down)
        for name, down in candidate.keys
    )
    names = tuple(name if name in shape.columns else _word(name, shape) for name in candidate.columns)
    stem = "_".join((shape.name, *names))
    name = free_name(snapshot.catalog, table, names) if table else shortened(stem, "_idx") + "_idx"
    return CreateIndex(
        shape.schema or "public",
        shape.name,
        name,
        keys,
        predicate=candidate.predicate,
        on_partitioned=table is not None and table.kind == "partitioned table",
    )


def _word(expression: str, shape: Shape) -> str:
    """An expression in a name: its function and the columns that it speaks of (``upper_email``)."""
    words = re.findall(r"\w+", expression)
    return "_".join(dict.fromkeys([*words[:1], *(word for word in words if word in shape.columns)]))


def _rounded(rows: float) -> str:
    return f"{float(f'{rows:.2g}'):,.0f}"


def _place(site: str) -> Place:
    file, _, line = site.rpartition(":")
    return Place(file, int(line))


def _location(site: str) -> Location:
    place = _place(site)
    return Location(place.file, place.line)
