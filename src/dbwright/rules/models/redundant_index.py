"""An index is the beginning of another one, which serves the same queries.

## Why it matters

Each index is written at every insert and takes its room in memory; the longer one answers what the shorter one does.
Django indexes every foreign key and every `unique` field by itself: an index of the same column, or a unique constraint that begins with
it, makes that a second one.

## When to ignore

When the longer index is much wider and the shorter one is read all the time, or the longer one is about to go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbwright.model.asked import column_place, locations, model_name, rows_of, table_named
from dbwright.model.change import Change, DropIndex
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import Place, SourceIndex, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "waste"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {"tables": 1}
COVERS = ("BP-14", "WB-03", "AB-17")
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/prefix-of-another",
    "indexes/beside-unique-twin",
    "indexes/unique-implied-by-narrower",
)

_MODELS = """\
from django.db import models


class Person(models.Model):
    name = models.TextField()


class Note(models.Model):
    owner = models.ForeignKey(Person, models.CASCADE{0})
    slug = models.CharField(max_length=40)
    day = models.DateField()
{1}"""


def _models(indexes: str = "", constraints: str = "", owner: str = "") -> dict[str, str]:
    meta = f"\n    class Meta:\n        indexes = [{indexes}]\n        constraints = [{constraints}]\n"
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(owner, meta)}


_UNIQUE = 'models.UniqueConstraint(fields=["owner", "day"], name="one_a_day")'

BAD = (
    # The foreign key's own index once more.
    Sample(source=_models('models.Index(fields=["owner"], name="note_owner")')),
    Sample(source=_models('models.Index(fields=["day"], name="a"), models.Index(fields=["day", "slug"], name="b")')),
    # The unique constraint is an index already.
    Sample(source=_models('models.Index(fields=["owner", "day"], name="a")', _UNIQUE, ", db_index=False")),
)
GOOD = (
    Sample(source=_models('models.Index(fields=["day", "owner"], name="a")')),
    # Other columns first.
    Sample(source=_models('models.Index(fields=["day"], name="a"), models.Index(fields=["slug", "day"], name="b")')),
    # A part of the table, and the whole.
    Sample(
        source=_models(
            'models.Index(fields=["day"], name="a"), models.Index(fields=["day", "slug"], name="b", condition=models.Q(day__isnull=False))'
        )
    ),
    Sample(source=_models("", _UNIQUE, ", db_index=False")),
    # Another kind of index.
    Sample(source=_models('models.Index(fields=["slug"], name="a", opclasses=["varchar_pattern_ops"])')),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [
        _finding(snapshot, table, pairs)
        for table in snapshot.source.tables
        if table.owned and table.managed and not table.through and (pairs := list(_covered(table)))
    ]
    yield from told_once(found, "{} tables have indexes that another one begins with", singly=limits["tables"])


def _keys(table: SourceTable) -> Iterator[tuple[str, tuple[str, ...]]]:
    for constraint in table.constraints:
        if constraint.kind in ("unique", "primary key") and constraint.columns and not constraint.condition:
            yield constraint.name or f"the {constraint.kind} constraint", constraint.columns
    for index in table.indexes:
        if _is_plain(index):
            yield index.name or "an index", index.columns


def _is_plain(index: SourceIndex) -> bool:
    plain = (
        index.method == "btree" and not index.condition and not any(index.is_expression) and not any(index.opclasses)
    )
    return plain and not (index.name or "").endswith("_like")


def _covered(table: SourceTable) -> Iterator[tuple[SourceIndex, str, tuple[str, ...]]]:
    told: set[str | None] = set()
    for index in table.indexes:
        if index.unique or not _is_plain(index) or index.include:
            continue
        for name, columns in _keys(table):
            longer = len(columns) > len(index.columns) or name != index.name
            if longer and columns[: len(index.columns)] == index.columns and name not in told and name != index.name:
                if len(columns) > len(index.columns) and any(index.descending) and len(index.columns) > 1:
                    continue
                if index.implicit and len(columns) > 2:
                    continue  # a foreign key's own index is small beside a wide one
                told.add(index.name)
                yield index, name, columns
                break


def _finding(
    snapshot: Snapshot, table: SourceTable, pairs: Sequence[tuple[SourceIndex, str, tuple[str, ...]]]
) -> Finding:
    index, name, columns = pairs[0]
    rows = rows_of(snapshot, table.name)
    names = [i.name or "+".join(i.columns) for i, _, _ in pairs]
    places = [_place(table, i) for i, _, _ in pairs]
    return Finding(
        title=f"{model_name(table)}: {listed([', '.join(i.columns) for i, _, _ in pairs], 2)} indexed twice"[:79],
        message=f"{names[0]} of {table.name} ({', '.join(index.columns)}) is the beginning of {name} ({', '.join(columns)}), which serves "
        f"the same queries{f'; {len(pairs) - 1} more likewise' if len(pairs) > 1 else ''}.",
        objects=tuple(
            ObjectRef("index", n, table.schema or "public", table.name, i.columns)
            for n, (i, _, _) in zip(names, pairs, strict=True)
        ),
        impact=Impact(rows, "rows", 10_000, 1e9)
        if rows is not None
        else Impact(len(pairs), "indexes", 0.1, 30, estimated=True),
        evidence={
            "indexes": {
                n: {"columns": list(i.columns), "covered by": by} for n, (i, by, _) in zip(names, pairs, strict=True)
            }
        },
        confidence="medium" if not index.implicit else "low",
        change=_change(snapshot, table, pairs),
        next_step=" ".join(
            dict.fromkeys(_step(table, i, by, key, place) for (i, by, key), place in zip(pairs, places, strict=True))
        ),
        identity=table.name,
        locations=locations(places),
    )


def _change(
    snapshot: Snapshot, table: SourceTable, pairs: Sequence[tuple[SourceIndex, str, tuple[str, ...]]]
) -> Change | None:
    """The indexes dropped; not where a constraint is to go, or the catalog knows one under another name."""
    found = table_named(snapshot, table.name)
    known = {index.name: index for index in snapshot.catalog.indexes_of(found)} if found is not None else {}
    drops = [
        DropIndex(known[index.name].schema, index.name, known[index.name].definition)
        for index, _, columns in pairs
        if index.name in known and not (index.implicit and len(columns) == 1)
    ]
    return Change(tuple(drops)) if len(drops) == len(pairs) else None


def _place(table: SourceTable, index: SourceIndex) -> Place:
    if index.line:
        return Place(table.place.file, index.line)
    return column_place(table, index.columns[0]) if index.implicit else table.place


def _step(table: SourceTable, index: SourceIndex, by: str, columns: tuple[str, ...], place: Place) -> str:
    if not index.implicit:
        return f"Remove {index.name or 'the index of ' + ', '.join(index.columns)} from {model_name(table)} ({place})."
    if len(columns) == 1:
        return f"Remove {by} from {model_name(table)} ({table.place}): the field at {place} has its index already."
    if table.framework != "django":
        return f"Take index=True off at {place}: {by} serves the same queries."
    return f"Write db_index=False at {place}: {by} serves the same queries."
