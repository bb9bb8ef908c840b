"""A column has a type that stands for a catalog entry by its number, which blocks pg_upgrade.

## Why it matters

``regproc``, ``regconfig``, ``regnamespace`` and their like store an object number that a major upgrade does not keep, so pg_upgrade
refuses the whole cluster until the column is gone.
It is found out in the maintenance window.

## When to ignore

When upgrades are done by dump and restore or by logical replication.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import MOST_OBJECTS, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.columns",)
LIMITS = {"columns": 1}
COVERS = ("upgrade-reg-types",)

BAD = (
    Sample("CREATE TABLE hook (id bigint PRIMARY KEY, handler regproc);"),
    Sample(
        "CREATE TABLE page (id bigint PRIMARY KEY, language regconfig, body text,"
        " search tsvector GENERATED ALWAYS AS (to_tsvector(language, body)) STORED);"
    ),
    Sample("CREATE TABLE hook (id bigint PRIMARY KEY, handlers regprocedure[]);"),
)
GOOD = (
    # pg_upgrade keeps these numbers.
    Sample("CREATE TABLE hook (id bigint PRIMARY KEY, target regclass, kind regtype, owner regrole);"),
    Sample("CREATE TABLE page (id bigint PRIMARY KEY, language text);"),
    # A view keeps no numbers.
    Sample(
        "CREATE TABLE page (id bigint PRIMARY KEY, language text); CREATE VIEW v AS SELECT "
        "language::regconfig FROM page;"
    ),
)

# From check_for_reg_data_type_usage in PostgreSQL's pg_upgrade.
_BLOCKING = (
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
)
_TYPES = frozenset(_BLOCKING) | {"_" + name for name in _BLOCKING}


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    found: list[tuple[Table, Column]] = []
    for table in catalog.user_relations:
        if table.kind in ("table", "partitioned table", "materialized view") and not table.is_partition:
            found += [(table, column) for column in catalog.columns_of(table) if column.base_type in _TYPES]
    if len(found) < limits["columns"]:
        return
    labels = [f"{table.name}.{column.name}" for table, column in found]
    change, step = None, None
    if len(found) == 1 and found[0][0].kind != "materialized view":
        table, column = found[0]
        new_type = "text[]" if column.base_type.startswith("_") else "text"
        advice = retype(snapshot, found, new_type, "Cast it back where it is used.", cast=True)
        change, step = advice.change, advice.next_step
    yield Finding(
        title=f"{listed(labels, 2)} block{'s' if len(found) == 1 else ''} pg_upgrade"[:79],
        message=f"{listed(labels)} {'is' if len(found) == 1 else 'are'} of a type that stores the number of a "
        "catalog entry; pg_upgrade to the "
        "next major version stops at it.",
        objects=tuple(object_ref("column", table, column.name) for table, column in found[:MOST_OBJECTS]),
        impact=Impact(len(found), "columns", 0.9, 100),
        evidence={
            "columns": {f"{t.name}.{c.name}": c.type for t, c in found[:50]},
            "server_major": snapshot.target.major,
        },
        change=change,
        next_step=None
        if change
        else step or "Make the columns text and cast them where they are used, before the next major upgrade.",
    )
