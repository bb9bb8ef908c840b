"""A task is queued, a mail sent or another server asked while the transaction is still open.

## Why it matters

The worker that takes the task looks for rows that are not committed yet and does not find them; when the transaction is rolled back, the
mail is sent all the same.
And while another server takes its time to answer, rows stay locked and a connection is held.

## When to ignore

When the task looks at no row that this transaction writes, and is right even if the transaction fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import function_ref, is_aid, is_batch, locations
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS: tuple[str, ...] = ()

_MODELS = """\
import requests
from django.core.mail import send_mail
from django.db import models, transaction

from shop.tasks import index_note


class Note(models.Model):
    title = models.CharField(max_length=80)


def view(request):
    with transaction.atomic():
        note = Note.objects.create(title="x")
        {0}
    {1}
"""
_DECORATED = """

@transaction.atomic
def other(request):
    note = Note.objects.create(title="x")
    {}
"""


def _module(inside: str, after: str = "pass", more: str = "") -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/tasks.py": "def index_note(pk):\n    return pk\n",
        "shop/models.py": _MODELS.format(inside, after) + more,
    }


BAD = (
    Sample(source=_module("index_note.delay(note.pk)")),
    Sample(source=_module("send_mail('a', 'b', 'c', ['d'])")),
    Sample(source=_module("requests.post('https://example.org', json={})")),
    Sample(source=_module("pass", more=_DECORATED.format("index_note.apply_async(args=[note.pk])"))),
)
GOOD = (
    Sample(source=_module("pass", "index_note.delay(note.pk)")),
    Sample(source=_module("transaction.on_commit(lambda: index_note.delay(note.pk))")),
    Sample(source=_module("index_note.delay_on_commit(note.pk)")),
    Sample(source=_module("pass", more=_DECORATED.format("transaction.on_commit(lambda: index_note.delay(note.pk))"))),
    Sample(source=_module("self = note\n        self.lock.delay()")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    facts = [
        f
        for f in snapshot.source.facts
        if f.kind == "effect in transaction" and not is_aid(f.place) and not is_batch(f.place)
    ]
    if not facts or not snapshot.source.tables:
        return
    first = facts[0]
    others = f" ({counted(len(facts), 'line')} in all)" if len(facts) > 1 else ""
    yield Finding(
        title=f"{first.name}() runs before the commit{others}"[:79],
        message=f"{first.name}() at {first.place} runs inside a transaction{others}: it may come before others "
        "can see the rows, and a rollback does not take it back.",
        objects=(function_ref(first.place),),
        impact=Impact(len(facts), "places", 1, 30),
        evidence={
            "places": [f"{fact.place}" for fact in facts[:40]],
            "calls": sorted({fact.name for fact in facts})[:20],
        },
        confidence="medium",
        next_step=f"Write transaction.on_commit(lambda: {first.name}(…)) at {first.place}, or call it after the transaction.",
        identity="together",
        locations=locations([fact.place for fact in facts], 60),
    )
