"""Rows are looked up and made when missing, and nothing keeps two requests from making two.

## Why it matters

Both requests look, both find nothing, both insert.
`get_or_create` and `update_or_create` are safe only behind a unique constraint, whose error they catch; without one the next call fails
with `MultipleObjectsReturned`.

## When to ignore

When one process alone writes the table, or a lock is held around the look-up and the insert.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from dbwright.model.asked import equal_columns, is_aid, locations, model_name, rows_of, source_table_ref, unique_keys
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"columns": 5}
COVERS = ("unique-rule-without-index", "WB-02", "CH-03", "BP-15")

_MODELS = """\
from django.db import models


class Person(models.Model):
    name = models.TextField()


class Store(models.Model):
    owner = models.ForeignKey(Person, models.CASCADE)
    name = models.CharField(max_length=80{0})
    city = models.CharField(max_length=80)
{1}"""
_UNIQUE = """
    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "city"], name="store_once")]
"""


def _module(body: str, unique: str = "", meta: str = "") -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/models.py": _MODELS.format(unique, meta),
        "shop/views.py": f"from shop.models import Person, Store\n\n\n{body}\n",
    }


_GET = "def store(name, city):\n    return Store.objects.get_or_create(name=name, city=city, defaults={'owner_id': 1})"
_CHECK = (
    "def store(name, city):\n    found = Store.objects.filter(name=name, city=city).first()\n    if found is None:\n"
    "        found = Store.objects.create(name=name, city=city, owner_id=1)\n    return found"
)

BAD = (
    Sample(source=_module(_GET)),
    Sample(source=_module(_GET.replace("get_or_create", "update_or_create"))),
    Sample(source=_module(_CHECK)),
    Sample(
        source=_module(
            "def store(name, city):\n    if not Store.objects.filter(name=name, city=city).exists():\n"
            "        Store.objects.create(name=name, city=city, owner_id=1)"
        )
    ),
    # Only a form refuses the second one.
    Sample(
        source=_module(
            "class Form:\n    def clean(self):\n        if Store.objects.filter(name=self.name, city=self.city).exists():\n"
            "            raise ValueError"
        )
    ),
    # Looked up in two places: one missing constraint, one message.
    Sample(source=_module(_GET + "\n\n\n" + _GET.replace("def store", "def again"))),
)
GOOD = (
    Sample(source=_module(_GET, ", unique=True")),
    Sample(source=_module(_GET, meta=_UNIQUE)),
    Sample(source=_module(_CHECK, meta=_UNIQUE)),
    Sample(source=_module("def store(pk):\n    return Store.objects.get_or_create(pk=pk, defaults={'owner_id': 1})")),
    # A look-up alone, and an insert alone.
    Sample(source=_module("def store(name, city):\n    return Store.objects.filter(name=name, city=city).first()")),
    Sample(source=_module("def store(name, city):\n    return Store.objects.create(name=name, city=city, owner_id=1)")),
    # What is looked up by is not what is inserted.
    Sample(
        source=_module(
            "def store(name, city):\n    first = Store.objects.filter(owner_id=7).first()\n"
            "    return Store.objects.create(name=name, city=city, owner=first.owner)"
        )
    ),
    # A lock.
    Sample(
        source=_module(
            "def store(name, city):\n    person = Person.objects.select_for_update().get(pk=1)\n"
            + _CHECK.split("\n", 1)[1]
        )
    ),
    Sample(
        source={
            **_module("x = 1"),
            "shop/management/commands/seed_stores.py": "from shop.models import Store\n\n\n" + _GET + "\n",
        }
    ),
)


_VALIDATES = re.compile(r"(^|\.)(validate|clean)(_\w+)?$")
"""Methods in which forms and serializers refuse what exists already."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    groups: defaultdict[tuple[str, frozenset[str]], list[SourceQuery]] = defaultdict(list)
    by_function: defaultdict[tuple[str, str], list[SourceQuery]] = defaultdict(list)
    for query in snapshot.source.queries:
        if not is_aid(query.issued):
            by_function[query.issued.file, query.issued.function].append(query)
    for queries in by_function.values():
        if any(query.query and query.query.locking and query.consumer != "update_or_create" for query in queries):
            continue
        for query in queries:
            table = snapshot.source.table_by_name.get(query.table or "")
            if table is None or not table.owned or not _makes_when_missing(query, queries):
                continue
            columns = equal_columns(query, table.name)
            if _is_loose(table, query, columns, limits) and "in" not in _operators(query, table.name):
                groups[table.name, columns].append(query)
    for (name, columns), queries in groups.items():
        if not any(other < columns for other_name, other in groups if other_name == name):
            yield _finding(snapshot, snapshot.source.table_by_name[name], columns, queries)


def _operators(query: SourceQuery, table: str) -> frozenset[str]:
    predicates = query.query.predicates if query.query else ()
    return frozenset(p.operator for p in predicates if p.column.table == table)


def _makes_when_missing(query: SourceQuery, others: Sequence[SourceQuery]) -> bool:
    if query.consumer in ("get_or_create", "update_or_create"):
        return query.issued_by == "get"
    if query.issued_by not in ("first", "exists") or query.query is None or query.framework != "django":
        return False
    if query.issued_by == "exists" and _VALIDATES.search(query.issued.function):
        return len(equal_columns(query, query.table or "")) > 1
    columns = equal_columns(query, query.table or "")
    values = {column: p for column, p in _values(query) if column in columns}
    for other in others:
        if other.issued_by != "insert" or other.table != query.table or other.consumer not in ("", "save", "create"):
            continue
        if other.issued.line > query.issued.line and other.query and len(columns) > 1:
            inserted = dict(zip(other.query.set_columns, other.parameters, strict=False))
            if values and all(c in inserted and inserted[c].origin == values[c] for c in values):
                return True
    return False


def _values(query: SourceQuery) -> Iterator[tuple[str, str]]:
    for predicate in query.query.predicates if query.query else ():
        if 0 < predicate.parameter <= len(query.parameters):
            yield predicate.column.column, query.parameters[predicate.parameter - 1].origin


def _is_loose(table: SourceTable, query: SourceQuery, columns: frozenset[str], limits: Limits) -> bool:
    if not 0 < len(columns) <= limits["columns"] or query.partial or query.query is None:
        return False
    if len({t.name for t in query.query.tables}) > 1:
        return False  # looked up through other tables: no constraint could say it
    if any(p.value == "null" or p.operator in ("is null", "is") for p in query.query.predicates):
        return False
    return not any(key <= columns for key in unique_keys(table))


def _finding(
    snapshot: Snapshot, table: SourceTable, columns: frozenset[str], queries: Sequence[SourceQuery]
) -> Finding:
    ordered = [column.name for column in table.columns if column.name in columns]
    fields = [column.field or column.name for column in table.columns if column.name in columns]
    rows = rows_of(snapshot, table.name)
    first = queries[0]
    how = first.consumer if first.consumer.endswith("create") else "a look-up before the insert"
    names = ", ".join(f'"{field}"' for field in fields)
    constraint = (
        f'models.UniqueConstraint(fields=[{names}], name="{table.name[:40]}_once")'
        if table.framework == "django"
        else f"UniqueConstraint({', '.join(repr(c) for c in ordered)})"
    )
    return Finding(
        title=f"{model_name(table)} can be made twice for one {listed(ordered, 3)}"[:79],
        message=f"{how} at {first.issued} looks {table.name} up by {listed(ordered)}, and no unique constraint has these columns: two "
        f"requests at once make two rows{f' (about {rows:,} rows so far)' if rows else ''}.",
        objects=(source_table_ref(table),),
        impact=Impact(rows, "rows", 100, 10_000_000)
        if rows is not None
        else Impact(len(queries), "places", 1, 20, estimated=True),
        evidence={"columns": ordered, "places": [str(q.issued) for q in queries[:20]]},
        confidence="high" if first.consumer.endswith("create") else "medium",
        next_step=f"Merge the duplicates that are there, then add {constraint} to {model_name(table)} ({table.place}).",
        identity="+".join(ordered),
        locations=locations([q.issued for q in queries] + [table.place]),
    )
