"""Make a snapshot "as if grown": the same catalog, with statistics of a database that has been in use for a while.

    python -m benchmarks.field_trials.grow app.json app-grown.json --factor 200

Generic on purpose: it knows no application. Tables that hold rows have rows, sizes and counters multiplied by the same
factor, so what was measured keeps its proportions. Tables that are empty get rows by a Zipf distribution over a
shuffle with a fixed seed, and an invented, healthy use: their indexes are read, their vacuum is up to date. What is
said of such a table's *use* therefore comes from this file and not from the application; what is said of its *shape*
is the application's. The counters ran for 60 days.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dbwright import snapshots
from dbwright.model.catalog import FRAMEWORK_TABLES, Table
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import IndexStatistics, TableStatistics

DAYS = 60
LARGEST_INVENTED = 2_000_000
ROW_BYTES = {
    "json": 400,
    "jsonb": 400,
    "text": 60,
    "varchar": 30,
    "bytea": 200,
    "uuid": 16,
    "timestamptz": 8,
    "int8": 8,
}
PAGE = 8192
_TABLE_COUNTERS = (
    "rows pages all_visible_pages heap_bytes table_bytes toast_bytes index_bytes sequential_scans sequential_rows index_scans "
    "index_rows inserted updated deleted hot_updated newpage_updated live_rows dead_rows modified_since_analyze "
    "inserted_since_vacuum heap_blocks_read heap_blocks_hit index_blocks_read index_blocks_hit toast_blocks_read "
    "toast_blocks_hit"
).split()
_INDEX_COUNTERS = "bytes pages rows scans rows_read rows_fetched blocks_read blocks_hit".split()
_STATEMENT_COUNTERS = (
    "calls total_milliseconds plan_milliseconds rows shared_blocks_hit shared_blocks_read shared_blocks_dirtied "
    "temporary_blocks_read temporary_blocks_written read_milliseconds write_milliseconds wal_bytes"
).split()


def grow(snapshot: Snapshot, factor: int, seed: int = 7) -> Snapshot:
    """The snapshot as if every table had held ``factor`` times as much for ``DAYS`` days."""
    began = snapshot.taken_at - timedelta(days=DAYS)
    catalog, statistics = snapshot.catalog, snapshot.statistics
    tables = {row.oid: row for row in statistics.tables}
    indexes = {row.oid: row for row in statistics.indexes}
    leaves = [table for table in catalog.storage_tables if table.oid in tables]
    empty = sorted(
        (t for t in leaves if tables[t.oid].estimated_rows == 0 and t.name not in FRAMEWORK_TABLES),
        key=lambda t: (t.schema, t.name),
    )
    random.Random(seed).shuffle(empty)
    for table in leaves:
        row = tables[table.oid]
        if row.estimated_rows:
            tables[table.oid] = _vacuumed(_scaled(row, _TABLE_COUNTERS, factor), snapshot)
            for index in catalog.indexes_of(table):
                if index.oid in indexes:
                    indexes[index.oid] = _scaled_index(indexes[index.oid], factor)
    for rank, table in enumerate(empty, 1):
        _invent(snapshot, table, LARGEST_INVENTED // rank, tables, indexes)
    statements = tuple(_scaled(s, _STATEMENT_COUNTERS, factor) for s in snapshot.workload.statements)
    return replace(
        snapshot,
        target=replace(snapshot.target, started_at=began),
        statistics=replace(
            statistics,
            tables=tuple(tables.values()),
            indexes=tuple(indexes.values()),
            reset_at=began,
            databases=tuple(replace(d, reset_at=began) for d in statistics.databases),
            checkpoints=replace(statistics.checkpoints, reset_at=began) if statistics.checkpoints else None,
        ),
        workload=replace(snapshot.workload, statements=statements, collected_from=began),
    )


def _scaled(row, fields, factor):  # type: ignore[no-untyped-def]
    return replace(row, **{name: getattr(row, name) * factor for name in fields})


def _scaled_index(row: IndexStatistics, factor: int) -> IndexStatistics:
    return _scaled(row, _INDEX_COUNTERS, factor)  # type: ignore[no-any-return]


def _vacuumed(row: TableStatistics, snapshot: Snapshot) -> TableStatistics:
    """A server in use vacuums and analyzes its tables: three days ago, without disturbing what is left to do."""
    recently = snapshot.taken_at - timedelta(days=3)
    limit = row.live_rows // 50
    return replace(
        row,
        rows=float(row.estimated_rows),
        dead_rows=min(row.dead_rows, limit),
        modified_since_analyze=min(row.modified_since_analyze, limit),
        inserted_since_vacuum=min(row.inserted_since_vacuum, limit),
        last_autovacuum=recently,
        last_autoanalyze=recently,
        autovacuums=max(row.autovacuums, 10),
        autoanalyzes=max(row.autoanalyzes, 10),
    )


def _invent(
    snapshot: Snapshot,
    table: Table,
    rows: int,
    tables: dict[int, TableStatistics],
    indexes: dict[int, IndexStatistics],
) -> None:
    rows = max(rows, 10)
    width = 24 + sum(ROW_BYTES.get(c.base_type, 8) for c in snapshot.catalog.columns_of(table))
    pages = -(-rows * width // PAGE)
    old = tables[table.oid]
    read = 0
    index_bytes = 0
    for index in snapshot.catalog.indexes_of(table):
        if index.oid not in indexes:
            continue
        size = -(-rows * (16 + 12 * len(index.keys)) // PAGE) * PAGE + PAGE
        index_bytes += size
        read += rows
        indexes[index.oid] = replace(
            indexes[index.oid],
            bytes=size,
            pages=size // PAGE,
            rows=float(rows),
            scans=rows,
            rows_read=2 * rows,
            rows_fetched=2 * rows,
            blocks_read=size // PAGE,
            blocks_hit=4 * rows,
        )
    tables[table.oid] = _vacuumed(
        replace(
            old,
            rows=float(rows),
            pages=pages,
            all_visible_pages=int(pages * 0.95),
            heap_bytes=pages * PAGE,
            table_bytes=pages * PAGE + 5 * PAGE,
            index_bytes=index_bytes,
            sequential_scans=20,
            sequential_rows=20 * rows,
            index_scans=read,
            index_rows=2 * read,
            inserted=rows + rows // 20,
            updated=rows // 10,
            hot_updated=rows // 20,
            deleted=rows // 20,
            live_rows=rows,
            heap_blocks_read=pages,
            heap_blocks_hit=10 * pages,
        ),
        snapshot,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--factor", type=int, default=200)
    arguments = parser.parse_args()
    grown = grow(snapshots.load(arguments.source), arguments.factor)
    snapshots.write_private(arguments.target, snapshots.encode(grown))


if __name__ == "__main__":
    main()
