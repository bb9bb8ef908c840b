"""A model that links two others allows the same link twice.

## Why it matters

A double click or two requests at once store the membership, the like or the tag twice: counts are too high, joins return duplicates, and
`get()` for the pair fails.
Forms look before they save; only a unique constraint holds for two at the same moment.

## When to ignore

When a pair may have several rows on purpose, one for each period, visit or role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import (
    column_place,
    column_ref,
    locations,
    model_name,
    own_tables,
    rows_of,
    unique_change,
    unique_keys,
)
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.uniqueness import expected
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {
    # Columns beside the key, the two references and when the row was made: more, and it is a thing of its own.
    "other_columns": 3,
    # Without a name that tells of a link.
    "other_columns_unnamed": 1,
    # More tables than this and it is a habit of the project: one message.
    "tables": 1,
}
COVERS = ("unique-rule-without-index", "CH-03")
YIELDS_TO = ("constraints/link-not-unique",)

_MODELS = """\
from django.db import models


class Person(models.Model):
    name = models.TextField()


class Project(models.Model):
    name = models.TextField()


class {0}(models.Model):
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    {1}
{2}"""
_UNIQUE = """
    class Meta:
        unique_together = [("project", "person")]
"""
_ROLE = "role = models.CharField(max_length=9)"


def _models(name: str, field: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(name, field, meta)}


_ASSOCIATION = """\
from sqlalchemy import Column, ForeignKey, Table{1}
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

links = Table("links", Base.metadata, {0})

class Kind(Base):
    __tablename__ = "kind"
    id: Mapped[int] = mapped_column(primary_key=True)

class Step(Base):
    __tablename__ = "step"
    id: Mapped[int] = mapped_column(primary_key=True)
    kinds = relationship(Kind, secondary=links)
"""
_KIND, _STEP = 'Column("kind_id", ForeignKey("kind.id"){0})', 'Column("step_id", ForeignKey("step.id"){0})'


def _association(*columns: str, more: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _ASSOCIATION.format(", ".join(columns), more)}


BAD = (
    # Zou: a secondary table with neither key nor unique constraint.
    Sample(source=_association(_KIND.format(""), _STEP.format(", index=True"))),
    Sample(source=_models("Membership", _ROLE)),
    Sample(source=_models("PersonProject", "created_at = models.DateTimeField(auto_now_add=True)")),
    Sample(source=_models("Placement", "order = models.IntegerField(default=0)")),
)
GOOD = (
    # What both others have done together they do again.
    Sample(source=_models("PersonProjectView", "created_at = models.DateTimeField(auto_now_add=True)")),
    Sample(source=_association(_KIND.format(", primary_key=True"), _STEP.format(", primary_key=True"))),
    Sample(
        source=_association(
            _KIND.format(""), _STEP.format(""), 'UniqueConstraint("kind_id", "step_id")', more=", UniqueConstraint"
        )
    ),
    Sample(source=_association(_KIND.format(""), _STEP.format(""), 'Column("place", Integer)', more=", Integer")),
    Sample(source=_models("Membership", _ROLE, _UNIQUE)),
    Sample(source=_models("Membership", _ROLE, _UNIQUE.replace('"person"', '"person", "role"'))),
    # One row for each person.
    Sample(
        source=_models("Membership", "pass").copy()
        | {
            "shop/models.py": _models("Membership", "pass")["shop/models.py"].replace(
                "person = models.ForeignKey", "person = models.OneToOneField"
            )
        }
    ),
    # Under another name.
    Sample(source=_models("Membership", "name = models.CharField(max_length=9)")),
    # Visits repeat, and so do periods and orders.
    Sample(source=_models("ProjectVisit", "created_at = models.DateTimeField(auto_now_add=True)")),
    Sample(source=_models("Membership", "start_date = models.DateField()\n    end_date = models.DateField(null=True)")),
    Sample(source=_models("Donation", "amount = models.DecimalField(max_digits=9, decimal_places=2)")),
    # A unit and how many of it.
    Sample(source=_models("PersonProject", "hours = models.DecimalField(max_digits=9, decimal_places=2)")),
    # One for each kind.
    Sample(source=_models("Membership", "subject = models.CharField(max_length=9, choices=[('a', 'A'), ('b', 'B')])")),
    # A remark is a thing of its own.
    Sample(source=_models("Remark", "text = models.TextField()")),
    # Code looks up which rows are the same: that is told with the look-up.
    Sample(
        source=_models("Membership", "group = models.ForeignKey(Person, models.CASCADE, null=True, related_name='+')")
        | {
            "shop/views.py": "from shop.models import Membership\n\n\ndef join(group, project):\n"
            "    Membership.objects.get_or_create(group=group, project=project)\n"
        }
    ),
    # Nobody needs to belong to a project.
    Sample(
        source={
            "shop/__init__.py": "",
            "shop/models.py": _MODELS.format("Membership", "pass", "").replace(
                'models.CASCADE, related_name="+")\n    project',
                'models.CASCADE, null=True, related_name="+")\n    project',
            ),
        }
    ),
)

_LINK = re.compile(
    r"(member|membership|follow|follower|follows|favou?rite|like|bookmark|enrol+ment|vote|upvote|wishlist_?item|block|subscription|"
    r"tagging|watcher|assignee|collaborator|participant|attendee|starred|star|relationship|relation|through|association|mapping)s?$"
)
_REPEATS = re.compile(
    r"log|histor|event|visit|view|hit|click|download|attempt|session|notif|message|mail|request|access|usage|track|audit|chang|version|"
    r"revision|job|task|run|order|payment|purchase|transaction|booking|reservation|invoice|donation|comment|report|result|submission|"
    r"answer|response|score|measure|record|snapshot|stat|activit|action|alert|warning|infraction|award|invit|transfer|upload|import|"
    r"export|review|post|note|file|image|photo|item|line"
)
_TELLS_APART = re.compile(r"(^|_)(name|key|label|alias|field|slug|code|path)$")
"""Under another of these the same two are linked again."""
_MOMENT = re.compile(
    r"^(created|updated|modified|added|joined|inserted|last_\w+|changed|edited|approved|granted|invited|assigned)(_?(at|on|date|time|by|by_id))?$"
    r"|^(date|time|when)_\w+$|^(timestamp|uuid|history_id)$|_by(_id)?$"
)
_PERIOD = re.compile(
    r"(^|_)(start|started|end|ended|from|until|till|valid|period|month|year|day|left|removed|deleted|expires?|expiry)(_|$)"
)
_PLAIN = re.compile(
    r"(^|_)(order|position|rank|index|priority|weight|sort|sort_order|ordering|role|status|state|level|is_\w+|active|enabled|primary|default|"
    r"muted|approved|hidden|kind|type|permission|permissions|accepted|confirmed)$"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    spoken_of = {(missing.table.name, missing.columns) for missing in expected(snapshot) if missing.is_served}
    found = [
        _finding(snapshot, table, pair)
        for table in own_tables(snapshot)
        if (pair := _bare_pair(table) if table.through else _pair(table, limits))
        if not any(name == table.name and columns & set(pair) for name, columns in spoken_of)
    ]
    yield from told_once(found, "{} models link two others and allow the same link twice", singly=limits["tables"])


def _bare_pair(table: SourceTable) -> tuple[str, str] | None:
    """The two references of an association table that has no key at all, else None: SQLAlchemy's ``secondary`` adds rows to it without
    looking, and with nothing to tell two equal rows apart it cannot remove one of them."""
    columns = [c for c in table.columns if not _MOMENT.search(c.name.lower())]
    references = [c for c in columns if c.references]
    if len(columns) != 2 or len(references) != 2 or unique_keys(table):
        return None
    return references[0].name, references[1].name


def _pair(table: SourceTable, limits: Limits) -> tuple[str, str] | None:
    """The two references of a link, when nothing keeps them unique; else None."""
    references = [c for c in table.columns if c.references and not _MOMENT.search(c.name.lower())]
    required = [c for c in references if c.not_null and not c.primary_key and c.references]
    if len(required) != 2 or any("content_type" in (c.references.table if c.references else "") for c in required):
        return None
    pair = (required[0].name, required[1].name)
    if any(key & set(pair) for key in unique_keys(table)):
        return None  # unique within something: the author has thought about it
    others = [
        c for c in table.columns if c.name not in pair and not c.primary_key and not _MOMENT.search(c.name.lower())
    ]
    named = _is_named_so(table, required)
    most = limits["other_columns"] if named else limits["other_columns_unnamed"]
    if len(others) > most or any(_PERIOD.search(c.name.lower()) or _is_content(c) for c in others):
        return None
    if not named and (
        _REPEATS.search(_words(model_name(table))) or not all(_PLAIN.search(c.name.lower()) for c in others)
    ):
        return None
    return pair


def _is_content(column: SourceColumn) -> bool:
    kind = (column.type or "").partition("(")[0]
    if _TELLS_APART.search(column.name.lower()):
        return True
    chosen = column.option("choices") is not None and not _PLAIN.search(column.name.lower())  # a part of the key
    return chosen or kind in ("text", "jsonb", "json", "numeric") or (column.references is not None and column.not_null)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _is_named_so(table: SourceTable, pair: list[SourceColumn]) -> bool:
    """Its name says so: a word for a link, or the names of both others."""
    words = _words(model_name(table))
    if _LINK.search(words):
        return True
    flat = words.replace("_", "")
    stems = [_words(c.field or c.name).removesuffix("_id").replace("_", "").rstrip("s") for c in pair]
    targets = [c.references.table.rpartition("_")[2].rstrip("s") for c in pair if c.references]
    if stems[0] in stems[1] or stems[1] in stems[0]:
        return False
    rest = re.sub("|".join(map(re.escape, filter(None, (*stems, *targets)))), "", flat)
    of_both = all(stem in flat or target in flat for stem, target in zip(stems, targets, strict=True))
    return of_both and not _REPEATS.search(rest)


def _finding(snapshot: Snapshot, table: SourceTable, pair: tuple[str, str]) -> Finding:
    rows = rows_of(snapshot, table.name)
    fields = [column.field or column.name for column in table.columns if column.name in pair]
    constraint = (
        f'models.UniqueConstraint(fields=["{fields[0]}", "{fields[1]}"], name="{table.name[:40]}_once")'
        if table.framework == "django"
        else "primary_key=True on both columns"
        if table.through
        else f"UniqueConstraint({pair[0]!r}, {pair[1]!r})"
    )
    return Finding(
        title=f"{model_name(table)} may link the same {listed(fields)} twice"[:79],
        message=f"{table.name} links two others by {listed(pair)}, and no unique constraint stops the same link from being written twice"
        f"{f' (about {rows:,} rows so far)' if rows else ''}.",
        objects=tuple(column_ref(table, name) for name in pair),
        impact=Impact(rows, "rows", 100, 1e8) if rows is not None else Impact(1, "tables", 1, 20, estimated=True),
        evidence={"columns": list(pair)},
        confidence="medium",
        change=None if table.through else unique_change(snapshot, table, pair),
        next_step=f"Keep one row of each pair, then add {constraint} to {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{'+'.join(pair)}",
        locations=locations([table.place, *(column_place(table, name) for name in pair)]),
    )
