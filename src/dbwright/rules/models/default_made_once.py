"""A column's default is computed once, when the program starts.

## Why it matters

`default=timezone.now()` is the moment of the last deployment, `default=uuid4()` one value for all rows, and a list or dict written there is
shared by all instances that change it.
What was meant is the function itself, which is called for each row.

## When to ignore

When all rows are to have the same value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbwright.model.asked import is_aid, locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceFact
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("django-mutable-default", "django-fixed-now-default")

_MODELS = """\
import uuid

from django.db import models
from django.utils import timezone


class Note(models.Model):
    {}
"""


def _models(field: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field)}


BAD = (
    Sample(source=_models("at = models.DateTimeField(default=timezone.now())")),
    Sample(source=_models("code = models.UUIDField(default=uuid.uuid4())")),
    Sample(source=_models("tags = models.JSONField(default=[])")),
)
GOOD = (
    Sample(source=_models("at = models.DateTimeField(default=timezone.now)")),
    Sample(source=_models("code = models.UUIDField(default=uuid.uuid4)")),
    Sample(source=_models("tags = models.JSONField(default=list)")),
    Sample(source=_models("size = models.IntegerField(default=7)")),
    # The database calls it.
    Sample(source=_models("at = models.DateTimeField(db_default=models.functions.Now())")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    facts = [f for f in snapshot.source.facts if f.kind == "default made once" and not is_aid(f.place)]
    owners = {table.symbol.rpartition(".")[2] for table in snapshot.source.tables}
    facts = [fact for fact in facts if fact.owner in owners]
    values = [fact for fact in facts if not _is_container(fact)]
    shared = [fact for fact in facts if _is_container(fact)]
    if values:
        yield _finding(
            values,
            "computed once",
            "is computed when the module is imported: every row until the next start gets the same value",
            "Give the function instead of its result (default=timezone.now, default=uuid.uuid4).",
            "together",
        )
    if shared:
        yield _finding(
            shared,
            "one object for all rows",
            "is one object for all rows: what code adds to it on one row stands in the next row that is made",
            "Give the class instead of one of its objects (default=dict, default=list).",
            "shared",
        )


def _is_container(fact: SourceFact) -> bool:
    return fact.name.removeprefix("default=")[:1] in ("[", "{")


def _finding(facts: Sequence[SourceFact], title: str, message: str, step: str, identity: str) -> Finding:
    first = facts[0]
    others = f" (and {len(facts) - 1} more)" if len(facts) > 1 else ""
    shared = identity == "shared"
    return Finding(
        title=f"{first.owner}: {first.name} is {title}"[:79],
        message=f"{first.name} at {first.place}{others} {message}.",
        objects=tuple(dict.fromkeys(ObjectRef("model", fact.owner) for fact in facts)),
        impact=Impact(len(facts), "defaults", 1, 100, estimated=True) if shared else Impact.certain("default"),
        evidence={"places": [str(fact.place) for fact in facts]},
        confidence="medium" if shared else "high",
        next_step=step,
        identity=identity,
        locations=locations([fact.place for fact in facts], 40),
    )
