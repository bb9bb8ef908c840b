"""A column refers to large objects, which nobody deletes with their row.

## Why it matters

A large object lives in ``pg_largeobject`` by itself: deleting or updating the row that holds its number leaves it behind for ever.
All of them share one system table that cannot be partitioned, has access rights of its own and slows dumps and upgrades down.

## When to ignore

When vacuumlo runs on a schedule, or the application unlinks what it replaces.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.columns import own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.columns", "catalog.triggers", "statistics.tables")
LIMITS = {"rows": 100}
COVERS = ("large-object-type",)

_TABLE = "CREATE TABLE attachment (id bigint PRIMARY KEY, content oid);"
_LARGE = {"attachment": {"rows": 40_000, "deleted": 500}}

BAD = (Sample(_TABLE, statistics=_LARGE),)
GOOD = (
    Sample(_TABLE, statistics={"attachment": {"rows": 20}}),
    Sample(_TABLE.replace("oid", "bytea"), statistics=_LARGE),
    # A trigger unlinks what is left behind.
    Sample(
        _TABLE + "CREATE FUNCTION lo_manage() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER unlink BEFORE UPDATE OR DELETE ON attachment FOR EACH ROW EXECUTE FUNCTION "
        "lo_manage('content');",
        statistics=_LARGE,
    ),
    # The number of a table, not of a large object.
    Sample(_TABLE.replace("content", "table_oid"), statistics=_LARGE),
)

_CATALOG_NAMES = (
    "relid",
    "relation",
    "table",
    "class",
    "rel",
    "type",
    "role",
    "database",
    "namespace",
    "classid",
    "objid",
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        columns = [
            column
            for column in snapshot.catalog.columns_of(table)
            if column.base_type == "oid"
            and column.name.lower().removesuffix("_oid").removesuffix("oid") not in _CATALOG_NAMES
        ]
        if not columns or any("lo_manage" in trigger.function for trigger in snapshot.catalog.triggers_of(table)):
            continue
        statistics = snapshot.statistics_of(table)
        left = statistics.deleted + statistics.updated if statistics else 0
        names = listed((column.name for column in columns), 3)
        yield Finding(
            title=f"{table.name}.{columns[0].name} refers to large objects",
            message=f"Deleting or changing one of about {rows:,} rows leaves its large object ({names}) behind; "
            f"{left:,} rows were deleted or "
            "updated since the counters began, and no trigger unlinks what they pointed at.",
            objects=tuple(object_ref("column", table, column.name) for column in columns),
            impact=Impact(rows, "rows", limits["rows"], 1e7, estimated=True),
            evidence={"rows": rows, "columns": [column.name for column in columns], "rows_deleted_or_updated": left},
            confidence="medium" if left else "low",
            next_step="Count the orphans with vacuumlo -n, remove them with vacuumlo, then either put the trigger of "
            "the lo extension "
            f"(lo_manage) on {table.name} or move the content to bytea or an object store.",
        )
