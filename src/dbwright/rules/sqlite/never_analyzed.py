"""The planner has no statistics: ANALYZE was never run on a file of some size.

## Why it matters

Without `sqlite_stat1` SQLite guesses that every index narrows a search equally well.
With several indexes on a table it then picks by the order in which they were made.

## When to ignore

When every query has only one index to choose from.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "statistics.tables")
LIMITS = {"rows": 10_000}
ENGINES = ("sqlite",)
COVERS = ("planner-stats-missing", "BP-38")

_TWO = "CREATE TABLE event (id INTEGER PRIMARY KEY, kind TEXT, day TEXT); CREATE INDEX a ON event (kind);"
_ROWS = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
INSERT INTO event SELECT i, 'k' || i % 3, 'd' || i FROM n;
"""

BAD = (Sample(_TWO + "CREATE INDEX b ON event (day);" + _ROWS, engine="sqlite"),)
GOOD = (
    Sample(_TWO + "CREATE INDEX b ON event (day);" + _ROWS + "ANALYZE;", engine="sqlite"),
    Sample(_TWO + _ROWS, engine="sqlite"),
    Sample(_TWO + "CREATE INDEX b ON event (day);", engine="sqlite"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    choices = [t for t in catalog.user_tables if snapshot.rows(t) >= limits["rows"] and len(catalog.indexes_of(t)) > 1]
    if not choices or snapshot.statistics.columns:
        return
    rows = max(snapshot.rows(t) for t in choices)
    names = ", ".join(t.name for t in choices[:5])
    yield Finding(
        title=f"{snapshot.target.name} was never analyzed",
        message=f"{len(choices)} tables of up to about {rows:,} rows have several indexes ({names}) and no statistics to choose by.",
        objects=(ObjectRef("database", snapshot.target.database),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000),
        evidence={"tables": [t.name for t in choices], "largest_rows": rows},
        confidence="medium",
        next_step="Run PRAGMA optimize; (or ANALYZE;) once, and PRAGMA optimize; when connections close.",
    )
