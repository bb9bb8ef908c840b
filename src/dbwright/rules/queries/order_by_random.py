"""Rows are shuffled to show a few of them.

## Why it matters

`order_by("?")` gives every row of the table a random number and sorts them all, for the few that are shown; no index helps.

## When to ignore

When the condition leaves some hundred rows at most.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import is_aid, is_batch, locations, rows_of, size_of
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceQuery
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"rows": 5_000}
COVERS = ("order-by-random",)

_MODELS = """\
from django.db import models


class Note(models.Model):
    title = models.CharField(max_length=80)
    owner = models.ForeignKey("self", models.CASCADE)


def view(request):
    return list(Note.objects.{})
"""


def _module(body: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(body)}


BAD = (
    Sample(source=_module("order_by('?')[:5]")),
    Sample(source=_module("filter(title__gt='a').order_by('?')[:5]")),
)
GOOD = (
    Sample(source=_module("order_by('title')[:5]")),
    # The rows of one owner.
    Sample(source=_module("filter(owner_id=7).order_by('?')[:5]")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [q for q in snapshot.source.queries if _is_shuffled(q) and not is_aid(q.issued) and not is_batch(q.issued)]
    found = [q for q in found if (rows_of(snapshot, q.table) or limits["rows"]) >= limits["rows"]]
    if not found:
        return
    first = max(found, key=lambda q: rows_of(snapshot, q.table) or 0)
    places = list(dict.fromkeys(query.issued for query in found))
    rows = rows_of(snapshot, first.table)
    yield Finding(
        title=f"{first.table} is shuffled to show a few rows"[:79],
        message=f"{first.issued} sorts {first.table} by random numbers ({size_of(snapshot, first.table)})"
        f"{f', and {len(places) - 1} more places do so' if len(places) > 1 else ''}.",
        objects=tuple(dict.fromkeys(ObjectRef("table", q.table or "", "public", q.table) for q in found)),
        impact=Impact(rows, "rows", limits["rows"], 1e7)
        if rows is not None
        else Impact(len(places), "places", 1, 20, estimated=True),
        evidence={"places": [str(place) for place in places[:20]]},
        confidence="medium" if rows is not None else "low",
        next_step=f"Take random keys first and fetch their rows by id__in at {first.made}, or choose among the ids once a minute.",
        identity="together",
        locations=locations([p for q in found for p in (q.issued, q.made)], 40),
    )


def _is_shuffled(query: SourceQuery) -> bool:
    """All rows are sorted by random numbers, not those of one owner or one key."""
    if query.query is None or query.partial:
        return False
    shuffled = any("random()" in key.expression.lower() for key in query.query.order_by)
    return shuffled and not any(
        p.operator in ("=", "in") and p.narrows and p.value != "column" for p in query.query.predicates
    )
