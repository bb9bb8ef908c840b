"""A table has almost as many columns as PostgreSQL allows.

## Why it matters

A table can have 1,600 columns, and dropped ones count for ever: migrations that add and drop columns use the limit up, and then
ALTER TABLE ... ADD COLUMN fails until the table is built anew.

## When to ignore

When no column will be added any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "catalog.columns")
LIMITS = {
    "columns": 1_000,
    # https://www.postgresql.org/docs/current/limits.html
    "maximum": 1_600,
}
COVERS = ("too-many-columns",)


def _wide(columns: int) -> str:
    return f"CREATE TABLE survey ({', '.join(f'q{n} smallint' for n in range(columns))});"


_DROPPED = "ALTER TABLE survey " + ", ".join(f"DROP COLUMN q{n}" for n in range(1100)) + ";"

BAD = (
    Sample(_wide(1200)),
    Sample(_wide(1200) + _DROPPED),
)
GOOD = (
    Sample(_wide(300)),
    Sample(_wide(60)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        live = len(snapshot.catalog.columns_of(table))
        used = live + table.dropped_columns
        if used < limits["columns"]:
            continue
        yield Finding(
            title=f"{table.name} has used {used:,} of {limits['maximum']:,.0f} columns",
            message=f"{live:,} columns and {table.dropped_columns:,} dropped ones, which still count, leave room for "
            f"{max(limits['maximum'] - used, 0):,.0f} more.",
            objects=(table_ref(table),),
            impact=Impact(used, "columns", limits["columns"] / 2, limits["maximum"]),
            evidence={"columns": live, "dropped": table.dropped_columns},
            next_step=f"Move groups of columns that are read together into tables of their own, or into one jsonb column; to be rid of the "
            f"dropped ones, copy {table.name} into a new table and swap the names.",
        )
