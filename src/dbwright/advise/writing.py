"""What it costs to keep an index while rows are written."""

from __future__ import annotations

from dbwright.model.catalog import Table
from dbwright.model.index_use import index_writes
from dbwright.model.snapshot import Snapshot

_WAL_OVERHEAD = 64
"""Bytes of WAL for an index entry beside the entry: headers of the record and its block (``XLogRecord``, ``xl_btree_insert`` …)."""
_PAGE_TOUCHED = 50
"""Operators' cost of a page on the way down a B-tree (``DEFAULT_PAGE_CPU_MULTIPLIER``)."""


def write_cost(snapshot: Snapshot, table: Table, rows: float, size: int, height: int) -> float:
    """What the writes that the counters tell cost more for an index of so many rows and bytes, in the planner's units: for each row that
    gets an entry the way down, the entry, and its WAL. An estimate; beside the calls of a workload it means something only when these
    were counted over the same time."""
    all_rows = snapshot.rows(table)
    if not all_rows:
        return 0.0
    operator = snapshot.settings.number("cpu_operator_cost") or 0.0025
    entry = snapshot.settings.number("cpu_index_tuple_cost") or 0.005
    page = snapshot.settings.number("seq_page_cost") or 1.0
    wal = (size / max(rows, 1.0) + _WAL_OVERHEAD) / 8192
    share = min(1.0, rows / all_rows)
    return index_writes(snapshot, table) * share * ((height + 1) * _PAGE_TOUCHED * operator + entry + wal * page)
