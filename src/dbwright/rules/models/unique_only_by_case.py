"""A name is looked up without regard to case and unique only with it.

## Why it matters

`Anna` and `anna` are two rows to the unique index and one to the look-up: `get(username__iexact=…)` fails when both are there, and people
sign up under a name that looks like another's.
Such a look-up does not use the plain index either.

## When to ignore

When everything that writes the column changes it to small letters first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import column_place, column_ref, is_aid, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceQuery, SourceTable
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS: tuple[str, ...] = ()

_MODELS = """\
from django.db import models
from django.db.models.functions import Lower


class Person(models.Model):
    login = models.CharField(max_length=80, unique={0})
{1}

def view(request, login):
    return Person.objects.{2}
"""
_LOWER = """
    class Meta:
        constraints = [models.UniqueConstraint(Lower("login"), name="login_once")]
"""


def _module(body: str, unique: bool = True, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(unique, meta, body)}


BAD = (
    Sample(source=_module("get(login__iexact=login)")),
    Sample(source=_module("filter(login__iexact=login).exists()")),
)
GOOD = (
    Sample(source=_module("get(login=login)")),
    Sample(source=_module("get(login__iexact=login)", meta=_LOWER)),
    # A search, and a column that may repeat.
    Sample(source=_module("filter(login__icontains=login).exists()")),
    Sample(source=_module("filter(login__iexact=login).exists()", unique=False)),
    # A list that few keep.
    Sample(source={name: text.replace("login", "code") for name, text in _module("get(login__iexact=login)").items()}),
)


_CHOSEN = re.compile(
    r"(^|_)(user_?name|login|email|mail|nick|nick_?name|handle|slug|domain|host|hostname|screen_?name|address)$"
)
"""Columns whose values people choose for themselves; lists of languages and codes are kept by few."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if query.query is None or query.issued_by not in ("get", "exists", "first") or is_aid(query.issued):
            continue
        for predicate in query.query.predicates:
            if predicate.wrapper in ("upper", "lower") and predicate.operator == "=" and predicate.narrows:
                groups[predicate.column.table, predicate.column.column].append(query)
    for table in own_tables(snapshot):
        for column in table.columns:
            if (queries := groups.get((table.name, column.name))) and _is_unique_by_case(table, column):
                yield _finding(snapshot, table, column, queries)


def _is_unique_by_case(table: SourceTable, column: SourceColumn) -> bool:
    """Unique as written, and no unique index over the letters alone."""
    folded = any(
        index.unique and any(column.name in text and "(" in text for text in index.columns) for index in table.indexes
    )
    chosen = bool(_CHOSEN.search(column.name.lower()))
    return chosen and column.unique and not column.primary_key and not folded and column.type != "citext"


def _finding(snapshot: Snapshot, table: SourceTable, column: SourceColumn, queries: Sequence[SourceQuery]) -> Finding:
    rows = rows_of(snapshot, table.name)
    first = queries[0]
    asked = {
        p.wrapper for query in queries if query.query for p in query.query.predicates if p.column.column == column.name
    }
    # ``iexact`` asks for UPPER(…), and an index on lower(…) serves no such look-up.
    function = "lower" if "upper" not in asked else "upper"
    unique = (
        f'models.UniqueConstraint({function.title()}("{column.field}"), name="…")'
        if table.framework == "django"
        else f'Index("…", func.{function}({model_name(table)}.{column.field}), unique=True)'
    )
    return Finding(
        title=f"{model_name(table)}.{column.field} is unique only by case"[:79],
        message=f"{first.issued} looks {table.name} up by {column.name} whatever the case; the unique index takes two that differ in case "
        "alone.",
        objects=(column_ref(table, column.name),),
        impact=Impact(rows, "rows", 100, 1e8) if rows is not None else Impact(1, "columns", 1, 20, estimated=True),
        evidence={"columns": [column.name], "places": sorted({str(q.issued) for q in queries})[:20]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Look for values that differ in case alone, then add {unique} to {model_name(table)} ({table.place}); look-ups by "
        f"{function}() use its index.",
        identity=f"{table.name}:{column.name}",
        locations=locations([column_place(table, column.name), *(q.issued for q in queries)]),
    )
