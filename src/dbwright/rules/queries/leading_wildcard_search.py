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
{0}

def view(request):
    q = request.GET.get("q", "")
    return list(Note.objects.{1})
"""
_TRIGRAM = """
    class Meta:
        indexes = [GinIndex(fields=["title"], opclasses=["gin_trgm_ops"], name="note_title_trgm")]
"""


def _module(query: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(meta, query)}


BAD = (
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
    # A word of the program's own, in a list that an operator asks for.
    Sample(source=_module("exclude(title__icontains=q)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[str, list[tuple[SourceQuery, Predicate]]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued):
            continue
        for predicate in query.query.predicates:
            table = snapshot.source.table_by_name.get(predicate.column.table)
            if table is not None and table.owned and _searches(query, predicate, table):
                groups[table.name].append((query, predicate))
    for name, found in groups.items():
        rows = rows_of(snapshot, name)
        if rows is None or rows >= limits["rows"]:
            yield _finding(snapshot, snapshot.source.table_by_name[name], found, rows, limits)


def _searches(query: SourceQuery, predicate: Predicate, table: SourceTable) -> bool:
    if predicate.operator not in ("like", "ilike") or predicate.negated or predicate.clause != "where":
        return False
    parameter = parameter_of(query, predicate)
    text = parameter.value if parameter is not None else None
    leads = predicate.leading_wildcard or (isinstance(text, str) and text.startswith("%") and len(text) > 1)
    if not leads or parameter is None or parameter.origin == "constant" or _is_choice(table, predicate.column.column):
        return False
    alike = [p for p in query.query.predicates if p.alternative == predicate.alternative] if query.query else []
    searched = [table.column(p.column.column) for p in alike if p is predicate or predicate.alternative]
    if any(column is not None and column.type in ("jsonb", "json") for column in searched):
        return True  # the text of whole documents is dear even for one owner's rows
    equal = equal_columns(query, table.name)
    references = {column.name for column in table.columns if column.references is not None}
    narrowed = equal & references or any(key <= equal for key in unique_keys(table))
    return not narrowed and not _has_trigrams(table, predicate.column.column)


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
        step = (
            f'Add TrigramExtension() and GinIndex({keys}, name="{table.name[:20]}_trgm") to the Meta.indexes of '
            f"{model_name(table)} ({table.place}).{ored}"
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
