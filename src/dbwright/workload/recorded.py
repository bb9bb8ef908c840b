"""The statements that the server recorded (``pg_stat_statements``), and what came to them between two snapshots."""

from __future__ import annotations

from dataclasses import replace

from dbwright.model.activity import Statement
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import statements, window_hours
from dbwright.model.workload import StatementProblem, WorkloadRead, WorkloadStatement

SOURCE = "pg_stat_statements"


def read_recorded(snapshot: Snapshot) -> WorkloadRead:
    """The users' own statements since counting began, those that took the longest in total first. The origin is the line of the code
    that sends them, where that is known, else the query's number."""
    if not snapshot.workload.available:
        return WorkloadRead(problems=(StatementProblem(SOURCE, "the snapshot holds no recorded statements"),))
    hours = window_hours(snapshot)
    return WorkloadRead(tuple(_statement(row, snapshot, hours) for row in statements(snapshot.workload)))


def read_difference(earlier: Snapshot, later: Snapshot) -> WorkloadRead:
    """What was called between two snapshots of one database. Where counting began anew in between, what the later one has is all that
    is known, and said."""
    if earlier.target.identity != later.target.identity:
        return WorkloadRead(problems=(StatementProblem(SOURCE, "the snapshots are of two databases"),))
    if earlier.taken_at > later.taken_at:
        earlier, later = later, earlier
    read = read_recorded(later)
    if read.problems or not earlier.workload.available:
        return read
    if _began_anew(earlier, later):
        reason = "counting began anew between the snapshots: only what was called since then is known"
        return replace(read, problems=(StatementProblem(SOURCE, reason),))
    before = {row.query_id: row for row in statements(earlier.workload)}
    changed = (_since(row, before.get(row.query_id)) for row in statements(later.workload))
    rows = sorted((row for row in changed if row.calls > 0), key=lambda row: (-row.total_milliseconds, row.query_id))
    hours = max((later.taken_at - earlier.taken_at).total_seconds() / 3600, 1 / 60)
    return WorkloadRead(tuple(_statement(row, later, hours) for row in rows))


def _began_anew(earlier: Snapshot, later: Snapshot) -> bool:
    began, was = later.workload.collected_from, earlier.workload.collected_from
    return began is not None and (began > earlier.taken_at or (was is not None and began > was))


def _since(row: Statement, before: Statement | None) -> Statement:
    """One that counts less than before was thrown out and recorded anew: all its calls are of this time."""
    if before is None or row.calls < before.calls:
        return row
    calls, total = row.calls - before.calls, max(row.total_milliseconds - before.total_milliseconds, 0.0)
    return replace(
        row,
        calls=calls,
        total_milliseconds=total,
        mean_milliseconds=total / calls if calls else 0.0,
        rows=max(row.rows - before.rows, 0),
    )


def _statement(row: Statement, snapshot: Snapshot, hours: float) -> WorkloadStatement:
    origin = snapshot.attribution.by_query_id.get(row.query_id)
    place = str(origin.issued[0]) if origin and origin.issued else f"query {row.query_id}"
    rows = row.rows / row.calls if row.calls else None
    return WorkloadStatement(row.query, float(row.calls), row.mean_milliseconds, place, mean_rows=rows, hours=hours)
