"""Moments are kept or made without a time zone.

## Why it matters

`timestamp` without time zone is what a clock on some wall showed: the column does not tell which.
`datetime.utcnow()` gives such a value too; compared with an aware one it fails, and converted as local time it is off by hours.

## When to ignore

When the column means local wall time (opening hours), or every writer uses UTC and always will.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import column_place, is_aid, locations, model_name
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
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


BAD = (
    Sample(source=_models("created_at: Mapped[datetime] = mapped_column(DateTime)")),
    Sample(source=_models("created_at: Mapped[datetime] = mapped_column(DateTime, default=datetime.utcnow)")),
    Sample(
        source=_models("created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=datetime.utcnow)")
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
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        (table, column)
        for table in snapshot.source.tables
        if table.owned and table.managed and table.framework == "sqlalchemy"
        for column in table.columns
        if column.type in ("timestamp", "timestamp without time zone")
    ]
    calls = [fact for fact in snapshot.source.facts if fact.kind == "naive moment" and not is_aid(fact.place)]
    if not found and not (calls and snapshot.source.tables):
        return
    labels = [f"{model_name(table)}.{column.field or column.name}" for table, column in found]
    said = []
    if found:
        said.append(f"{listed(labels)} are timestamps without time zone")
    if calls:
        said.append(
            f"{counted(len(calls), 'call')} of {calls[0].name}() (the first at {calls[0].place}) give moments without one"
        )
    steps = (
        ["Write DateTime(timezone=True) and ALTER COLUMN … TYPE timestamptz USING … AT TIME ZONE 'UTC'."]
        if found
        else []
    )
    steps += ["Write datetime.now(UTC) for datetime.utcnow()."] if calls else []
    yield Finding(
        title=f"{counted(len(found), 'column')} and {counted(len(calls), 'call')} keep moments without time zone",
        message="; ".join(said) + ".",
        objects=tuple(ObjectRef("column", c.name, t.schema or "public", t.name, (c.name,)) for t, c in found)
        or (ObjectRef("function", calls[0].place.function or calls[0].place.file),),
        impact=Impact(len(found) + len(calls), "places", 1, 200),
        evidence={"columns": labels[:40], "calls": [str(fact.place) for fact in calls[:40]]},
        confidence="medium",
        next_step=" ".join(steps),
        identity="together",
        locations=locations([*(column_place(t, c.name) for t, c in found), *(fact.place for fact in calls)], 60),
    )
