"""A large part of a table changed since the planner's statistics were taken.

## Why it matters

The planner estimates rows from the last ANALYZE.
When a third of the table is newer than that, the newest values (the ones most queries ask for) lie outside all histograms, and plans that
were good turn bad.

## When to ignore

When the changes keep the distribution of values as it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Maintain
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.vacuuming import analyze_threshold, autovacuum_off, hours_since, stored_tables
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {"modified": 100_000, "share": 0.3, "hours": 1}
COVERS = ("planner-stats-stale",)
YIELDS_TO = ("vacuum/never-analyzed", "vacuum/dead-rows", "vacuum/autovacuum-off-on-table")

_GROWN = """
CREATE TABLE orders (id int) WITH (autovacuum_enabled = off);
INSERT INTO orders SELECT generate_series(1, 5000);
SELECT pg_sleep(1.1);
ANALYZE orders;
INSERT INTO orders SELECT generate_series(1, 5000);
"""
_FEW = {"modified": 3000, "hours": 0}

BAD = (Sample(_GROWN, limits=_FEW), Sample(_GROWN + "UPDATE orders SET id = id + 1;", limits=_FEW))
GOOD = (
    Sample(_GROWN),
    Sample(_GROWN + "SELECT pg_sleep(1.1); ANALYZE orders;", limits=_FEW),
    Sample("CREATE TABLE orders (id int);", statistics={"orders": {"rows": 9e6, "modified_since_analyze": 800_000}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, row in stored_tables(snapshot):
        modified, rows = row.modified_since_analyze, max(row.estimated_rows, 1)
        hours = hours_since(snapshot, row.last_analyze, row.last_autoanalyze)
        if modified < limits["modified"] or modified < limits["share"] * rows or (hours or 0) < limits["hours"]:
            continue
        due = analyze_threshold(snapshot, table, rows)
        off = autovacuum_off(table) or snapshot.settings.on("autovacuum") is False
        why = "Auto-analyze is off for it." if off else f"Auto-analyze is due from {due:,.0f} changes."
        yield Finding(
            title=f"{table.name}: {modified:,} rows changed since it was analyzed",
            message=f"That is {modified / rows:.0%} of an estimated {rows:,} rows, {_when(hours)}. {why}",
            objects=(table_ref(table),),
            impact=Impact(modified, "rows", limits["modified"], 1_000_000_000, estimated=True),
            evidence={
                "modified_since_analyze": modified,
                "rows": rows,
                "hours_since_analyze": None if hours is None else round(hours, 1),
                "auto_analyze_from": round(due),
            },
            confidence="medium",
            change=Change((Maintain(table.schema, table.name, analyze=True),)),
        )


def _when(hours: float | None) -> str:
    if hours is None:
        return "with no ANALYZE on record"
    return (
        f"{hours / 24:,.0f} days after the last ANALYZE"
        if hours >= 48
        else f"{hours:,.0f} hours after the last ANALYZE"
    )
