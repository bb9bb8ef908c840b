"""Code looks one row up by columns that nothing keeps unique.

## Why it matters

`get()` and `scalar_one_or_none()` raise as soon as a second row has the same value: a page that worked for years answers with an error,
or the wrong account's row is shown.
Only a unique constraint keeps the second row out; forms and tests do not.

## When to ignore

When another system hands out the values and vouches for them, or several rows are possible and the error is what is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, locations, model_name, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn
from dbwright.model.uniqueness import Constant, Expected, expected
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "columns": 4,
    # More tables than this and it is a habit of the project: one message.
    "tables": 3,
}
COVERS = ("unique-rule-without-index", "CH-03", "BP-15")
YIELDS_TO = ("constraints/natural-key-not-unique",)

_MODELS = """\
from django.db import models
from django.shortcuts import get_object_or_404


class Person(models.Model):
    name = models.TextField()


class Store(models.Model):
    owner = models.ForeignKey(Person, models.CASCADE)
    slug = models.SlugField(max_length=80{0})
    city = models.CharField(max_length=80)
    is_main = models.BooleanField(default=False)
    opened_at = models.DateTimeField(null=True)
{1}

def view(request, slug, city):
    {2}
"""
_UNIQUE = """
    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug", "city"], name="store_once")]
"""


def _module(body: str, unique: str = "", meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(unique, meta, body)}


BAD = (
    Sample(source=_module("return Store.objects.get(slug=slug)")),
    Sample(source=_module("return get_object_or_404(Store, slug=slug)")),
    Sample(source=_module("return Store.objects.get(slug=slug, city=city)")),
    # Not too old: the slug names it still.
    Sample(source=_module("return Store.objects.get(slug=slug, opened_at__gt=request.user.date_joined)")),
    # One in each city that is called so; a main store and another one of each owner.
    Sample(source=_module("return Store.objects.get(city=city, slug='main')")),
    Sample(
        source=_module(
            "main = Store.objects.get(owner=request.user.pk, is_main=True)\n    return main, "
            "Store.objects.get(owner=request.user.pk, is_main=False)"
        ),
        findings=2,
    ),
    # One main store for each owner.
    Sample(source=_module("return Store.objects.get(owner=request.user.pk, is_main=True)")),
)
GOOD = (
    Sample(source=_module("return Store.objects.get(slug=slug)", unique=", unique=True")),
    Sample(source=_module("return Store.objects.get(slug=slug, city=city)", meta=_UNIQUE)),
    Sample(source=_module("return Store.objects.get(slug=slug, city=city, is_main=True)", meta=_UNIQUE)),
    Sample(source=_module("return Store.objects.get(pk=slug)")),
    # The only one, as was asked before.
    Sample(
        source=_module(
            "mine = Store.objects.filter(city=city)\n    if mine.count() == 1:\n        return mine.get(city=city)"
        )
    ),
    # Any of them will do.
    Sample(source=_module("return Store.objects.filter(slug=slug).first()")),
    # Told from others by more than equal values, or by another table's.
    Sample(source=_module("return Store.objects.get(slug=slug, pk__gt=7)")),
    Sample(source=_module("return Store.objects.get(slug=slug, owner__name=city)")),
    # Unique within a city, which is known by other means; the first row alone.
    Sample(source=_module("return Store.objects.get(slug=slug)", meta=_UNIQUE)),
    # When something happened names nothing.
    Sample(source=_module("return Store.objects.get(owner=request.user.pk, opened_at=slug)")),
    # What a function of a queryset looks through is what its callers have left.
    Sample(
        source=_module(
            "return find(Store.of(slug).objects)\n\n\nclass StoreQuerySet(models.QuerySet):\n    def named(self, slug):\n"
            "        return self.get(slug=slug)"
        )
    ),
    # The same name in another branch is looked for within a city.
    Sample(
        source=_module(
            "if city:\n        return Store.objects.get(slug=slug, city=city)\n    return Store.objects.get(slug=slug)",
            meta=_UNIQUE,
        )
    ),
    # Figures over all rows are one row.
    Sample(source=_module("return Store.objects.filter(slug=slug).aggregate(models.Max('opened_at'))")),
    # A word of the program's own.
    Sample(source=_module("return Store.objects.get(slug='main')")),
)

_NAMES_ONE = re.compile(
    r"(^|_)(slug|uuid|guid|code|key|token|hash|digest|checksum|username|login|email|identifier|ident|uid|number|sku|isbn|domain|hostname|"
    r"short_?name|name|path|url|uri|ref|reference|external_id|\w+_id)$"
)
_MADE_UP = re.compile(r"(^|_)(token|secret|hash|digest|uuid|guid|\w*_key)$")
"""Columns of values that are made at random: what repeats is no danger, and what lacks is only the index."""
_TYPES = ("SlugField", "UUIDField", "EmailField")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, missing)
        for missing in expected(snapshot)
        if missing.evidence == "looked up as one" and len(missing.columns) <= limits["columns"] and missing.is_served
    ]
    yield from told_once(found, "{} tables are looked up by columns that nothing keeps unique", singly=limits["tables"])


def _said(name: str, value: Constant) -> str:
    return (name if value else f"NOT {name}") if isinstance(value, bool) else f"{name} = {value!r}"


def _names_rows(column: SourceColumn) -> bool:
    return column.field_class in _TYPES or column.type == "uuid" or bool(_NAMES_ONE.search(column.name.lower()))


def _finding(snapshot: Snapshot, missing: Expected) -> Finding:
    table, queries, ordered = missing.table, missing.queries, missing.ordered
    rows = rows_of(snapshot, table.name)
    places = list(dict.fromkeys(query.issued for query in queries))
    among = f" where {listed(_said(*condition) for condition in missing.conditions)}" if missing.conditions else ""
    known = [column for column in table.columns if column.name in missing.columns and _names_rows(column)]
    first_cleared = (
        " What sets the flag on one row must take it off the other before."
        if any(isinstance(value, bool) for _, value in missing.conditions)
        else ""
    )
    is_indexed = any(index.columns[:1] and index.columns[0] in missing.columns for index in table.indexes)
    never_repeats = is_indexed and all(_MADE_UP.search(name) for name in missing.columns)
    also = "" if is_indexed else " Nor does an index serve it: each look-up reads the table."
    return Finding(
        title=f"{model_name(table)} is looked up by {listed(ordered, 3)}, which may repeat"[:79],
        message=f"The look-up at {places[0]} expects one row of {table.name} for each {listed(ordered)}{among}, and no unique constraint "
        f"says so: a second row makes it fail{f' (about {rows:,} rows so far)' if rows else ''}.{also}",
        objects=tuple(column_ref(table, name) for name in ordered),
        impact=Impact(rows, "rows", 100, 10_000_000)
        if rows is not None
        else Impact(len(places), "places", 20 if never_repeats else 1, 400 if never_repeats else 20, estimated=True),
        evidence={"columns": ordered, "places": [str(place) for place in places[:20]]},
        confidence="medium" if known and not never_repeats else "low",
        next_step=f"Merge the duplicates that are there, then add {missing.constraint} to {model_name(table)} ({table.place})."
        f"{first_cleared}",
        identity=f"{table.name}:{'+'.join(ordered)}{among}",
        locations=locations([*places, *(column_place(table, name) for name in ordered)]),
    )
