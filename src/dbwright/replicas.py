"""Counters of replicas, from snapshots that were taken of them, added to the primary's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dbwright import snapshots
from dbwright.errors import DbwrightError
from dbwright.model.server import why_no_replica
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import NodeStatistics


class NoReplica(DbwrightError):
    """The snapshot is not one of a replica of the same database."""


def with_replicas(snapshot: Snapshot, paths: Iterable[Path]) -> Snapshot:
    """The snapshot with the counters of these snapshots of its replicas. Raises NoReplica, SnapshotUnreadable."""
    nodes = list(snapshot.statistics.nodes)
    for path in paths:
        other = snapshots.load(path)
        its = other.replication.recovery
        identifier, in_recovery = (its.system_identifier, its.in_recovery) if its else (None, False)
        if reason := why_no_replica(snapshot, identifier, other.target.database, in_recovery):
            raise NoReplica(
                f"{path} is no snapshot of a replica of {snapshot.target.name}: {reason}.",
                "Give what `dbwright snapshot --db REPLICA` wrote, for the same database.",
            )
        nodes.append(_node(other))
    return replace(snapshot, statistics=replace(snapshot.statistics, nodes=tuple(nodes)))


def _node(other: Snapshot) -> NodeStatistics:
    statistics = other.statistics
    name = f"{other.target.name} as of {other.taken_at:%Y-%m-%d %H:%M}"
    started = other.target.started_at or other.taken_at
    return NodeStatistics(name, statistics.reset_at, started, statistics.tables, statistics.indexes)
