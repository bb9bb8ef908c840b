"""Two names differ by nothing but case, underscores or characters that look alike.

## Why it matters

Sooner or later somebody writes the one and means the other, and it works: the query runs, with the wrong column or an empty table.

## When to ignore

When one of them is about to go.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

from dbwright.model.catalog import Table
from dbwright.model.columns import MOST_OBJECTS, is_scratch
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.tables", "catalog.columns")
LIMITS = {"pairs": 1}
COVERS = ("confusable-names",)

BAD = (
    Sample('CREATE TABLE member (id bigint, "joinedAt" date, joined_at date);'),
    Sample('CREATE TABLE member (id bigint); CREATE TABLE "Member" (id bigint);'),
    Sample("CREATE TABLE member (id bigint, nаme text, name text);"),
)
GOOD = (
    Sample("CREATE TABLE member (id bigint, name text, names text, name_1 text);"),
    # Nautobot: a leading underscore is the custom for what is derived from the other (here a form that sorts naturally).
    Sample("CREATE TABLE port (id bigint, name text, _name text);"),
    # Names of different tables may be alike.
    Sample('CREATE TABLE member (id bigint, "joinedAt" date); CREATE TABLE guest (id bigint, joined_at date);'),
    Sample("CREATE SCHEMA old; CREATE TABLE member (id bigint); CREATE TABLE old.member (id bigint);"),
)

_LOOK_ALIKE = str.maketrans("аесорхуіјѕԁһ", "aecopxyijsdh")
"""Cyrillic letters that look like Latin ones."""


def _skeleton(name: str) -> str:
    """What is left of a name when all is taken away that is easily overlooked."""
    folded = name.lower() if name.isascii() else unicodedata.normalize("NFKC", name).casefold().translate(_LOOK_ALIKE)
    return folded.replace("_", "") + (" underscored" if name.startswith("_") else "")


def _alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_skeleton(name)].append(name)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    schemas: defaultdict[str, dict[str, Table]] = defaultdict(dict)
    groups: list[tuple[str, ...]] = []
    objects: list[ObjectRef] = []
    for table in catalog.user_tables:
        if is_scratch(table):
            continue
        schemas[table.schema][table.name] = table
        for group in _alike(column.name for column in catalog.columns_of(table)):
            groups.append(tuple(f"{table.name}.{name}" for name in group))
            objects += [object_ref("column", table, name) for name in group]
    for tables in schemas.values():
        for group in _alike(tables):
            groups.append(group)
            objects += [table_ref(tables[name]) for name in group]
    if len(groups) < limits["pairs"]:
        return
    shown = [" and ".join(group) for group in groups]
    yield Finding(
        title=f"{shown[0]} are easily confused"[:79],
        message=f"{listed(shown, 3)} differ only by case, underscores or letters that look alike: a query with "
        "the wrong one runs all the same.",
        objects=tuple(objects[:MOST_OBJECTS]),
        impact=Impact(len(groups), "pairs", limits["pairs"], 1e7),
        evidence={"groups": [list(group) for group in groups[:50]], "count": len(groups)},
        next_step="Find out which of them the code uses; drop the other, or rename it to say what it holds.",
    )
