"""Rows are searched for a text anywhere in a column, and no trigram index serves that.

## Why it matters

`icontains` becomes `UPPER(column) LIKE UPPER('%text%')`: the pattern begins with a wildcard, so no B-tree helps and every row is read,
cast and compared.
Where several columns are joined by OR one index of one of them does not help either: each needs its own.

## When to ignore

When the table stays small, or other conditions leave few rows to search.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dbwright.model.asked import (
    column_ref,
    is_admin_list,
    is_aid,
    is_batch,
    is_of_operators,
    locations,
    model_name,
    parameter_of,
    rows_of,
    size_of,
)
from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.parents import Scope, comes_in_by_time, keeps_events, scope_of
from dbwright.model.query import Predicate
from dbwright.model.sample import Sample
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
# Rows that PostgreSQL reads and compares in some ten milliseconds.
LIMITS: dict[str, float] = {"rows": 20_000}
COVERS = ("leading-wildcard-like", "DL-03", "BP-22")

_MODELS = """\
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class Person(models.Model):
    name = models.TextField()


class Note(models.Model):
    owner = models.ForeignKey(Person, models.CASCADE)
    title = models.CharField(max_length=80)
    body = models.TextField()
    number = models.UUIDField()
{0}

class Unit(models.Model):
    name = models.CharField(max_length=80)


class Remark(models.Model):
    note = models.ForeignKey(Note, models.CASCADE)
    text = models.TextField()


def view(request):
    q = request.GET.get("q", "")
    return list(Note.objects.{1})
"""
_TRIGRAM = """
    class Meta:
        indexes = [GinIndex(fields=["title"], opclasses=["gin_trgm_ops"], name="note_title_trgm")]
"""


_MADE = "    made = models.DateTimeField(auto_now_add=True)\n"
_PLAIN_GIN = """
    class Meta:
        indexes = [GinIndex(fields=["title"], name="note_title_gin")]
"""
_ADMIN = """\
from django.contrib import admin

from shop.models import Note, Unit


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    search_fields = ["body", "number"]


@admin.register(Unit)
class UnitAdmin(admin.ModelAdmin):
    search_fields = ["name"]
"""
_REMARKS = """\
from shop.models import Remark


def remarks(request):
    return list(Remark.objects.filter({0}, text__icontains=request.GET["q"]))
"""
_FOUND = """\
from shop.models import Note


def find(text):
    return list(Note.objects.filter(body__icontains=text))
"""
_UNITS = """\
from shop.models import Unit


def units(request):
    return list(Unit.objects.filter(name__icontains=request.GET["q"]))
"""


def _module(query: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(meta, query)}


BAD = (
    # An index of the column that is not one of trigrams.
    Sample(source=_module("filter(title__icontains=q)", _MADE + _PLAIN_GIN)),
    # The admin's search, once for all lists.
    Sample(source=_module("all()") | {"shop/admin.py": _ADMIN}),
    Sample(source=_module("filter(title__icontains=q)", _MADE)),
    Sample(source=_module("filter(Q(title__icontains=q) | Q(body__icontains=q))")),
    Sample(source=_module("filter(title__contains=q)", _MADE)),
    # All that one tenant has: people have notes, and notes have remarks.
    Sample(source=_module("filter(owner=request.user.pk, title__contains=q)", _MADE)),
)
GOOD = (
    # Short texts of what people write one by one.
    Sample(source=_module("filter(title__icontains=q)")),
    # A command that somebody types.
    Sample(source=_module("all()", _MADE) | {"shop/management/commands/find.py": _FOUND}),
    Sample(source=_module("filter(title__istartswith=q)")),
    Sample(source=_module("filter(title=q)")),
    Sample(source=_module("filter(title__contains=q)", _TRIGRAM)),
    # One parent's rows, by its key and over a join; and one row.
    Sample(source=_module("all()") | {"shop/search.py": _REMARKS.format("note_id=request.GET['n']")}),
    Sample(
        source=_module("all()")
        | {"shop/search.py": _REMARKS.format("note__number=request.GET['n'], note__owner=1, note=5")}
    ),
    Sample(source=_module("filter(pk=7, title__icontains=q)")),
    # One tenant's, of what does not come in by time.
    Sample(source=_module("filter(owner=request.user.pk, title__contains=q)")),
    # Units stay few.
    Sample(source=_module("filter(title=q)") | {"shop/search.py": _UNITS}),
    # An exclusion.
    Sample(source=_module("exclude(title__icontains=q)")),
)


@dataclass(frozen=True)
class _Search:
    """A query with its comparisons of one table's columns by such patterns, and what the rows compared have in common."""

    query: SourceQuery
    predicates: tuple[Predicate, ...]
    scope: Scope

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p.column.column for p in self.predicates))

    @property
    def is_joined_by_or(self) -> bool:
        return len(self.columns) > 1 and len({p.alternative for p in self.predicates} - {0}) == 1

    @property
    def line(self) -> object:
        """What a reader would call the same search: one filter, wherever its rows are then asked for."""
        return self.query.made, frozenset((p.column.column, p.operator, p.wrapped) for p in self.predicates)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    by_operators: list[Finding] = []
    of_owners: list[Finding] = []
    short: list[Finding] = []
    for name, found in _by_table(snapshot).items():
        table, rows = snapshot.source.table_by_name[name], rows_of(snapshot, name)
        shape = shape_of_source(snapshot, table)
        if (rows is not None and rows < limits["rows"]) or (rows is None and shape.is_list_of_values):
            continue
        widest = max(found, key=lambda one: (_openness(one), _long_texts(table, one), len(one.columns)))
        finding = _finding(snapshot, table, found, widest, rows, limits)
        grows = comes_in_by_time(snapshot, table)
        if rows is not None:
            yield finding
        elif not (grows or _long_texts(table, widest)):
            continue  # what people write one by one is read through in no time
        elif is_of_operators(widest.query.issued):
            by_operators += [finding] * bool(_long_texts(table, widest))
        elif widest.scope:
            of_owners.append(finding)
        elif _long_texts(table, widest) or keeps_events(snapshot, table):
            yield finding
        else:
            short.append(finding)
    yield from _of_the_admin(sorted(by_operators, key=lambda f: -int(f.evidence["long texts"])))
    yield from told_once(short, "{} tables are searched for text anywhere in names", identity="short texts")
    yield from told_once(of_owners, "{} tables are searched for text among one owner's rows", identity="of one owner")


def _by_table(snapshot: Snapshot) -> Mapping[str, list[_Search]]:
    """The searches that read a table as a whole, or much of it."""
    groups: defaultdict[str, list[_Search]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued) or is_batch(query.issued):
            continue
        by_table: defaultdict[str, list[Predicate]] = defaultdict(list)
        for predicate in query.query.predicates:
            table = snapshot.source.table_by_name.get(predicate.column.table)
            if table is not None and table.owned and table.managed and _seeks_text(query, predicate, table):
                by_table[table.name].append(predicate)
        for name, predicates in by_table.items():
            table = snapshot.source.table_by_name[name]
            scope = scope_of(snapshot, query.query, table)
            if _reads_much(snapshot, table, predicates, scope):
                groups[name].append(_Search(query, tuple(predicates), scope))
    return groups


def _of_the_admin(found: Sequence[Finding]) -> Iterator[Finding]:
    """An operator searches now and then: one message for all lists."""
    if len(found) < 2:
        yield from found
        return
    tables = list(dict.fromkeys(str(f.objects[0].table) for f in found))
    yield Finding(
        title=f"{len(found)} lists of those who run the site seek text anywhere: {listed(tables, 2)}"[:79],
        message=f"The search on pages of the admin or the staff compares columns of {listed(tables, 6)} with patterns "
        "that begin with a wildcard: every row is "
        "read, and all of them again for the count. How many rows there are was not measured.",
        objects=tuple(dict.fromkeys(o for f in found for o in f.objects)),
        impact=found[0].impact,
        evidence={"tables": {str(f.objects[0].table): f.evidence for f in found}},
        confidence="low",
        next_step=f"Where a table is large search by the beginning or the whole of a value (^name, =email in search_fields), or, as for "
        f"{tables[0]}: {found[0].next_step}",
        identity="admin",
        locations=tuple(dict.fromkeys(place for f in found for place in f.locations))[:40],
    )


def _seeks_text(query: SourceQuery, predicate: Predicate, table: SourceTable) -> bool:
    if predicate.operator not in ("like", "ilike") or predicate.negated or predicate.clause != "where":
        return False
    parameter = parameter_of(query, predicate)
    text = parameter.value if parameter is not None else None
    leads = predicate.leading_wildcard or (isinstance(text, str) and text.startswith("%") and len(text) > 1)
    column = table.column(predicate.column.column)
    if not leads or parameter is None or parameter.origin == "constant" or column is None:
        return False
    searched = (column.type or "").startswith(_SEARCHED) and not column.option("choices")
    return searched and not _has_trigrams(table, column.name)


def _reads_much(snapshot: Snapshot, table: SourceTable, predicates: Sequence[Predicate], scope: Scope) -> bool:
    """What one parent has is few rows, unless they are events, or whole documents whose text is dear even so."""
    if scope != "parent":
        return scope not in ("row", "rows")
    documents = any(c is not None and c.type in _JSON for c in (table.column(p.column.column) for p in predicates))
    return documents or keeps_events(snapshot, table)


def _openness(search: _Search) -> int:
    """How much of the table users make the search read; what operators make it read comes next."""
    return (
        0
        if search.scope == "parent"
        else 3
        if not is_admin_list(search.query) and not search.scope
        else 1 + (not search.scope)
    )


def _long_texts(table: SourceTable, search: _Search) -> int:
    """The texts without a bound among what is searched, which make a table large."""
    return sum(c is not None and c.type == "text" for c in map(table.column, search.columns))


_SEARCHED = ("text", "varchar", "character", "char", "citext", "json")
_JSON = ("jsonb", "json")


def _has_trigrams(table: SourceTable, name: str) -> bool:
    return any(
        index.method in ("gin", "gist")
        and any(name in key for key in index.columns)
        and any("trgm" in text for text in (*index.opclasses, *index.columns))
        for index in table.indexes
    )


def _finding(
    snapshot: Snapshot,
    table: SourceTable,
    found: Sequence[_Search],
    widest: _Search,
    rows: int | None,
    limits: Limits,
) -> Finding:
    columns, lines = list(widest.columns), {one.line: one for one in found}
    every = list(dict.fromkeys(c for one in (widest, *found) for c in one.columns))
    read = {"parent": "all rows of one parent are read", "tenant": "all rows of one owner are read"}
    alike = len({one.line for one in found if _openness(one) == _openness(widest)}) - 1
    others = f" So {'does one query' if alike == 1 else f'do {alike} queries'} beside it." if alike else ""
    confidence: Confidence = "high" if rows is not None else "low"
    return Finding(
        title=f"{model_name(table)}: text sought anywhere in {listed(columns, 2)}"[:79],
        message=f"The query made at {widest.query.made} compares {listed(columns)} of {table.name} with a pattern that begins with a "
        f"wildcard: {read.get(widest.scope, 'every row is read')} ({size_of(snapshot, table.name)}).{others}",
        objects=tuple(column_ref(table, column) for column in every),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000)
        if rows is not None
        else Impact(len(lines), "queries", _MANY_QUERIES, 100 * _MANY_QUERIES, estimated=True),
        evidence={
            "columns": columns,
            "long texts": _long_texts(table, widest),
            "searches": {
                f"{one.query.made} by {', '.join(one.columns)}": one.scope or "whole table" for one in lines.values()
            },
            "places": sorted({str(one.query.issued) for one in found})[:20],
        },
        confidence=confidence,
        next_step=_step(table, widest),
        identity=table.name,
        locations=locations([p for one in (widest, *lines.values()) for p in (one.query.made, one.query.issued)]),
    )


_MANY_QUERIES = 1_000
"""Without measured rows the number of queries tells little: no finding becomes urgent by it alone."""


def _step(table: SourceTable, search: _Search) -> str:
    """What serves this one search: its own columns, operators and connection."""
    columns = list(search.columns)
    documents = [c for c in columns if (column := table.column(c)) is not None and column.type in _JSON]
    if documents:
        return (
            f"Keep the words of {listed(documents)} in a text column of its own and search that: text of JSON holds keys and "
            "markup too, and a GIN index of the JSON does not serve ILIKE."
        )
    wrappers = {p.column.column: p.wrapper for p in search.predicates}
    name = f"{table.name[:20]}_trgm"
    if table.framework == "django":
        keys = ", ".join(
            f'OpClass(Upper("{c}"), name="gin_trgm_ops")'
            if wrappers[c] == "upper"
            else f'OpClass("{c}", name="gin_trgm_ops")'
            for c in columns
        )
        step = f'Add TrigramExtension() and GinIndex({keys}, name="{name}") to the Meta.indexes of {model_name(table)} ({table.place}).'
    else:
        keys = ", ".join(
            f"{wrappers[c]}({c}) gin_trgm_ops" if wrappers[c] in _CASES else f"{c} gin_trgm_ops" for c in columns
        )
        step = f"In a migration create the extension pg_trgm and an index: CREATE INDEX {name} ON {table.name} USING gin ({keys})."
    if search.is_joined_by_or:
        step += f" The columns are joined by OR, so each of {listed(columns, 3)} needs to be in it."
    useless = [
        i.name for i in table.indexes if i.method == "gin" and not any(i.opclasses) and set(i.columns) & set(columns)
    ]
    if useless:
        step += f" {listed(map(str, useless))} has no trigrams and serves no LIKE: it can go."
    return step


_CASES = ("upper", "lower")
