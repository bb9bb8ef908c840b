"""What it costs to keep an index while rows are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from dbwright.model.catalog import Table
from dbwright.model.index_use import index_writes
from dbwright.model.query import Query
from dbwright.model.server import BLOCK
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import window_hours
from dbwright.model.workload import WorkloadStatement
from dbwright.source.sql import CannotTakeApart, take_apart

_WAL_OVERHEAD = 64
"""Bytes of WAL for an index entry beside the entry: headers of the record and its block (``XLogRecord``, ``xl_btree_insert`` …)."""
_PAGE_TOUCHED = 50
"""Operators' cost of a page on the way down a B-tree (``DEFAULT_PAGE_CPU_MULTIPLIER``)."""


def taken_apart(text: str) -> Query | None:
    """A statement, None when it cannot be read: that is told where candidates are looked for."""
    try:
        return take_apart(text)
    except CannotTakeApart:
        return None


def only_read(snapshot: Snapshot, statements: Sequence[WorkloadStatement]) -> set[tuple[str, str]]:
    """Tables that were filled once and are only read: no statement writes to them, and the counters know of no update, no delete, and of no
    more inserts than there are rows. Their indexes need no room for later entries."""
    written: set[str] = set()
    for statement in statements:
        query = taken_apart(statement.sql)
        if query is not None and query.verb in ("insert", "update", "delete"):
            written |= {table.name for table in query.tables}
    still = set()
    for table in snapshot.catalog.tables:
        row = snapshot.statistics.table_by_oid.get(table.oid)
        if row is None or table.name in written or row.updated or row.deleted:
            continue
        if row.inserted <= max(row.rows, row.live_rows) * 1.01:
            still.add((table.schema, table.name))
    return still


class Writes:
    """The rows that got an entry in the indexes of their tables over the time that the workload is of."""

    def __init__(self, snapshot: Snapshot, statements: Iterable[WorkloadStatement]) -> None:
        self.snapshot = snapshot
        self._rows: defaultdict[str, float] = defaultdict(float)
        for statement in statements:
            self._count(statement)
        counted = snapshot.counting_days
        self._part = min(1.0, window_hours(snapshot) / 24 / counted) if counted else 1.0

    def _count(self, statement: WorkloadStatement) -> None:
        query = taken_apart(statement.sql)
        if query is not None and query.verb in ("insert", "update") and query.target is not None:
            rows = statement.calls * (1.0 if statement.mean_rows is None else statement.mean_rows)
            self._rows[query.target.name] += rows * (self._cold(query.target.name) if query.verb == "update" else 1.0)

    def _cold(self, name: str) -> float:
        """The share of a table's updates that needed entries in its indexes, by the counters."""
        rows = [
            self.snapshot.statistics.table_by_oid.get(t.oid) for t in self.snapshot.catalog.tables if t.name == name
        ]
        updated = sum(row.updated for row in rows if row)
        return 1 - sum(row.hot_updated for row in rows if row) / updated if updated else 1.0

    def entries(self, table: Table) -> float:
        """As the workload's own statements wrote; where none did (COPY, or a statement that was not recorded) what the counters tell, cut
        to the workload's time."""
        if table.name in self._rows:
            return self._rows[table.name]
        return index_writes(self.snapshot, table) * self._part

    def cost(self, table: Table, rows: float, size: int, height: int) -> float:
        """What they cost more for an index of so many rows and bytes, in the planner's units: for each row that gets an entry the way
        down, the entry, and its WAL. An estimate."""
        all_rows = self.snapshot.rows(table)
        if not all_rows:
            return 0.0
        settings = self.snapshot.settings
        operator = settings.number("cpu_operator_cost") or 0.0025
        entry = settings.number("cpu_index_tuple_cost") or 0.005
        page = settings.number("seq_page_cost") or 1.0
        wal = (size / max(rows, 1.0) + _WAL_OVERHEAD) / BLOCK
        share = min(1.0, rows / all_rows)
        return self.entries(table) * share * ((height + 1) * _PAGE_TOUCHED * operator + entry + wal * page)
