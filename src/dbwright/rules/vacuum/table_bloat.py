"""A table's file is much larger than its rows need.

## Why it matters

VACUUM makes the room of dead rows free for new ones, but hardly ever gives it back to the operating system.
A table that once swelled stays large: sequential scans read the empty room, it fills the cache, and every backup carries it.

## When to ignore

When the table will soon grow into the room again, or is swelled and emptied by a regular job.
The size is an estimate from column widths; measure with `pgstattuple_approx` before a rewrite.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dbwright.model.catalog import Column, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import stored_tables
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.tables", "catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"bytes": 512 * 1024**2, "share": 0.4, "stale_share": 0.1}
COVERS = ("table-bloat",)
YIELDS_TO = ("vacuum/dead-rows",)

_PAGE, _PAGE_HEADER, _LINE_POINTER, _ROW_HEADER = 8192, 24, 4, 23

_ROWS = """
CREATE TABLE orders (id bigint, customer_id int, paid bool, note text, placed timestamptz) WITH (autovacuum_enabled = off);
INSERT INTO orders SELECT n, n % 90, n % 2 = 0, repeat('x', n % 50), now() FROM generate_series(1, 40000) n;
"""
# A session sends its counts at most once a second; those that come after a VACUUM would be added to it.
_ANALYZED = "SELECT pg_sleep(1.1); VACUUM ANALYZE orders;"
_SMALL = {"bytes": 1_000_000}

BAD = (
    Sample(_ROWS + "DELETE FROM orders WHERE id % 5 > 0; " + _ANALYZED, limits=_SMALL),
    Sample(_ROWS + "UPDATE orders SET paid = false; UPDATE orders SET paid = true; " + _ANALYZED, limits=_SMALL),
)
GOOD = (
    Sample(_ROWS + _ANALYZED, limits={"bytes": 1, "share": 0.1}),
    Sample(_ROWS + "DELETE FROM orders WHERE id % 5 > 0; " + _ANALYZED),
    Sample(
        "CREATE TABLE t (a smallint, b bigint, c uuid, d numeric, e text) WITH (fillfactor = 50, autovacuum_enabled = off);"
        "INSERT INTO t SELECT 1, n, gen_random_uuid(), CASE WHEN n % 3 > 0 THEN n * 1.5 END, repeat('y', 300)"
        " FROM generate_series(1, 9000) n; VACUUM ANALYZE t;",
        limits={"bytes": 1, "share": 0.1},
    ),
    Sample(_ROWS + "DELETE FROM orders WHERE id % 5 > 0; SELECT pg_sleep(1.1); VACUUM orders;", limits=_SMALL),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} tables are bloated")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, row in stored_tables(snapshot):
        if row.heap_bytes < limits["bytes"] or row.rows <= 0 or snapshot.catalog.children_of(table):
            continue
        if row.modified_since_analyze > limits["stale_share"] * row.rows:
            continue
        width = _row_bytes(snapshot, table)
        if width is None:
            continue
        needed = _pages(row.rows, width, table) * _PAGE
        wasted = row.heap_bytes - needed
        if wasted >= limits["bytes"] and wasted >= limits["share"] * row.heap_bytes:
            yield _finding(limits, table, row, width, needed)


def _finding(limits: Limits, table: Table, row: TableStatistics, width: int, needed: int) -> Finding:
    wasted = row.heap_bytes - needed
    return Finding(
        title=f"{table.name} holds an estimated {bytes_text(wasted)} of empty room",
        message=f"About {row.estimated_rows:,} rows of an estimated {width} bytes need {bytes_text(needed)}, "
        f"the file has {bytes_text(row.heap_bytes)}: an estimated {wasted / row.heap_bytes:.0%} is empty.",
        objects=(table_ref(table),),
        impact=Impact(wasted, "bytes", limits["bytes"], 500 * 1024**3, estimated=True),
        evidence={
            "heap_bytes": row.heap_bytes,
            "needed_bytes": needed,
            "row_bytes": width,
            "rows": row.estimated_rows,
            "method": "rows x (header + average column widths with alignment) / page room at the fillfactor",
        },
        confidence="low" if table.dropped_columns else "medium",
        next_step=f"Measure with pgstattuple_approx('{table.schema}.{table.name}'); if it is so, rewrite the table: pg_repack online, or "
        "VACUUM (FULL, ANALYZE), which shuts out readers while it runs.",
    )


def _row_bytes(snapshot: Snapshot, table: Table) -> int | None:
    """Average bytes of a row with its header and line pointer; None when a column has no statistics."""
    offset, nulls = 0.0, False
    stored = [c for c in snapshot.catalog.columns_of(table) if c.generated != "virtual"]
    for column in stored:
        row = snapshot.statistics.column(table, column.name)
        if row is None:
            return None
        nulls = nulls or row.null_fraction > 0
        width = row.average_width * (1 - row.null_fraction)
        align = _alignment(column, row.average_width)
        offset = ceil(offset / align) * align + width if width >= 0.5 else offset + width
    header = _ROW_HEADER + (ceil((len(stored) + table.dropped_columns) / 8) if nulls else 0)
    return _aligned(header) + _aligned(offset) + _LINE_POINTER if stored else None


def _alignment(column: Column, average_width: int) -> int:
    if column.type_length < 0:
        return 4 if average_width > 127 else 1
    if column.type_length in (1, 2, 4, 8):
        return column.type_length
    return 1 if column.base_type in ("uuid", "name", "bpchar") else 8


def _aligned(length: float) -> int:
    return ceil(length / 8) * 8


def _pages(rows: float, width: int, table: Table) -> int:
    fillfactor = table.option("fillfactor") or ""
    room = (_PAGE - _PAGE_HEADER) * (int(fillfactor) if fillfactor.isdigit() else 100) / 100
    return ceil(rows / max(room // width, 1))
