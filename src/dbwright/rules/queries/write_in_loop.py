"""Rows are written one by one in a loop.

## Why it matters

Each write is a round trip, and outside a transaction a commit that waits for the disk: a thousand rows take seconds where one statement
takes milliseconds.

## When to ignore

When each write needs what `save()` or signals do beside it (`bulk_create` and `update` send none), or the loop writes a handful.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import is_aid, is_batch, locations, rows_of
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import QueryLoop, SourceQuery
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"count": 20, "rows": 20}
COVERS = ("n-plus-one-writes", "CH-10", "BP-19", "WB-08")

_MODELS = """\
from django.db import models


class Store(models.Model):
    name = models.TextField()
    rank = models.IntegerField(default=0)
"""


def _module(body: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS,
        "shop/views.py": f"from shop.models import Store\n\n\n{body}\n",
    }


BAD = (
    Sample(source=_module("def add(names):\n    for name in names:\n        Store.objects.create(name=name)")),
    Sample(
        source=_module(
            "def rank():\n    for store in Store.objects.all():\n        store.rank = 1\n        store.save()"
        )
    ),
    Sample(source=_module("def forget():\n    for store in Store.objects.filter(rank=0):\n        store.delete()")),
    Sample(source=_module("def add(names):\n    for name in names:\n        Store(name=name).save()")),
    Sample(
        source=_module(
            "def mark():\n    for store in Store.objects.all():\n        Store.objects.filter(pk=store.pk).update(rank=2)"
        )
    ),
    Sample(source=_module("def add(names):\n    return [Store.objects.get_or_create(name=n)[0] for n in names]")),
    # The loop stands in the caller.
    Sample(
        source=_module(
            "def add(names):\n    for n in names:\n        one(n)\n\n\ndef one(n):\n    Store.objects.create(name=n)"
        )
    ),
)
GOOD = (
    Sample(source=_module("def add(names):\n    Store.objects.bulk_create([Store(name=n) for n in names])")),
    Sample(source=_module("def rank():\n    Store.objects.all().update(rank=1)")),
    Sample(
        source=_module(
            "def rank():\n    stores = list(Store.objects.all())\n    for s in stores:\n        s.rank = 1\n"
            "    Store.objects.bulk_update(stores, ['rank'])"
        )
    ),
    Sample(source=_module("def add(name):\n    Store.objects.create(name=name)")),
    Sample(source=_module("def three():\n    for name in ('a', 'b', 'c'):\n        Store.objects.create(name=name)")),
    # Batches are the right way.
    Sample(
        source=_module(
            "def forget(batches):\n    for ids in batches:\n        Store.objects.filter(pk__in=ids).delete()"
        )
    ),
    Sample(
        source=_module(
            "def add(batches):\n    for names in batches:\n        Store.objects.bulk_create([Store(name=n) for n in names])"
        )
    ),
    Sample(
        source={
            **_module("x = 1"),
            "shop/management/commands/seed_stores.py": "from shop.models import Store\n\n\ndef run(names):\n"
            "    for name in names:\n        Store.objects.create(name=name)\n",
        }
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if _is_single(query, limits) and _is_near(query) and not is_aid(query.issued):
            groups[query.issued.file, query.issued.function].append(query)
    for (file, function), queries in groups.items():
        by_line = {q.issued: q for q in reversed(queries) if q.symbol or q.table}
        if by_line:
            finding = _finding(snapshot, file, function, sorted(by_line.values(), key=lambda q: q.issued.line), limits)
            if finding is not None:
                yield finding


def _is_near(query: SourceQuery) -> bool:
    """The loop stands in the function that writes or in the one that calls it: what happens far below a loop is no loop's to collect."""
    if "migrations/" in query.issued.file:
        return False
    functions = {(p.file, p.function) for p in (query.issued, *query.calls[-1:])}
    return any((loop.place.file, loop.place.function) in functions for loop in _loops(query))


def _loops(query: SourceQuery) -> list[QueryLoop]:
    """The loops that somebody wrote: a framework that saves a form set, or several objects of one request, is not to be changed."""
    return [loop for loop in query.loops if not loop.by_framework]


def _is_single(query: SourceQuery, limits: Limits) -> bool:
    if not _loops(query) or query.issued_by not in ("insert", "update", "delete") or query.table is None:
        return False
    if query.consumer in ("bulk_create", "bulk_update", "add", "remove", "clear", "set", "flush", "commit"):
        return False  # one statement for many rows; sessions of SQLAlchemy send theirs together
    if all(loop.count is not None and loop.count < limits["count"] for loop in _loops(query)):
        return False
    if query.consumer in ("save", "delete", "create", "get_or_create", "update_or_create"):
        return True
    if query.issued_by == "insert":
        return query.framework == "django"
    predicates = query.query.predicates if query.query else ()
    by_row = any(p.origin == "row" for p in query.parameters)
    return by_row and bool(query.rows_loops) and not any(p.operator == "in" for p in predicates)


def _finding(
    snapshot: Snapshot, file: str, function: str, queries: Sequence[SourceQuery], limits: Limits
) -> Finding | None:
    first = queries[0]
    loops = [loop for q in queries for loop in _loops(q) if loop.count is None] or _loops(first)
    rows = max((r for loop in loops if (r := rows_of(snapshot, loop.table)) is not None), default=None)
    if rows is not None and rows < limits["rows"] and all(loop.table for loop in loops):
        return None
    tables = list(dict.fromkeys(q.table or "" for q in queries))
    over = f"each row of {loops[-1].table}" if loops[-1].table else "each turn"
    return Finding(
        title=f"Writes one by one in {function or file}"[:79],
        message=f"The loop at {loops[-1].place} writes {listed(tables)} once for {over}"
        f"{f' (about {rows:,} rows)' if rows else ''}: {listed([f'{_verb(q)} at {q.issued}' for q in queries], 3)}.",
        objects=(ObjectRef("function", function or file, table=first.table),),
        impact=Impact(rows, "rows", limits["rows"], 100_000)
        if rows is not None
        else Impact(1 + len(queries), "statements a turn", 1, 30, estimated=True),
        evidence={
            "sites": [f"{_verb(q)} {q.table} at {q.issued}" for q in queries[:20]],
            "rows": rows or "not measured",
        },
        confidence="low" if all(is_batch(q.issued) for q in queries) else "medium",
        next_step=" ".join(dict.fromkeys(_step(q) for q in queries)),
        identity=f"{file}:{function}",
        locations=locations([q.issued for q in queries] + [loops[-1].place]),
    )


def _verb(query: SourceQuery) -> str:
    return query.consumer or {"insert": "create", "update": "update", "delete": "delete"}[query.issued_by]


def _step(query: SourceQuery) -> str:
    name = query.symbol.rpartition(".")[2] if query.symbol else "Model"
    if query.consumer in ("get_or_create", "update_or_create"):
        return (
            f"Fetch the {name} rows that are there with one filter(…__in=keys), then "
            f"{name}.objects.bulk_create(missing, ignore_conflicts=True) behind a unique constraint."
        )
    if query.framework != "django":
        return f"Send one statement for all rows of {query.table}: execute(insert(…), list_of_dicts) or an UPDATE … WHERE id IN (…)."
    if query.issued_by == "insert":
        return f"Collect the objects in a list and write {name}.objects.bulk_create(objects, batch_size=500) after the loop."
    if query.issued_by == "delete":
        return f"Delete them in one statement: {name}.objects.filter(…).delete()."
    return (
        f"The same value for all rows: {name}.objects.filter(…).update(…); a value for each: collect them and "
        f"{name}.objects.bulk_update(objects, [fields], batch_size=500)."
    )
