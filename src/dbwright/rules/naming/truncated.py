"""A name was cut at PostgreSQL's limit of 63 bytes.

## Why it matters

PostgreSQL cuts longer names without an error.
The migration that made the object knows it by its full name: looking for it finds nothing, and a second name that begins alike collides
with "already exists".

## When to ignore

When the cut name is the one that the code uses too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Constraint, Table
from dbwright.model.columns import MOST_OBJECTS, is_scratch
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.tables", "catalog.columns", "catalog.indexes", "catalog.constraints")
LIMITS = {
    # NAMEDATALEN - 1 of an ordinary build.
    "bytes": 63
}
COVERS = ("name-truncated",)

_LONG = "monthly_chapter_report_of_members_and_guests_with_all_their_referrals_and_revenue"
_TABLE = "CREATE TABLE report (id bigint, month date);"

BAD = (
    Sample(f"CREATE TABLE {_LONG} (id bigint);"),
    Sample(f"{_TABLE} CREATE INDEX {_LONG} ON report (month);"),
)
GOOD = (
    Sample(f"CREATE TABLE {_LONG[:62]} (id bigint);"),
    # Names that PostgreSQL or Django shortened knowingly keep their ending.
    Sample(f"{_TABLE} CREATE INDEX {_LONG[:59]}_idx ON report (month);"),
    Sample(f"{_TABLE} CREATE INDEX {_LONG[:46]}_ab12cd34_{'x' * 7} ON report (month);"),
    # Prefect: table, column and referenced table fill the 63 bytes exactly.
    Sample(
        f"CREATE TABLE {'b' * 20} (id bigint PRIMARY KEY);"
        f"CREATE TABLE {'a' * 20} (id bigint, {'c' * 16} bigint, "
        f"CONSTRAINT fk_{'a' * 20}_{'c' * 18}_{'b' * 20} FOREIGN KEY ({'c' * 16}) REFERENCES {'b' * 20});"
    ),
    Sample(f"CREATE TABLE {_LONG[:55]} (id bigint PRIMARY KEY, {_LONG[:50]} bigint UNIQUE);"),
)

_ENDING = re.compile(
    r"(_(pkey|key|idx|fkey|check|excl|seq|uniq|unique|fk|pk|uk|like|id|at|not_null|null|constraint|"
    r"index)\d*|_[0-9a-f]{6,}|\d)$|"
    r"_[0-9a-f]{8}_|_[0-9a-f]{4,8}_(fk|uniq|idx|like|check)|_fk_"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    found: list[ObjectRef] = []
    for table in catalog.user_tables:
        if is_scratch(table):
            continue
        if _is_cut(table.name, limits):
            found.append(table_ref(table))
        found += [object_ref("column", table, c.name) for c in catalog.columns_of(table) if _is_cut(c.name, limits)]
        indexes = [i.name for i in catalog.indexes_of(table) if i.constraint is None and _is_cut(i.name, limits)]
        found += [object_ref("index", table, name) for name in indexes]
        found += [
            object_ref("constraint", table, c.name)
            for c in catalog.constraints_of(table)
            if _is_cut(c.name, limits) and not _is_whole(snapshot, table, c)
        ]
    if not found:
        return
    yield Finding(
        title=f"{counted(len(found), 'name')} of all {limits['bytes']:.0f} bytes, perhaps cut",
        message=f"{listed((ref.name for ref in found), 2)} {'have' if len(found) > 1 else 'has'} the full length "
        "that PostgreSQL allows and no usual ending: the code may know a longer name.",
        objects=tuple(found[:MOST_OBJECTS]),
        impact=Impact(len(found), "names", 1, 1e7),
        evidence={"names": [ref.label for ref in found[:100]], "count": len(found)},
        confidence="low",
        next_step="Give the model or migration a shorter name of its own and rename the object to it (ALTER … "
        "RENAME TO).",
    )


def _is_whole(snapshot: Snapshot, table: Table, constraint: Constraint) -> bool:
    """Whether it ends with the whole name of something that it is about: then it has 63 bytes by chance."""
    target = snapshot.catalog.table_by_oid.get(constraint.foreign_table_oid or 0)
    parts = (*constraint.columns, *constraint.foreign_columns, table.name, *((target.name,) if target else ()))
    return any(constraint.name.endswith(f"_{part}") for part in parts)


def _is_cut(name: str, limits: Limits) -> bool:
    # A character of several bytes that did not fit leaves the name a little shorter.
    size = len(name.encode())
    full = size == limits["bytes"] or (not name.isascii() and size >= limits["bytes"] - 2)
    return full and not _ENDING.search(name)
