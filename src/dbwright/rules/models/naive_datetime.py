"""Moments are kept or made without a time zone.

## Why it matters

`timestamp` without time zone is what a clock on some wall showed: the column does not tell which.
`datetime.now()` and `datetime.utcnow()` give such values too: compared with an aware one they fail, and taken as local time they are off by
hours, or by one hour twice a year.

## When to ignore

When the column means local wall time (opening hours), or every writer uses UTC and always will.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import column_place, is_aid, locations, model_name
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceFact
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("source",)
# Lines that only hand a moment on, of which some will be stored.
LIMITS: dict[str, float] = {"handed_on": 5}
COVERS: tuple[str, ...] = ()
YIELDS_TO = ("types/timestamp-without-time-zone",)

_MODELS = """\
from datetime import UTC, datetime

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    {}
"""


def _models(column: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/models.py": _MODELS.format(column)}


_DJANGO = """\
import datetime

from django.db import models
from django.utils import timezone


class Note(models.Model):
    created_at = models.DateTimeField({0})


def view(request):
    {1}
"""


def _django(body: str, field: str = "default=timezone.now", zones: str = "True") -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/settings.py": f"USE_TZ = {zones}\nINSTALLED_APPS = ['shop']\n",
        "shop/models.py": _DJANGO.format(field, body),
    }


BAD = (
    Sample(source=_models("created_at: Mapped[datetime] = mapped_column(DateTime)")),
    Sample(source=_models("created_at: Mapped[datetime] = mapped_column(DateTime, default=datetime.utcnow)")),
    Sample(
        source=_models("created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=datetime.utcnow)")
    ),
    Sample(source=_django("pass", field="default=datetime.datetime.now")),
    Sample(source=_django("return Note.objects.filter(created_at__gte=datetime.datetime.now())")),
    Sample(
        source=_django(
            "limit = datetime.datetime.today() - datetime.timedelta(days=7)\n    return Note.objects.filter(created_at__gte=limit)"
        )
    ),
    Sample(source=_django("note = Note()\n    note.created_at = datetime.datetime.utcnow()\n    note.save()")),
    Sample(
        source=_django(
            "day = request.GET['d']\n    start = datetime.datetime.combine(day, datetime.time.min)\n"
            "    return list(Note.objects.filter(created_at=start))"
        )
    ),
)
GOOD = (
    Sample(source=_models("created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))")),
    Sample(
        source=_models(
            "created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))"
        )
    ),
    Sample(source=_models("size: Mapped[int]")),
    Sample(source=_django("return Note.objects.filter(created_at__gte=timezone.now())")),
    Sample(source=_django("return Note.objects.filter(created_at__gte=datetime.datetime.now(tz=datetime.UTC))")),
    # The project has chosen to do without zones.
    Sample(source=_django("return Note.objects.filter(created_at__gte=datetime.datetime.now())", zones="False")),
    # Shown, timed, or made aware.
    Sample(source=_django("return datetime.datetime.now().strftime('%H:%M')")),
    Sample(source=_django("return {'year': datetime.datetime.now().year}")),
    Sample(source=_django("began = datetime.datetime.now()\n    return datetime.datetime.now() - began")),
    Sample(
        source=_django(
            "now = timezone.make_aware(datetime.datetime.now())\n    return Note.objects.filter(created_at=now)"
        )
    ),
    Sample(
        source=_django(
            "now = datetime.datetime.now().replace(tzinfo=datetime.UTC)\n    return Note.objects.filter(created_at__lt=now)"
        )
    ),
    Sample(source=_django("now = datetime.datetime.now()\n    print(f'it is {now}')")),
)


_STORED = ("default", "stored", "in a query", "compared")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        (table, column)
        for table in snapshot.source.tables
        if table.owned and table.managed and table.framework == "sqlalchemy"
        for column in table.columns
        if column.type in ("timestamp", "timestamp without time zone")
    ]
    calls = _calls(snapshot)
    if not found and not (any(fact.owner in _STORED for fact in calls) or len(calls) >= limits["handed_on"]):
        return
    labels = [f"{model_name(table)}.{column.field or column.name}" for table, column in found]
    said = []
    if found:
        said.append(f"{listed(labels)} are timestamps without time zone")
    if calls:
        said.append(
            f"{counted(len(calls), 'line')} {'makes' if len(calls) == 1 else 'make'} moments without one ({_example(calls)})"
        )
    steps = (
        ["Write DateTime(timezone=True) and ALTER COLUMN … TYPE timestamptz USING … AT TIME ZONE 'UTC'."]
        if found
        else []
    )
    if calls:
        django = any(table.framework == "django" for table in snapshot.source.tables)
        steps.append(
            "Write timezone.now() of django.utils for datetime.now(), and timezone.make_aware(…) around what is combined."
            if django
            else "Write datetime.now(UTC) for datetime.utcnow() and datetime.now()."
        )
    title = " and ".join(
        [f"{counted(len(found), 'column')}"] * bool(found) + [f"{counted(len(calls), 'line')} of code"] * bool(calls)
    )
    yield Finding(
        title=f"{title} keep moments without time zone",
        message="; ".join(said) + ".",
        objects=tuple(ObjectRef("column", c.name, t.schema or "public", t.name, (c.name,)) for t, c in found)
        or (ObjectRef("function", calls[0].place.function or calls[0].place.file),),
        impact=Impact(len(found) + len(calls), "places", 1, 1000),
        evidence={"columns": labels[:40], "calls": [f"{fact.place}" for fact in calls[:80]]},
        confidence="medium" if not found and any(fact.owner in _STORED for fact in calls) else "low",
        next_step=" ".join(steps),
        identity="together",
        locations=locations([*(column_place(t, c.name) for t, c in found), *(fact.place for fact in calls)], 60),
    )


def _calls(snapshot: Snapshot) -> list[SourceFact]:
    """All that goes somewhere in a Django project with ``USE_TZ``, elsewhere UTC without saying so."""
    source = snapshot.source
    zones = {fact.name for fact in source.facts if fact.kind == "time zones" and not is_aid(fact.place)}
    frameworks = {table.framework for table in source.tables}
    calls = [fact for fact in source.facts if fact.kind == "naive moment" and not is_aid(fact.place)]
    if "django" in frameworks:
        calls = calls if "on" in zones else []
    elif frameworks:
        calls = [fact for fact in calls if "utc" in fact.name]
    else:
        calls = []
    return sorted(calls, key=lambda fact: (fact.owner not in _STORED, fact.place.file, fact.place.line))


def _example(calls: list[SourceFact]) -> str:
    first = calls[0]
    where = {"default": "as a default", "passed on": "handed on"}.get(first.owner, first.owner)
    return f"{first.name} at {first.place}, {where}"
