"""A large table that is searched or changed by row has no index at all.

## Why it matters

Without any index, every look-up, UPDATE and DELETE of a row reads the whole table.

## When to ignore

When the table is only appended to and read whole: staging and log tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.indexing import is_usable, serves_equality
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "statistics.tables")
LIMITS = {"rows": 10_000, "reads": 100}
COVERS = ("table-without-index", "BP-03", "BP-08")
YIELDS_TO = ("constraints/no-primary-key",)

_TABLE = "CREATE TABLE reading (device_id bigint, at timestamptz, value float8);"
_SEARCHED = {"reading": {"rows": 2e6, "sequential_scans": 5_000, "updated": 4_000}}

BAD = (
    Sample(_TABLE, statistics=_SEARCHED),
    Sample(
        _TABLE, statistics={"reading": {"rows": 2e6, "sequential_scans": 9_000, "sequential_rows": 9_000 * 2_000_000}}
    ),
)
GOOD = (
    Sample(_TABLE, statistics={"reading": {"rows": 2e6, "sequential_scans": 40, "inserted": 2_000_000}}),
    Sample(_TABLE, statistics={"reading": {**_SEARCHED["reading"], "rows": 500}}),
    Sample(_TABLE + "CREATE INDEX ON reading USING brin (at);", statistics=_SEARCHED),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        rows = snapshot.rows(table)
        if rows < limits["rows"] or any(is_usable(i) for i in snapshot.catalog.indexes_of(table)):
            continue
        leaves = snapshot.catalog.leaves_of(table)
        if any(snapshot.catalog.indexes_of(leaf) for leaf in leaves):
            continue
        parts = [row for leaf in leaves if (row := snapshot.statistics.table_by_oid.get(leaf.oid))]
        scans, changed = sum(row.sequential_scans for row in parts), sum(row.updated + row.deleted for row in parts)
        if scans < limits["reads"]:
            continue
        yield Finding(
            title=f"{table.name} has no index",
            message=f"Each look-up reads all of about {rows:,} rows: {scans:,} scans since the counters began, and {changed:,} rows "
            "updated or deleted.",
            objects=(table_ref(table),),
            impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
            evidence={"rows": rows, "sequential_scans": scans, "rows_updated_or_deleted": changed},
            confidence="high" if changed >= limits["reads"] else "medium",
            next_step=f"Give {table.name} a primary key, and an index on the columns by which it is searched.",
        )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    joins = [t for t in snapshot.filled_tables if _is_join_table(snapshot, t)]
    good = [t.name for t in joins if _both_ways(snapshot, t)]
    if good and len(good) == len(joins):
        yield Strength(
            "Many-to-many tables are indexed both ways",
            f"Each of {len(good)} join tables can be entered from either side; they need no further index.",
            {"tables": good[:20]},
        )


def _is_join_table(snapshot: Snapshot, table: Table) -> bool:
    keys = snapshot.catalog.constraints_of(table, "foreign key")
    return len(keys) == 2 and len(snapshot.catalog.columns_of(table)) <= 3 and all(len(k.columns) == 1 for k in keys)


def _both_ways(snapshot: Snapshot, table: Table) -> bool:
    keys = snapshot.catalog.constraints_of(table, "foreign key")
    return all(any(serves_equality(i, k.columns) for i in snapshot.catalog.indexes_of(table)) for k in keys)
