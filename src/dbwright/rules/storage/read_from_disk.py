"""One table causes most of the database's reads from outside shared buffers.

## Why it matters

A block that is not in shared buffers comes from the operating system's cache or from the disk, and pushes out another.
When one table does most of this, its queries are slow and they make everybody else's slow; usually a few statements read far
more of it than they need.

## When to ignore

When the reads come from a dump or a nightly report at a quiet time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from dbwright.model.catalog import Table
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.quoting import quote_literal
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("statistics.tables",)
LIMITS = {
    "days": 1,
    "bytes_a_day": 50 * 1024**3,
    "share": 0.3,
    # Of the blocks asked for, found in shared buffers; the field calls less than 95 to 99 % low for a whole database.
    "hit": 0.9,
}
COVERS = ("table-cache-hit-low",)

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY); CREATE TABLE line (id bigint PRIMARY KEY);"
_READ = {
    "rows": 8e7,
    "heap_blocks_read": 10**9,
    "heap_blocks_hit": 10**9,
    "sequential_scans": 90,
    "sequential_rows": 10**10,
}


def _counted_for(days: int, **statistics: float) -> Sample:
    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(days=days)
        return replace(snapshot, statistics=replace(snapshot.statistics, reset_at=began))

    return Sample(_TABLE, statistics={"orders": _READ | statistics}, edit=edit)


BAD = (_counted_for(30),)
GOOD = (
    _counted_for(30, heap_blocks_read=10**6),
    _counted_for(30, heap_blocks_hit=10**11),
    replace(_counted_for(30), statistics={}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    rows = [(t, r) for t in snapshot.catalog.storage_tables if (r := snapshot.statistics_of(t))]
    total = sum(_read(row) for _, row in rows)
    if days is None or days < limits["days"] or not total:
        return
    for table, row in rows:
        read = _read(row)
        hit = 1 - read / max(read + _hit(row), 1)
        a_day = read * 8192 / days
        if a_day >= limits["bytes_a_day"] and read / total >= limits["share"] and hit < limits["hit"]:
            yield _finding(table, row, a_day, read / total, hit, limits)


def _read(row: TableStatistics) -> int:
    return sum(n or 0 for n in (row.heap_blocks_read, row.index_blocks_read, row.toast_blocks_read))


def _hit(row: TableStatistics) -> int:
    return sum(n or 0 for n in (row.heap_blocks_hit, row.index_blocks_hit, row.toast_blocks_hit))


def _finding(table: Table, row: TableStatistics, a_day: float, share: float, hit: float, limits: Limits) -> Finding:
    each = row.sequential_rows / row.sequential_scans if row.sequential_scans else 0
    whole = each > 0.5 * row.estimated_rows and row.sequential_scans > 10
    how = f" {row.sequential_scans:,} scans of the whole table are among the causes." if whole else ""
    return Finding(
        title=f"{table.name} causes {share:.0%} of the database's block reads",
        message=f"Reading {table.name} brings about {bytes_text(a_day)} a day into shared buffers; {hit:.0%} of its blocks are found "
        f"there.{how}",
        objects=(table_ref(table),),
        impact=Impact(a_day, "bytes a day", limits["bytes_a_day"], 20 * 1024**4),
        evidence={
            "bytes_a_day": round(a_day),
            "share_of_reads": round(share, 3),
            "hit_ratio": round(hit, 3),
            "sequential_scans": row.sequential_scans,
            "index_scans": row.index_scans,
            "table_bytes": row.table_bytes,
        },
        confidence="medium",
        next_step="Find the statements: SELECT query, shared_blks_read FROM pg_stat_statements WHERE query ILIKE "
        f"{quote_literal(f'%{table.name}%')} ORDER BY shared_blks_read DESC LIMIT 5; look at each with EXPLAIN (ANALYZE, BUFFERS).",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    rows = [r for t in snapshot.catalog.storage_tables if (r := snapshot.statistics_of(t))]
    read, hit = sum(map(_read, rows)), sum(map(_hit, rows))
    if read + hit >= 1_000_000 and hit / (read + hit) >= 0.99:
        yield Strength(
            "Tables are read from memory",
            f"{hit / (read + hit):.1%} of {read + hit:,} blocks asked for were found in shared buffers.",
            {"hit_ratio": round(hit / (read + hit), 4)},
        )
