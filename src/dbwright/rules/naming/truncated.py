"""A name was cut at PostgreSQL's limit of 63 bytes.

## Why it matters

PostgreSQL cuts longer names without an error.
The migration that made the object knows it by its full name: looking for it finds nothing, and a second name that begins alike collides
with "already exists".

## When to ignore

When the cut name is the one that the code uses too: the rule is silent where models say so. Of indexes and constraints, which no query
names, it is told only where the code has the longer name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from dbwright.model.columns import MOST_OBJECTS, is_scratch
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.source_table import Place, SourceIndex, SourceTable
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


def _coded(index: str) -> Callable[[Snapshot], Snapshot]:
    """The snapshot with a model whose index has this name."""
    model = SourceTable(
        "report", None, "app.Report", Place("app.py", 1), "sqlalchemy", indexes=(SourceIndex(index, ("month",)),)
    )
    return lambda snapshot: replace(snapshot, source=replace(snapshot.source, tables=(model,)))


BAD = (
    Sample(f"CREATE TABLE {_LONG} (id bigint);"),
    Sample(f"CREATE TABLE report (id bigint, {_LONG} date);"),
    Sample(f"{_TABLE} CREATE INDEX {_LONG} ON report (month);", edit=_coded(_LONG)),
)
GOOD = (
    # Prefect: the model names the index as it was cut, and says why.
    Sample(f"{_TABLE} CREATE INDEX {_LONG} ON report (month);", edit=_coded(_LONG[:63])),
    Sample(f"{_TABLE} CREATE INDEX {_LONG} ON report (month);"),
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
    if not snapshot.was_read:
        return  # the framework has cut its names itself, and knows them
    catalog = snapshot.catalog
    coded = _coded_names(snapshot)
    longer = {name.encode()[: int(limits["bytes"])].decode(errors="ignore") for name in coded} - coded
    found: list[ObjectRef] = []
    for table in catalog.user_tables:
        if is_scratch(table):
            continue
        if _is_cut(table.name, limits) and table.name not in coded:
            found.append(table_ref(table))
        columns = [c.name for c in catalog.columns_of(table) if _is_cut(c.name, limits) and c.name not in coded]
        found += [object_ref("column", table, name) for name in columns]
        found += [
            object_ref("index", table, i.name)
            for i in catalog.indexes_of(table)
            if i.constraint is None and i.name in longer
        ]
        found += [object_ref("constraint", table, c.name) for c in catalog.constraints_of(table) if c.name in longer]
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


def _coded_names(snapshot: Snapshot) -> set[str]:
    """Names of tables, columns, indexes and constraints as the code has them."""
    found: set[str] = set()
    for table in snapshot.source.tables:
        found |= {table.name, *(column.name for column in table.columns)}
        found |= {index.name for index in table.indexes if index.name}
        found |= {constraint.name for constraint in table.constraints if constraint.name}
    return found


def _is_cut(name: str, limits: Limits) -> bool:
    # A character of several bytes that did not fit leaves the name a little shorter.
    size = len(name.encode())
    full = size == limits["bytes"] or (not name.isascii() and size >= limits["bytes"] - 2)
    return full and not _ENDING.search(name)
