"""Edits for samples of rules about the server: sizes, counters, versions and settings that a private server cannot have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from dbwright.model.activity import Settings
from dbwright.model.sample_rows import Edit
from dbwright.model.snapshot import Snapshot


def with_source(source: str, *names: str) -> Edit:
    """The snapshot with server parameters that come from elsewhere (``command line``, ``default``)."""

    def edit(snapshot: Snapshot) -> Snapshot:
        rows = (replace(r, source=source) if r.name in names else r for r in snapshot.settings.rows)
        return replace(snapshot, settings=Settings(tuple(rows)))

    return edit


def with_database(size: int | None = None, days: float = 100, **counters: Any) -> Edit:
    """The database read with another size in bytes and other counters, all of which began ``days`` ago."""

    def edit(snapshot: Snapshot) -> Snapshot:
        name, began = snapshot.target.database, snapshot.taken_at - timedelta(days=days)
        databases = (replace(d, bytes=size) if d.is_current and size else d for d in snapshot.catalog.databases)
        rows = (
            replace(d, **{"reset_at": began, **counters}) if d.name == name else d
            for d in snapshot.statistics.databases
        )
        statistics = replace(snapshot.statistics, databases=tuple(rows), reset_at=began)
        return replace(snapshot, catalog=replace(snapshot.catalog, databases=tuple(databases)), statistics=statistics)

    return edit


def with_checkpoints(days: float = 100, wal_bytes: int | None = None, images: int = 0, **counters: Any) -> Edit:
    """The snapshot with other counters of checkpoints and of WAL, which began ``days`` ago."""

    def edit(snapshot: Snapshot) -> Snapshot:
        began, checkpoints = snapshot.taken_at - timedelta(days=days), snapshot.statistics.checkpoints
        rows = replace(checkpoints, reset_at=began, **counters) if checkpoints else None
        replication = replace(
            snapshot.replication, wal_bytes=wal_bytes, wal_full_page_images=images, wal_reset_at=began
        )
        return replace(snapshot, statistics=replace(snapshot.statistics, checkpoints=rows), replication=replication)

    return edit


def with_target(**values: Any) -> Edit:
    """Another server: its version, its platform."""
    return lambda snapshot: replace(snapshot, target=replace(snapshot.target, **values))
