"""Autovacuum is switched off for a table that is written to.

## Why it matters

`autovacuum_enabled = off` is often set for one bulk load and then forgotten.
From then on dead rows stay, the planner's statistics age, and the forced vacuum against wraparound finds everything undone at once.

## When to ignore

When a job of your own runs VACUUM and ANALYZE on the table, or it is truncated and refilled as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, SetStorageParameter
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.vacuuming import autovacuum_off, dead_share, hours_since, stored_tables
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {"rows": 10_000, "writes": 10_000, "vacuumed_hours": 48}
COVERS = ("autovacuum-disabled-per-table", "AB-11")

_OFF = "CREATE TABLE orders (id int) WITH (autovacuum_enabled = {value});"
_WRITTEN = {"orders": {"rows": 5e5, "inserted": 5e5, "updated": 90_000, "dead_rows": 60_000}}

BAD = (
    Sample(_OFF.format(value="false"), statistics=_WRITTEN),
    Sample(_OFF.format(value="off, autovacuum_vacuum_threshold = 500"), statistics=_WRITTEN),
)
GOOD = (
    Sample(_OFF.format(value="true"), statistics=_WRITTEN),
    Sample(_OFF.format(value="false"), statistics={"orders": {"rows": 500, "updated": 90_000}}),
    Sample(_OFF.format(value="false"), statistics={"orders": {"rows": 5e6, "updated": 10}}),
    # A job of the users' own vacuums it.
    Sample(_OFF.format(value="false") + "VACUUM orders;", statistics=_WRITTEN),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, row in stored_tables(snapshot):
        if not autovacuum_off(table) or row.estimated_rows < limits["rows"] or row.writes < limits["writes"]:
            continue
        hours = hours_since(snapshot, row.last_vacuum)
        if hours is not None and hours < limits["vacuumed_hours"]:
            continue
        when = (
            "it was never vacuumed by hand"
            if hours is None
            else f"it was last vacuumed by hand {hours / 24:,.0f} days ago"
        )
        relation = "MATERIALIZED VIEW" if table.kind == "materialized view" else "TABLE"
        off = table.option("autovacuum_enabled")
        yield Finding(
            title=f"Autovacuum is off for {table.name}",
            message=f"{row.writes:,} rows were written since the counters began and {when}; about {row.dead_rows:,} of its rows are dead "
            f"({dead_share(row):.0%}).",
            objects=(table_ref(table),),
            impact=Impact(row.writes, "rows written", limits["writes"], 100_000_000),
            evidence={
                "writes": row.writes,
                "dead_rows": row.dead_rows,
                "rows": row.estimated_rows,
                "options": list(table.options),
            },
            change=Change((SetStorageParameter(table.schema, table.name, "autovacuum_enabled", off, None, relation),)),
        )
