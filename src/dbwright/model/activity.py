"""What was going on when the snapshot was taken, and what the server recorded of its work: sessions, locks,
replication, archiving, statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Session:
    """A backend. Ages are seconds at the time of the snapshot; ``xmin_age`` is in transactions (the
    older of its snapshot and its own transaction id: both hold back VACUUM);
    ``query`` has its literals replaced by parameters; ``blocked_by`` are process ids; ``encrypted`` is None for local
    sockets and when it may not be read; ``from_internet``: the client's address is of no private network."""

    pid: int
    database: str | None
    user: str | None
    application: str
    is_remote: bool | None
    backend_type: str
    state: str | None
    wait_event_type: str | None
    wait_event: str | None
    connected_seconds: float | None
    transaction_seconds: float | None
    query_seconds: float | None
    state_seconds: float | None
    xmin_age: int | None
    encrypted: bool | None
    blocked_by: tuple[int, ...]
    query: str
    from_internet: bool | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a relation of this database that is waited for, or that shuts out every reader."""

    pid: int
    table_oid: int
    mode: str
    granted: bool


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A transaction left open by two-phase commit."""

    name: str
    database: str
    owner: str
    age_seconds: float
    xid_age: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A long-running maintenance command. ``share`` is the part done, 0 to 1, when the server tells."""

    pid: int
    command: str
    table_oid: int
    phase: str
    share: float | None
    index_passes: int
    seconds: float | None


@dataclass(frozen=True)
class Activity:
    sessions: tuple[Session, ...] = ()
    locks: tuple[Lock, ...] = ()
    prepared_transactions: tuple[PreparedTransaction, ...] = ()
    progress: tuple[Progress, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplicationSlot:
    """A replication slot. ``retained_bytes`` is the WAL it keeps; ages are in transactions."""

    name: str
    kind: str
    plugin: str | None
    database: str | None
    active: bool
    temporary: bool
    wal_status: str | None
    retained_bytes: int | None
    xmin_age: int | None
    catalog_xmin_age: int | None
    conflicting: bool | None
    invalidation_reason: str | None
    inactive_seconds: float | None


@dataclass(frozen=True, slots=True)
class Standby:
    """A row of ``pg_stat_replication``: a standby that this server feeds."""

    application: str
    user: str
    state: str
    sync_state: str
    lag_bytes: int | None
    replay_lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class Archiver:
    """WAL archiving counters."""

    archived: int
    failed: int
    last_archived_at: datetime | None
    last_failed_at: datetime | None
    last_failed_wal: str | None
    reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecoveryState:
    """Facts of a standby; all None on a primary. ``replay_seconds`` is the age of the last replayed transaction."""

    in_recovery: bool
    receiver_running: bool | None
    replay_paused: bool | None
    replay_seconds: float | None
    system_identifier: str | None


@dataclass(frozen=True)
class Replication:
    recovery: RecoveryState | None = None
    slots: tuple[ReplicationSlot, ...] = ()
    standbys: tuple[Standby, ...] = ()
    archiver: Archiver | None = None
    wal_bytes: int | None = None
    wal_full_page_images: int | None = None
    wal_reset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """An entry of ``pg_stat_statements`` of this database. Times are milliseconds, blocks are 8 KiB."""

    query_id: int
    user: str | None
    query: str
    calls: int
    total_milliseconds: float
    mean_milliseconds: float
    min_milliseconds: float
    max_milliseconds: float
    stddev_milliseconds: float
    plan_milliseconds: float
    rows: int
    shared_blocks_hit: int
    shared_blocks_read: int
    shared_blocks_dirtied: int
    temporary_blocks_read: int
    temporary_blocks_written: int
    read_milliseconds: float
    write_milliseconds: float
    wal_bytes: int
    jit_milliseconds: float | None


@dataclass(frozen=True)
class Workload:
    """Recorded statements. ``available`` is False when pg_stat_statements is not there or may not be read;
    ``evicted`` counts entries that were thrown out for want of room; ``collected_from`` is when counting began."""

    available: bool = False
    statements: tuple[Statement, ...] = ()
    evicted: int | None = None
    collected_from: datetime | None = None

    @property
    def total_milliseconds(self) -> float:
        return sum(s.total_milliseconds for s in self.statements)


@dataclass(frozen=True, slots=True)
class IntegrityProblem:
    """What ``PRAGMA integrity_check`` or ``foreign_key_check`` of SQLite reported."""

    check: str
    table: str | None
    message: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class HbaRule:
    """A line of ``pg_hba.conf`` as the server understood it."""

    line: int
    kind: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str | None
    netmask: str | None
    method: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A server parameter (or a SQLite pragma). ``value`` is in ``unit``; secrets are masked when they are read."""

    name: str
    value: str
    unit: str | None
    type: str
    context: str
    source: str
    source_file: str | None
    source_line: int | None
    boot_value: str | None
    reset_value: str | None
    pending_restart: bool


_UNIT_BYTES = {"B": 1, "kB": 1024, "8kB": 8192, "16kB": 16384, "32kB": 32768, "MB": 1024**2, "16MB": 16 * 1024**2}
_UNIT_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Settings:
    """Parameters by name."""

    rows: tuple[Setting, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Setting]:
        return {row.name: row for row in self.rows}

    def get(self, name: str) -> Setting | None:
        return self._by_name.get(name)

    def text(self, name: str) -> str | None:
        """The raw value, or None when the server has no such parameter or it may not be read."""
        row = self._by_name.get(name)
        return row.value if row else None

    def on(self, name: str) -> bool | None:
        """A boolean parameter."""
        text = self.text(name)
        return None if text is None else text in ("on", "true", "yes", "1")

    def number(self, name: str) -> float | None:
        """A number in the parameter's own unit."""
        text = self.text(name)
        try:
            return None if text is None else float(text)
        except ValueError:
            return None

    def bytes(self, name: str) -> int | None:
        """A memory or size parameter in bytes; negative values (unset) stay as they are."""
        row, number = self._by_name.get(name), self.number(name)
        if row is None or number is None:
            return None
        return int(number) if number < 0 else int(number * _UNIT_BYTES.get(row.unit or "B", 1))

    def seconds(self, name: str) -> float | None:
        """A time parameter in seconds; negative values (off) stay as they are."""
        row, number = self._by_name.get(name), self.number(name)
        if row is None or number is None:
            return None
        return number if number < 0 else number * _UNIT_SECONDS.get(row.unit or "s", 1.0)
