"""The user's request names what rows are ordered by.

## Why it matters

`order_by` follows relations: `?sort=owner__password` orders by a column that the user must never see, and the order tells its values bit by
bit.
Any path adds joins and sorts that no index serves, and a name that does not exist ends in an error page.

## When to ignore

When the name was compared with a list of allowed ones before, in a way that the reader does not see.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import function_ref, is_aid, is_batch
from dbwright.model.finding import Finding, Impact, Location, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceFact
from dbwright.rules import Limits

RISK: Risk = "security"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("framework-tainted-sql", "CH-18")

_HEAD = """\
from django.db import models

SORTS = {"name": "name", "newest": "-id"}


class Store(models.Model):
    name = models.TextField()
    owner = models.ForeignKey("auth.User", models.CASCADE)


def ordered(stores, key):
    return stores.order_by(key)


"""


def _view(body: str) -> dict[str, str]:
    lines = "\n    ".join(body.split("\n"))
    return {"shop/__init__.py": "", "shop/models.py": f"{_HEAD}def view(request):\n    {lines}\n"}


BAD = (
    Sample(source=_view("return Store.objects.order_by(request.GET['sort'])")),
    Sample(source=_view("key = request.GET.get('sort', 'name')\nreturn Store.objects.order_by(key, 'id')")),
    Sample(source=_view("key = request.GET.get('sort')\nreturn Store.objects.order_by(f'-{key}')")),
    Sample(source=_view("return Store.objects.order_by(*request.GET.getlist('sort'))")),
    # A function is handed the name.
    Sample(source=_view("return ordered(Store.objects.all(), request.GET['sort'])")),
)
GOOD = (
    Sample(source=_view("return Store.objects.order_by(SORTS[request.GET['sort']])")),
    Sample(source=_view("return Store.objects.order_by(SORTS.get(request.GET.get('sort'), 'name'))")),
    Sample(
        source=_view(
            "key = request.GET.get('sort')\nif key not in ('name', 'id'):\n    key = 'id'\nreturn Store.objects.order_by(key)"
        )
    ),
    Sample(
        source=_view(
            "key = request.GET.get('sort')\nif key.lstrip('-') not in SORTS:\n    raise ValueError\n"
            "return Store.objects.order_by(key)"
        )
    ),
    Sample(source=_view("return Store.objects.order_by('-id' if request.GET.get('sort') == 'newest' else 'name')")),
    Sample(source=_view("return ordered(Store.objects.filter(name=request.GET['name']), 'name')")),
    # Names of another kind, and an order in Python.
    Sample(source=_view("return sorted(Store.objects.all(), key=lambda s: s.name == request.GET['name'])")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if all(table.framework != "django" for table in snapshot.source.tables):
        return
    found = [
        _finding(fact)
        for fact in snapshot.source.facts
        if fact.kind == "order from request" and not is_aid(fact.place) and not is_batch(fact.place)
    ]
    yield from told_once(found, "The request names the order of rows in {} places")


def _finding(fact: SourceFact) -> Finding:
    place, at = fact.place, fact.owner or str(fact.place)
    handed = f"{place} hands text of the user's request to {fact.name}(), and rows are ordered by it at {at}"
    here = f"Rows are ordered at {place} by what the user's request names"
    file, _, line = at.rpartition(":")
    return Finding(
        title=f"The request names the order of rows: {place.function.rpartition('.')[2] or place.file}"[:79],
        message=f"{handed if fact.owner else here}: any column is taken, also one of another table (owner__password).",
        objects=(function_ref(place),),
        impact=Impact.certain("order that the user chooses"),
        evidence={"place": str(place), "ordered at": at},
        confidence="medium",
        next_step="Take the argument of order_by() from a dict of the orders that the page offers: "
        f"order_by(ORDERS.get(name, default)) at {at}.",
        identity=f"{place.file}:{place.function}",
        locations=tuple(dict.fromkeys((Location(place.file, place.line), Location(file, int(line))))),
    )
