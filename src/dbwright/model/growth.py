"""How a table grows: whether its rows arrive in the order of time."""

from __future__ import annotations

from dbwright.model.catalog import Column, Table
from dbwright.model.snapshot import Snapshot

_TIMES = frozenset({"timestamptz", "timestamp", "date"})


def time_of_arrival(snapshot: Snapshot, table: Table, correlation: float) -> Column | None:
    """The time column whose values lie on disk in order, as they do when rows come in by time and stay; the best ordered one."""
    best: tuple[float, Column] | None = None
    for column in snapshot.catalog.columns_of(table):
        row = snapshot.statistics.column(table, column.name) if column.base_type in _TIMES else None
        ordered = abs(row.correlation) if row and row.correlation is not None and row.null_fraction < 0.05 else 0.0
        if ordered >= correlation and (best is None or ordered > best[0]):
            best = (ordered, column)
    return best[1] if best else None
