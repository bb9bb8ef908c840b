"""Raw SQL in `extra()`, which Django is going to remove.

## Why it matters

The text names tables and columns that the ORM may call otherwise (aliases of joins), is broken by a renamed field without a word, and
formatting a value into it is one step away.
Django keeps `extra()` only for old code; `annotate`, `Subquery`, `RawSQL` with parameters say the same.

## When to ignore

When the expression cannot be said otherwise yet, and tests run it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import is_aid, is_batch, locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "hygiene"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("django-extra", "BP-32")
YIELDS_TO = ("queries/sql-injection",)

_MODELS = """\
from django.db import models
from django.db.models.functions import Length


class Note(models.Model):
    title = models.CharField(max_length=80)


def view(request):
    return Note.objects.{}
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


BAD = (
    Sample(source=_module("extra(select={'n': 'length(title)'})")),
    Sample(source=_module("extra(where=['length(title) > 7'])")),
)
GOOD = (
    Sample(source=_module("annotate(n=Length('title'))")),
    # Order alone.
    Sample(source=_module("extra(order_by=['title'])")),
    # Something else of that name.
    Sample(source=_module("all() if request.extra('x') else None")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    facts = [
        f
        for f in snapshot.source.facts
        if f.kind == "raw SQL in extra" and not is_aid(f.place) and not is_batch(f.place)
    ]
    if not facts or all(table.framework != "django" for table in snapshot.source.tables):
        return
    first = facts[0]
    yield Finding(
        title=f"{counted(len(facts), 'call')} of extra() with raw SQL",
        message=f"extra() is given SQL text in {', '.join(first.name.split(','))} at {first.place}"
        f"{f' and at {len(facts) - 1} more places' if len(facts) > 1 else ''}: nothing checks its names, and Django means to remove it.",
        objects=(ObjectRef("function", first.place.file),),
        impact=Impact(len(facts), "places", 1, 100),
        evidence={"places": [str(fact.place) for fact in facts[:40]]},
        confidence="medium",
        next_step="Write annotate() with an expression (Count, Subquery, Func) for select=…, filter() for where=…; what remains as "
        "RawSQL(sql, params).",
        identity="together",
        locations=locations([fact.place for fact in facts], 60),
    )
