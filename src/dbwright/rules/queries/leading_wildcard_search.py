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
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    column_ref,
    equal_columns,
    is_admin_list,
    is_aid,
    locations,
    model_name,
    parameter_of,
    rows_of,
    size_of,
    unique_keys,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.query import Predicate
from dbwright.model.sample import Sample
from dbwright.model.shapes import Shape, shape_of_source
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


def view(request):
    q = request.GET.get("q", "")
    return list(Note.objects.{1})
"""
_TRIGRAM = """
    class Meta:
        indexes = [GinIndex(fields=["title"], opclasses=["gin_trgm_ops"], name="note_title_trgm")]
"""


_PLAIN_GIN = """
    class Meta:
        indexes = [GinIndex(fields=["title"], name="note_title_gin")]
"""
_ADMIN = """\
from django.contrib import admin

from shop.models import Note, Unit


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):
    search_fields = ["title", "number"]


@admin.register(Unit)
class UnitAdmin(admin.ModelAdmin):
    search_fields = ["name"]
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
    Sample(source=_module("filter(title__icontains=q)", _PLAIN_GIN)),
    # The admin's search, once for all lists.
    Sample(source=_module("all()") | {"shop/admin.py": _ADMIN}),
    Sample(source=_module("filter(title__icontains=q)")),
    Sample(source=_module("filter(Q(title__icontains=q) | Q(body__icontains=q))")),
    Sample(source=_module("filter(title__contains=q)")),
)
GOOD = (
    Sample(source=_module("filter(title__istartswith=q)")),
    Sample(source=_module("filter(title=q)")),
    Sample(source=_module("filter(title__contains=q)", _TRIGRAM)),
    # Other conditions leave few rows.
    Sample(source=_module("filter(owner__name='x', owner_id=request.user.pk, title__icontains=q)")),
    Sample(source=_module("filter(pk=7, title__icontains=q)")),
    # Units stay few.
    Sample(source=_module("filter(title=q)") | {"shop/search.py": _UNITS}),
    # An exclusion.
    Sample(source=_module("exclude(title__icontains=q)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[str, list[tuple[SourceQuery, Predicate]]] = defaultdict(list)
    shapes: dict[str, Shape] = {}
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued):
            continue
        for predicate in query.query.predicates:
            table = snapshot.source.table_by_name.get(predicate.column.table)
            if table is None or not table.owned:
                continue
            shape = shapes.get(table.name)
            if shape is None:
                shape = shapes[table.name] = shape_of_source(snapshot, table)
            if _searches(query, predicate, table, shape):
                groups[table.name].append((query, predicate))
    by_operators: list[Finding] = []
    for name, found in groups.items():
        rows = rows_of(snapshot, name)
        if (rows is not None and rows < limits["rows"]) or (rows is None and shapes[name].is_list_of_values):
            continue
        finding = _finding(snapshot, snapshot.source.table_by_name[name], found, rows, limits)
        if rows is None and all(is_admin_list(query) for query, _ in found):
            by_operators.append(finding)
        else:
            yield finding
    yield from _of_the_admin(by_operators)


def _of_the_admin(found: Sequence[Finding]) -> Iterator[Finding]:
    """An operator searches now and then: one message for all lists."""
    if len(found) < 2:
        yield from found
        return
    tables = list(dict.fromkeys(str(f.objects[0].table) for f in found))
    yield Finding(
        title=f"{len(found)} lists of the admin seek text anywhere: {listed(tables, 2)}"[:79],
        message=f"The admin's search compares columns of {listed(tables, 6)} with patterns that begin with a wildcard: every row is "
        "read, and all of them again for the count. How many rows there are was not measured.",
        objects=tuple(dict.fromkeys(o for f in found for o in f.objects)),
        impact=found[0].impact,
        evidence={"tables": {str(f.objects[0].table): f.evidence for f in found}},
        confidence="low",
        next_step="Where a table is large search by the beginning or the whole of a value (^name, =email in search_fields), or: "
        f"{found[0].next_step}",
        identity="admin",
        locations=tuple(dict.fromkeys(place for f in found for place in f.locations))[:40],
    )


def _searches(query: SourceQuery, predicate: Predicate, table: SourceTable, shape: Shape) -> bool:
    if predicate.operator not in ("like", "ilike") or predicate.negated or predicate.clause != "where":
        return False
    parameter = parameter_of(query, predicate)
    text = parameter.value if parameter is not None else None
    leads = predicate.leading_wildcard or (isinstance(text, str) and text.startswith("%") and len(text) > 1)
    if not leads or parameter is None or parameter.origin == "constant" or _is_choice(table, predicate.column.column):
        return False
    if not shape.facts(predicate.column.column).type.startswith(_SEARCHED):
        return False
    alike = [p for p in query.query.predicates if p.alternative == predicate.alternative] if query.query else []
    searched = [table.column(p.column.column) for p in alike if p is predicate or predicate.alternative]
    if any(column is not None and column.type in ("jsonb", "json") for column in searched):
        return True  # the text of whole documents is dear even for one owner's rows
    equal = equal_columns(query, table.name)
    narrowed = any(shape.facts(name).reference and not shape.facts(name).broad for name in equal)
    narrowed = narrowed or any(key <= equal for key in unique_keys(table))
    return not narrowed and not _has_trigrams(table, predicate.column.column)


_SEARCHED = ("text", "varchar", "character", "char", "citext", "json")


def _is_choice(table: SourceTable, name: str) -> bool:
    column = table.column(name)
    return column is None or bool(column.option("choices"))


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
    found: Sequence[tuple[SourceQuery, Predicate]],
    rows: int | None,
    limits: Limits,
) -> Finding:
    columns = list(dict.fromkeys(p.column.column for _, p in found))
    joined = any(p.alternative for _, p in found) and len(columns) > 1
    upper = any(p.wrapper == "upper" for _, p in found)
    keys = ", ".join(
        f'OpClass(Upper("{c}"), name="gin_trgm_ops")' if upper else f'OpClass("{c}", name="gin_trgm_ops")'
        for c in columns
    )
    first = found[0][0]
    searches_json = [c for c in columns if (column := table.column(c)) is not None and column.type in ("jsonb", "json")]
    ored = f" The columns are joined by OR, so each of {listed(columns, 3)} needs to be in it." if joined else ""
    if searches_json:
        step = (
            f"Keep the words of {listed(searches_json)} in a text column of its own and search that: text of JSON holds keys and "
            "markup too, and a GIN index of the JSON does not serve ILIKE."
        )
    else:
        useless = [
            i.name
            for i in table.indexes
            if i.method == "gin" and not any(i.opclasses) and set(i.columns) & set(columns)
        ]
        beside = f" {listed(map(str, useless))} has no trigrams and serves no LIKE: it can go." if useless else ""
        step = (
            f'Add TrigramExtension() and GinIndex({keys}, name="{table.name[:20]}_trgm") to the Meta.indexes of '
            f"{model_name(table)} ({table.place}).{ored}{beside}"
        )
    return Finding(
        title=f"{model_name(table)}: text sought anywhere in {listed(columns, 2)}"[:79],
        message=f"{first.issued} compares {listed(columns)} of {table.name} with a pattern that begins with a wildcard: every row is read "
        f"({size_of(snapshot, table.name)}).",
        objects=tuple(column_ref(table, column) for column in columns),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000)
        if rows is not None
        else Impact(len({q.issued for q, _ in found}), "places", 1, 30, estimated=True),
        evidence={"columns": columns, "places": sorted({str(q.issued) for q, _ in found})[:20]},
        confidence="high" if rows is not None else "low" if "admin" in first.issued.file else "medium",
        next_step=step,
        identity=table.name,
        locations=locations([p for q, _ in found for p in (q.made, q.issued)]),
    )
