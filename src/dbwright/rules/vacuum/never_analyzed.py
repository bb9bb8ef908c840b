"""Tables with rows have no planner statistics at all.

## Why it matters

Without statistics the planner guesses: that an equality finds half a percent of the rows, that a column has 200 distinct values.
Such plans are often orders of magnitude off. It happens after a restore or a major upgrade, when auto-analyze is off, or when counters
were lost in a crash before it came.

## When to ignore

When the table is only ever read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.change import Change, Maintain
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import stored_tables
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables", "statistics.columns")
LIMITS = {"bytes": 4 * 1024**2, "tables": 20}
COVERS = ("planner-stats-missing",)

_FILLED = """
CREATE TABLE orders (id int, note text) WITH (autovacuum_enabled = off);
INSERT INTO orders SELECT n, repeat('x', 90) FROM generate_series(1, 40000) n;
"""

BAD = (
    Sample(_FILLED),
    Sample(
        _FILLED
        + "CREATE TABLE lines (LIKE orders) WITH (autovacuum_enabled = off); INSERT INTO lines SELECT * FROM orders;"
    ),
)
GOOD = (
    Sample(_FILLED + "ANALYZE orders;"),
    Sample("CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 5000);"),
    # Analyzed once; the counters were reset since.
    Sample(_FILLED + "ANALYZE orders; SELECT pg_sleep(1.1); SELECT pg_stat_reset();"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    known = {row.table_oid for row in snapshot.statistics.columns}
    found = [(t, row) for t, row in stored_tables(snapshot) if t.oid not in known and _bare(row, limits)]
    if not found:
        return
    found.sort(key=lambda pair: -pair[1].heap_bytes)
    size = sum(row.heap_bytes for _, row in found)
    named = [table for table, _ in found[: int(limits["tables"])]]
    title = f"{named[0].name} was never analyzed" if len(found) == 1 else f"{len(found)} tables were never analyzed"
    largest = ", ".join(t.name for t in named[:3])
    yield Finding(
        title=title,
        message=f"The planner has no statistics of {largest}{' and others' if len(found) > 3 else ''} ({bytes_text(size)}), "
        "so it plans their queries by fixed guesses.",
        objects=tuple(table_ref(table) for table in named),
        impact=Impact(size, "bytes", limits["bytes"], 50 * 1024**3),
        evidence={
            "tables": {f"{t.schema}.{t.name}": row.heap_bytes for t, row in found[:20]},
            "bytes": size,
            "count": len(found),
        },
        change=_change(named if len(named) == len(found) else []),
    )


def _bare(row: TableStatistics, limits: Limits) -> bool:
    return row.heap_bytes >= limits["bytes"] and row.last_analyze is None and row.last_autoanalyze is None


def _change(tables: list[Table]) -> Change:
    steps = tuple(Maintain(t.schema, t.name, analyze=True) for t in tables)
    return Change(steps or (Maintain(None, None, analyze=True),))


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    large = [t for t, row in stored_tables(snapshot) if row.heap_bytes >= limits["bytes"]]
    if large:
        yield Strength(
            "Every large table has planner statistics",
            f"All {len(large)} of them were analyzed.",
            {"tables": len(large)},
        )
