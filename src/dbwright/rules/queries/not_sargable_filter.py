"""A column is compared inside an expression that no index of the table has.

## Why it matters

An index of `created_at` holds moments; a condition on `created_at::date` in some time zone asks for another value, which must be computed
for every row.
A range on the bare column, from midnight to the midnight after, means the same and is found in the index.

## When to ignore

When the table stays small, or other conditions leave few rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import (
    column_ref,
    equal_columns,
    holds_key,
    is_aid,
    is_batch,
    locations,
    model_name,
    rows_of,
    size_of,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.parents import finds_few, keeps_events
from dbwright.model.query import Predicate
from dbwright.model.sample import Sample
from dbwright.model.shapes import shape_of_source
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("source",)
LIMITS: dict[str, float] = {"rows": 10_000, "columns": 1}
COVERS = ("function-on-column", "DL-05", "BP-23")

_MODELS = """\
from django.db import models
from django.db.models.functions import Lower, TruncDate


class Note(models.Model):
    title = models.CharField(max_length=80)
    created_at = models.DateTimeField()
    day = models.DateField()
{0}

def view(request):
    q = request.GET.get("q", "")
    return list(Note.objects.{1})
"""
_LOWER = """
    class Meta:
        indexes = [models.Index(Lower("title"), name="note_lower")]
"""


def _module(query: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(meta, query)}


BAD = (
    Sample(source=_module("filter(created_at__date=q)")),
    Sample(source=_module("filter(created_at__date__gte=q, created_at__date__lte=q)")),
    Sample(source=_module("annotate(low=Lower('title')).filter(low__gte=q)")),
    Sample(source=_module("filter(created_at__hour=q)")),
)
GOOD = (
    Sample(source=_module("filter(created_at__gte=q, created_at__lt=q)")),
    Sample(source=_module("filter(day=q)")),
    # Django turns a year into a range.
    Sample(source=_module("filter(created_at__year=2026)")),
    Sample(source=_module("annotate(low=Lower('title')).filter(low=q)", _LOWER)),
    # In the select list it costs nothing.
    Sample(source=_module("annotate(on=TruncDate('created_at')).filter(created_at__gte=q)")),
    # One row is found by its key.
    Sample(source=_module("filter(pk=7, created_at__date=q)")),
    Sample(source=_module("exclude(title__iexact=q)")),
    # The index of the expression that it lacks is told with what else the table lacks.
    Sample(source=_module("annotate(low=Lower('title')).filter(low=q)")),
    Sample(source=_module("filter(title__iexact=q)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str, str], list[tuple[SourceQuery, Predicate]]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or is_aid(query.issued):
            continue
        for predicate in query.query.predicates:
            table = snapshot.source.table_by_name.get(predicate.column.table)
            if table is not None and table.owned and _hides(query, predicate, table):
                groups[table.name, predicate.column.column, _kind(predicate)].append((query, predicate))
    told = [
        _finding(snapshot, snapshot.source.table_by_name[name], column, kind, found, limits)
        for (name, column, kind), found in groups.items()
        if _is_large(snapshot, name, found, limits)
    ]
    yield from told_once(told, "{} columns are compared inside expressions", singly=limits["columns"])


def _is_large(snapshot: Snapshot, name: str, found: Sequence[tuple[SourceQuery, Predicate]], limits: Limits) -> bool:
    """Measured; or not known, and not asked by commands alone or of a list that stays short."""
    rows = rows_of(snapshot, name)
    if rows is not None:
        return rows >= limits["rows"]
    table = snapshot.source.table_by_name[name]
    waited_for = any(not is_batch(query.issued) and not finds_few(snapshot, query) for query, _ in found)
    return waited_for and not shape_of_source(snapshot, table).is_list_of_values


def _kind(predicate: Predicate) -> str:
    wrapper = predicate.wrapper.lower()
    if (
        wrapper in ("::date", "date_trunc", "extract", "date_part", "::time", "date")
        or "at time zone" in predicate.wrapped.lower()
    ):
        return "time"
    return "letters" if wrapper in ("upper", "lower") else "expression"


def _hides(query: SourceQuery, predicate: Predicate, table: SourceTable) -> bool:
    if not predicate.wrapped or not predicate.narrows or predicate.negated or predicate.clause != "where":
        return False
    if predicate.operator not in ("=", "<", "<=", ">", ">=", "between", "in") or predicate.value not in (
        "parameter",
        "expression",
    ):
        return False
    if _kind(predicate) == "letters" and predicate.operator in ("=", "in"):
        return False  # queries/missing-index proposes the index of the expression
    column = table.column(predicate.column.column)
    if column is None or column.type in ("jsonb", "json", "tsvector") or _kind(predicate) == "expression":
        return False
    equal = equal_columns(query, table.name) - {column.name}
    bare = frozenset(
        p.column.column
        for p in query.query.predicates  # type: ignore[union-attr]
        if p.narrows and not p.wrapped and not p.negated and p.column.table == table.name and p.operator in ("=", "in")
    )
    if holds_key(table, bare) or (_kind(predicate) == "letters" and equal & bare):
        return False
    function = predicate.wrapper.lower().strip(":")
    return not any(
        column.name in key and function in key.lower()
        for index in table.indexes
        for key in index.columns
        if key != column.name
    ) and not (column.type or "").startswith("citext")


def _finding(
    snapshot: Snapshot,
    table: SourceTable,
    column: str,
    kind: str,
    found: Sequence[tuple[SourceQuery, Predicate]],
    limits: Limits,
) -> Finding:
    query, predicate = found[0]
    rows = rows_of(snapshot, table.name)
    field = next((c.field for c in table.columns if c.name == column), column)
    return Finding(
        title=f"{model_name(table)}.{column} is compared inside {predicate.wrapper or 'an expression'}"[:79],
        message=f"{query.issued} compares {predicate.wrapped} of {table.name}, which no index has: it is computed for every row that other "
        f"conditions leave ({size_of(snapshot, table.name)}).",
        objects=(column_ref(table, column),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000)
        if rows is not None
        else Impact(len({q.issued for q, _ in found}), "places", 3, 100, estimated=True),
        evidence={"expression": predicate.wrapped, "places": sorted({str(q.issued) for q, _ in found})[:20]},
        confidence="high" if rows is not None else "medium" if keeps_events(snapshot, table) else "low",
        next_step=_step(field, kind, predicate, query, table),
        identity=f"{table.name}.{column}:{kind}",
        locations=locations([p for q, _ in found for p in (q.made, q.issued)]),
    )


def _step(field: str, kind: str, predicate: Predicate, query: SourceQuery, table: SourceTable) -> str:
    if kind == "letters":
        function = predicate.wrapper.capitalize()
        return (
            f'Add models.Index({function}("{field}"), name="{table.name[:20]}_{field[:8]}_ci") to the Meta.indexes of {model_name(table)} '
            f"({table.place}), unique where two spellings must not both exist."
        )
    if predicate.wrapper.lower() in ("extract", "date_part"):
        return f"Keep the part that {query.made} asks for in a column, or narrow by a range of {field} beside it."
    return (
        f"Compare the bare column with a range in the query made at {query.made}: {field}__gte=start of the first day, {field}__lt=start "
        f"of the day after the last, both aware in the users' time zone; serve it with an index that ends in {field}."
    )
