"""Rows for samples: sessions, slots, standbys and authentication rules that a private server cannot have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from dbwright.model.activity import HbaRule, ReplicationSlot, Session, Setting, Settings, Standby
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import TableStatistics

Edit = Callable[[Snapshot], Snapshot]


def client(user: str, application: str = "", **others: Any) -> Session:
    """An idle client of the sample's database on the server's own machine."""
    row = Session(
        pid=1000,
        database=None,
        user=user,
        application=application,
        is_remote=False,
        backend_type="client backend",
        state="idle",
        wait_event_type="Client",
        wait_event="ClientRead",
        connected_seconds=60.0,
        transaction_seconds=None,
        query_seconds=1.0,
        state_seconds=1.0,
        xmin_age=None,
        encrypted=None,
        blocked_by=(),
        query="",
        from_internet=False,
    )
    return replace(row, **others)


def with_sessions(*sessions: Session) -> Edit:
    """The snapshot with these clients instead of those it has."""

    def edit(snapshot: Snapshot) -> Snapshot:
        rows = tuple(replace(s, database=s.database or snapshot.target.database) for s in sessions)
        return replace(snapshot, activity=replace(snapshot.activity, sessions=rows))

    return edit


def with_rows(*, row_bytes: int = 0, **rows: int) -> Edit:
    """The snapshot of a database whose tables of these names hold so many rows, each of so many bytes."""

    def edit(snapshot: Snapshot) -> Snapshot:
        nothing: dict[str, Any] = {field.name: 0 for field in fields(TableStatistics)}
        times = {name: None for name in nothing if name.startswith("last_")}
        tables = tuple(
            TableStatistics(
                **nothing
                | times
                | {"oid": table.oid, "rows": float(rows[table.name]), "table_bytes": row_bytes * rows[table.name]}
            )
            for table in snapshot.catalog.tables
            if table.name in rows
        )
        return replace(snapshot, statistics=replace(snapshot.statistics, tables=tables))

    return edit


def with_settings(**values: str) -> Edit:
    """The snapshot with other values of server parameters."""

    def edit(snapshot: Snapshot) -> Snapshot:
        rows = [replace(r, value=values[r.name]) if r.name in values else r for r in snapshot.settings.rows]
        known = {r.name for r in rows}
        rows += [
            Setting(name, value, None, "string", "sighup", "configuration file", None, None, None, value, False)
            for name, value in values.items()
            if name not in known
        ]
        return replace(snapshot, settings=Settings(tuple(rows)))

    return edit


def with_hba(*rules: HbaRule) -> Edit:
    """The snapshot with these lines of pg_hba.conf."""
    return lambda snapshot: replace(snapshot, hba=rules)


def hba(kind: str, address: str | None, method: str, **others: Any) -> HbaRule:
    """A line of pg_hba.conf for all databases and users; ``address`` with its mask after a slash."""
    host, _, mask = (address or "").partition("/")
    row = HbaRule(99, kind, ("all",), ("all",), host or None, mask or None, method, None)
    return replace(row, **others)


def slot(name: str, **others: Any) -> ReplicationSlot:
    """A physical slot in use that keeps nothing back."""
    row = ReplicationSlot(name, "physical", None, None, True, False, "reserved", 0, None, None, None, None, None)
    return replace(row, **others)


def with_slots(*slots: ReplicationSlot) -> Edit:
    return lambda snapshot: replace(snapshot, replication=replace(snapshot.replication, slots=slots))


def standby(application: str, **others: Any) -> Standby:
    """A standby that keeps up."""
    return replace(Standby(application, "replicator", "streaming", "async", 0, None), **others)


def with_standbys(*standbys: Standby) -> Edit:
    return lambda snapshot: replace(snapshot, replication=replace(snapshot.replication, standbys=standbys))


def both(*edits: Edit) -> Edit:
    """Several edits, one after the other."""

    def edit(snapshot: Snapshot) -> Snapshot:
        for step in edits:
            snapshot = step(snapshot)
        return snapshot

    return edit
