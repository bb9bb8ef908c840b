"""How well the planner's statistics of a table still fit it."""

from __future__ import annotations

from dataclasses import dataclass

from dbwright.model.catalog import Table
from dbwright.model.server import BLOCK
from dbwright.model.snapshot import Snapshot

_LEAST_BYTES = 1024**2
"""Below, no plan goes far wrong."""
_CHANGED = 0.2
"""Rows changed since, as a share: PostgreSQL's own mark is 0.1 (``autovacuum_analyze_scale_factor``); at twice that it is late."""
_GROWN = 1.2
_SEVERE = 0.5


@dataclass(frozen=True, slots=True)
class Staleness:
    """What is wrong with them, in words. ``severe``: estimates may be off by any factor."""

    text: str
    severe: bool


def staleness(snapshot: Snapshot, table: Table) -> Staleness | None:
    """None where they fit, and where there are no counters to tell by."""
    leaves = snapshot.catalog.leaves_of(table)
    rows = [row for leaf in leaves if (row := snapshot.statistics.table_by_oid.get(leaf.oid))]
    size = sum(row.heap_bytes for row in rows)
    if size < _LEAST_BYTES:
        return None
    dates = [date for row in rows for date in (row.last_analyze, row.last_autoanalyze) if date]
    own = {table.oid, *(leaf.oid for leaf in leaves)}
    if not dates and not any(row.table_oid in own for row in snapshot.statistics.columns):
        return Staleness(f"the statistics of {table.name} were never collected", True)
    since = (
        f"since its statistics were collected on {max(dates):%Y-%m-%d}"
        if dates
        else "since its statistics were collected"
    )
    pages = sum(row.pages for row in rows)
    grown = size / (pages * BLOCK) if pages else 1.0
    changed = sum(row.modified_since_analyze for row in rows) / max(snapshot.rows(table), 1)
    if grown >= _GROWN:
        return Staleness(f"{table.name} grew to {grown:.1f} times its pages {since}", grown >= 1 + _SEVERE)
    if changed >= _CHANGED:
        return Staleness(f"{changed:.0%} of the rows of {table.name} changed {since}", changed >= _SEVERE)
    return None
