"""Rows are looked up and made when missing, and nothing keeps two requests from making two.

## Why it matters

Both requests look, both find nothing, both insert.
`get_or_create` and `update_or_create` are safe only behind a unique constraint, whose error they catch; without one the next call fails
with `MultipleObjectsReturned`.

## When to ignore

When one process alone writes the table, or a lock is held around the look-up and the insert.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.asked import locations, model_name, rows_of, source_table_ref
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.uniqueness import Expected, expected
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    "columns": 5,
    # More tables than this and it is a habit of the project: one message.
    "tables": 3,
}
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

_TRIED = (
    "from django.db import IntegrityError\n\n\ndef store(owner, city):\n    try:\n"
    "        if not Store.objects.filter(owner=owner, city=city).exists():\n"
    "            Store.objects.create(owner=owner, city=city, name=f'{owner} {city}')\n    except IntegrityError:\n        pass"
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
    # Nothing is there to be caught.
    Sample(source=_module(_TRIED)),
    # Looked up in two places: one missing constraint, one message.
    Sample(source=_module(_GET + "\n\n\n" + _GET.replace("def store", "def again"))),
)
GOOD = (
    # Another constraint makes the second insert fail, and that is caught.
    Sample(source=_module(_TRIED, ", unique=True")),
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
    # The row that is made has the value in a column that is unique.
    Sample(
        source=_module(
            "def store(request):\n    city = request.GET['city']\n"
            "    return Store.objects.get_or_create(city=city, defaults={'name': city, 'owner_id': 1})",
            ", unique=True",
        )
    ),
    # Whether there may be two, the kind of thing says.
    Sample(
        source={
            **_module(
                "class Form:\n    def clean(self):\n        if self.owner.is_unique:\n"
                "            if Store.objects.filter(owner=self.owner, city=self.city).exists():\n                raise ValueError"
            ),
            "shop/models.py": _MODELS.format("", "").replace(
                "name = models.TextField()", "name = models.TextField()\n    is_unique = models.BooleanField()"
            ),
        }
    ),
    # A flag chooses among the rows.
    Sample(
        source={
            **_module(
                "def store(owner):\n    found = Store.objects.filter(owner=owner, is_active=True).first()\n"
                "    if found is None:\n        found = Store.objects.create(owner=owner, is_active=True, name='', city='')\n"
                "    return found"
            ),
            "shop/models.py": _MODELS.format("", "\n    is_active = models.BooleanField()\n"),
        }
    ),
    # Who left may come again.
    Sample(
        source={
            **_module(
                "def store(owner, city):\n    found = Store.objects.filter(owner=owner, city=city).first()\n"
                "    if found is None or found.leave_date:\n        found = Store.objects.create(owner=owner, city=city, name='')\n"
                "    return found"
            ),
            "shop/models.py": _MODELS.format("", "\n    leave_date = models.DateField(null=True)\n"),
        }
    ),
    # What may not overlap: several beside each other are right.
    Sample(
        source={
            **_module(
                "class Form:\n    def clean(self):\n        others = Store.objects.filter(name=self.name, city=self.city)\n"
                "        if others.filter(opens__lt=self.closes).exists():\n            raise ValueError"
            ),
            "shop/models.py": _MODELS.format("", "\n    opens = models.IntegerField()\n"),
        }
    ),
    # Case is passed over, which no plain constraint does.
    Sample(
        source=_module(
            "class Form:\n    def clean(self):\n"
            "        if Store.objects.filter(name__iexact=self.name, city=self.city).exists():\n            raise ValueError"
        )
    ),
    # One row that the program knows beforehand.
    Sample(
        source=_module("def store():\n    return Store.objects.get_or_create(name='main', defaults={'owner_id': 1})")
    ),
    # A command, which one process runs.
    Sample(
        source={
            **_module("x = 1"),
            "shop/management/commands/read_stores.py": "from shop.models import Store\n\n\n" + _GET + "\n",
        }
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, missing)
        for missing in expected(snapshot)
        if missing.evidence == "made when missing" and len(missing.columns) <= limits["columns"] and missing.is_served
    ]
    yield from told_once(found, "{} tables are filled after a look-up that nothing makes safe", singly=limits["tables"])


def _finding(snapshot: Snapshot, missing: Expected) -> Finding:
    table, queries, ordered = missing.table, missing.queries, missing.ordered
    rows = rows_of(snapshot, table.name)
    first = queries[0]
    how = first.consumer if first.consumer.endswith("create") else "a look-up before the insert"
    return Finding(
        title=f"{model_name(table)} can be made twice for one {listed(ordered, 3)}"[:79],
        message=f"{how} at {first.issued} looks {table.name} up by {listed(ordered)}, and no unique constraint has these columns: two "
        f"requests at once make two rows{f' (about {rows:,} rows so far)' if rows else ''}.",
        objects=(replace(source_table_ref(table), columns=tuple(ordered)),),
        impact=Impact(rows, "rows", 100, 10_000_000)
        if rows is not None
        else Impact(len({q.issued for q in queries}), "places", 1, 30, estimated=True),
        evidence={"columns": ordered, "places": [str(q.issued) for q in queries[:20]]},
        confidence="high" if first.consumer.endswith("create") else "medium",
        next_step=f"Merge the duplicates that are there, then add {missing.constraint} to {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{'+'.join(ordered)}",
        locations=locations([q.issued for q in queries] + [table.place]),
    )
