"""Edits for samples of rules about indexes: counters that ran for long, recorded statements, replicas."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from dbwright.model.activity import Statement, Workload
from dbwright.model.sample_rows import Edit
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import NodeStatistics


def with_history(days: float, *queries: str, calls: int = 20_000, replica_scans: int | None = None) -> Edit:
    """The snapshot whose counters began ``days`` ago, with these statements recorded, and with a replica where each index was
    scanned that often."""

    def edit(snapshot: Snapshot) -> Snapshot:
        began = snapshot.taken_at - timedelta(days=days)
        nodes: tuple[NodeStatistics, ...] = ()
        if replica_scans is not None:
            indexes = tuple(replace(row, scans=replica_scans) for row in snapshot.statistics.indexes)
            nodes = (NodeStatistics("replica:5432", began, began, snapshot.statistics.tables, indexes),)
        workload = Workload(bool(queries), tuple(_statement(query, calls) for query in queries))
        statistics = replace(snapshot.statistics, reset_at=began, nodes=nodes)
        gaps = tuple(gap for gap in snapshot.gaps if not queries or not gap.section.startswith("workload"))
        return replace(snapshot, statistics=statistics, workload=workload, gaps=gaps)

    return edit


def _statement(query: str, calls: int) -> Statement:
    values: dict[str, Any] = {field.name: 0 for field in fields(Statement)}
    values |= {
        "query": query,
        "user": None,
        "calls": calls,
        "mean_milliseconds": 40.0,
        "total_milliseconds": 40.0 * calls,
    }
    return Statement(**values)
