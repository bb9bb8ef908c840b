"""A condition is written with an operator of Python's that SQLAlchemy never sees.

## Why it matters

`Model.column is None` compares two objects of Python: the answer is False before any SQL is made, and the query finds nothing.
`not Model.flag` is False too; `a == 1 and b == 2` keeps only one of its sides; `column in [...]` is False.
No error is raised: the wrong rows are shown, changed or deleted.

## When to ignore

Never for a column. A class of another kind that has such an attribute is no table, and the rule is silent.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import function_ref
from dbwright.model.finding import Finding, Impact, Location, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceFact
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("sqlalchemy-python-operator-in-filter", "null-comparison")

_TABLES = """\
from enum import Enum

from sqlalchemy import and_, not_, or_, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Kind(Enum):
    open = None


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    parent_id: Mapped[int | None]
    is_open: Mapped[bool]


def notes(session: Session, word: str | None):
    return session.scalars(select(Note).where({})).all()
"""


def _session(condition: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/notes.py": _TABLES.format(condition)}


BAD = (
    Sample(source=_session("Note.parent_id is None")),
    Sample(source=_session("Note.title == word, Note.parent_id is not None")),
    Sample(source=_session("Note.is_open is True")),
    Sample(source=_session("not Note.is_open")),
    Sample(source=_session("Note.title == word and Note.parent_id == 1")),
    Sample(source=_session("or_(Note.title == word, Note.id in [1, 2])")),
)
GOOD = (
    Sample(source=_session("Note.parent_id.is_(None)")),
    Sample(source=_session("Note.parent_id == None")),
    Sample(source=_session("~Note.is_open")),
    Sample(source=_session("not_(Note.is_open)")),
    Sample(source=_session("and_(Note.title == word, Note.parent_id == 1)")),
    Sample(source=_session("(Note.title == word) & (Note.parent_id == 1)")),
    Sample(source=_session("Note.id.in_([1, 2])")),
    # Python decides which condition it is.
    Sample(source=_session("Note.title == word if word is not None else Note.is_open")),
    Sample(source=_session("*([Note.title == word] if word and word not in ('all', 'any') else [])")),
    # No column.
    Sample(source=_session("Note.title == word, Kind.open is None or Note.is_open")),
)

_RIGHT = {
    "is": ".is_(…)",
    "is not": ".is_not(…)",
    "in": ".in_([…])",
    "not in": ".not_in([…])",
    "not": "~ before the column",
    "and": "a comma, or and_(…)",
    "or": "or_(…)",
}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    classes = {t.symbol.rpartition(".")[2] for t in snapshot.source.tables if t.framework == "sqlalchemy"}
    for fact in snapshot.source.facts:
        if fact.kind == "operator of Python" and fact.owner.rpartition(".")[2] in classes:
            yield _finding(fact)


def _finding(fact: SourceFact) -> Finding:
    place, right = fact.place, _RIGHT[fact.name]
    return Finding(
        title=f"Python answers a condition on {fact.owner}: '{fact.name}'"[:79],
        message=f"The condition at {place} is written with '{fact.name}', which Python answers before SQLAlchemy sees a column of "
        f"{fact.owner}: it is not part of the SQL.",
        objects=(function_ref(place),),
        impact=Impact.certain("condition that is not asked"),
        evidence={"place": str(place), "operator": fact.name},
        confidence="high",
        next_step=f"Write {right} instead of '{fact.name}' at {place}, and look for rows that were changed under the wrong condition.",
        identity=f"{place.file}:{place.function}:{fact.name}:{fact.owner}",
        locations=(Location(place.file, place.line),),
    )
