"""The Snapshot: everything that was read from one database at one time, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, wraps
from typing import Any, TypeVar

from dbwright.model.activity import Activity, HbaRule, IntegrityProblem, Replication, Settings, Workload
from dbwright.model.attribution import Attribution
from dbwright.model.catalog import Catalog, Table
from dbwright.model.change import Engine
from dbwright.model.finding import ObjectRef
from dbwright.model.migrations import AppliedMigration
from dbwright.model.planned import Planned
from dbwright.model.source import Source, SourceProblem
from dbwright.model.statistics import Statistics, TableStatistics
from dbwright.model.surroundings import Surroundings

SCHEMA_VERSION = 1
"""Raised whenever a saved snapshot of the old form could not be read as the new one."""


@dataclass(frozen=True, slots=True)
class Target:
    """What was read. ``name`` tells it to people without secrets (``app@db.example:5432/shop``), ``identity`` is the same
    for the same database wherever it is seen from. ``version`` is PostgreSQL's ``server_version_num`` (150018) or SQLite's
    ``sqlite_version_number``."""

    engine: Engine
    name: str
    identity: str
    database: str
    version: int
    version_text: str
    user: str
    is_superuser: bool
    can_monitor: bool
    started_at: datetime | None = None
    managed_by: str | None = None

    @property
    def major(self) -> int:
        return self.version // 10000 if self.engine == "postgresql" else self.version // 1000000


NEWEST_VERSION = 180000
"""The version of PostgreSQL that code is judged for where no server says one."""
UNKNOWN_VERSION = "unknown"
"""``version_text`` of a target that was not read."""
OTHER_DATABASE = "database"
"""Section of the Gap that says that another database was read than the one named first; it concerns every rule."""
UNREAD = "source.files"
"""Section of the Gap that names the files and lines of the project that could not be read; it concerns every rule on code."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read. ``section`` is dotted (``workload.statements``, ``catalog.indexes``); ``remedy`` is
    the GRANT, setting or step that would allow it; ``partial``: some of the section was read."""

    section: str
    reason: str
    remedy: str
    partial: bool = False


@dataclass(frozen=True)
class Project:
    """What was read of the project around the database."""

    root: str | None = None
    frameworks: tuple[str, ...] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)
    problems: tuple[SourceProblem, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """One database at one time. Rules read this and nothing else; ``taken_at`` is their clock."""

    schema_version: int
    tool_version: str
    taken_at: datetime
    target: Target
    catalog: Catalog = field(default_factory=Catalog)
    statistics: Statistics = field(default_factory=Statistics)
    workload: Workload = field(default_factory=Workload)
    activity: Activity = field(default_factory=Activity)
    settings: Settings = field(default_factory=Settings)
    replication: Replication = field(default_factory=Replication)
    hba: tuple[HbaRule, ...] = ()
    integrity: tuple[IntegrityProblem, ...] = ()
    gaps: tuple[Gap, ...] = ()
    project: Project = field(default_factory=Project)
    source: Source = field(default_factory=Source)
    attribution: Attribution = field(default_factory=Attribution)
    applied: tuple[AppliedMigration, ...] = ()
    planned: Planned | None = None
    """The project's queries as production would plan them, where that was asked for."""
    collection_seconds: float = 0.0
    server_seconds: float = 0.0

    @property
    def was_read(self) -> bool:
        """Whether there is a database behind it; else what the project's code says is all there is."""
        return self.target.version_text != UNKNOWN_VERSION

    @cached_property
    def runs_elsewhere(self) -> bool:
        """The SQLite file of a developer whose application runs on PostgreSQL: rules on code judge for that."""
        return self.target.engine == "sqlite" and self.project.surroundings.names_postgresql

    def rows(self, table: Table) -> int:
        """Estimated rows of a table with its partitions."""
        return self._rows.get(table.oid, 0)

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {table.oid: self.statistics.rows(self.catalog, table) for table in self.catalog.tables}

    @cached_property
    def filled_tables(self) -> tuple[Table, ...]:
        """The users' tables that are known to hold rows: what is said in praise of a table is earned by keeping it with data in."""
        return tuple(table for table in self.catalog.user_tables if self.rows(table) > 0)

    def total_bytes(self, table: Table) -> int:
        """Bytes of a table with its indexes, TOAST and partitions."""
        return self.statistics.total_bytes(self.catalog, table)

    def writes(self, table: Table) -> int:
        """Rows written since the counters began, partitions included."""
        return self.statistics.writes(self.catalog, table)

    def statistics_of(self, table: Table) -> TableStatistics | None:
        return self.statistics.table(table)

    @property
    def statistics_days(self) -> float | None:
        """Days for which the counters ran *at least*: for "was never used". None when that is not known.

        Without a recorded reset the server does not tell when they began. They survive clean restarts and are cleared by a crash, so the
        server's start is the latest that they can have begun.
        """
        return self._days_since(self.statistics.reset_at or self.target.started_at)

    @property
    def counting_days(self) -> float | None:
        """Days for which the counters ran *at most*: for rates, which come out rather too low than too high. Without a recorded reset
        the oldest mark of any of the cluster's counters stands for it. Never 0."""
        checkpoints = self.statistics.checkpoints
        marks = (self.target.started_at, checkpoints.reset_at if checkpoints else None, self.replication.wal_reset_at)
        return self._days_since(self.statistics.reset_at or min((mark for mark in marks if mark), default=None))

    def _days_since(self, began: datetime | None) -> float | None:
        return max((self.taken_at - began).total_seconds(), 1.0) / 86400 if began else None


Result = TypeVar("Result")


def once(function: Callable[[Snapshot], Result]) -> Callable[[Snapshot], Result]:
    """Keep what a function makes of a snapshot with the snapshot: many rules ask for the same. The result must not be changed."""

    @wraps(function)
    def look_up(snapshot: Snapshot) -> Result:
        kept: dict[object, Any] = snapshot.__dict__.setdefault("_kept", {})
        if function not in kept:
            kept[function] = function(snapshot)
        result: Result = kept[function]
        return result

    return look_up


def table_ref(table: Table) -> ObjectRef:
    """The reference of a table or view."""
    kind = {"view": "view", "materialized view": "materialized view"}.get(table.kind, "table")
    return ObjectRef(kind, table.name, table.schema, table.name)


def object_ref(kind: str, table: Table, name: str, columns: tuple[str, ...] = ()) -> ObjectRef:
    """The reference of something that belongs to a table: an index, column, constraint, trigger, policy."""
    return ObjectRef(kind, name, table.schema, table.name, columns)
