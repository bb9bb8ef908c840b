"""Statistics: how large things are and how they were used since the counters began."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from dbwright.model.catalog import Catalog, Table


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """Sizes and counters of one table.

    ``rows`` is the planner's estimate (``reltuples``), or -1 when the table was never vacuumed or analyzed.
    Sizes are bytes; ``heap_bytes`` is the main fork, ``table_bytes`` adds TOAST and the maps, ``index_bytes`` all
    indexes. Times are None when it never happened. ``modified_since_analyze`` and ``inserted_since_vacuum`` are rows.
    """

    oid: int
    rows: float
    pages: int
    all_visible_pages: int
    heap_bytes: int
    table_bytes: int
    toast_bytes: int
    index_bytes: int
    sequential_scans: int
    sequential_rows: int
    index_scans: int
    index_rows: int
    inserted: int
    updated: int
    deleted: int
    hot_updated: int
    newpage_updated: int
    live_rows: int
    dead_rows: int
    modified_since_analyze: int
    inserted_since_vacuum: int
    last_vacuum: datetime | None
    last_autovacuum: datetime | None
    last_analyze: datetime | None
    last_autoanalyze: datetime | None
    last_sequential_scan: datetime | None
    last_index_scan: datetime | None
    vacuums: int
    autovacuums: int
    analyzes: int
    autoanalyzes: int
    heap_blocks_read: int
    heap_blocks_hit: int
    index_blocks_read: int
    index_blocks_hit: int
    toast_blocks_read: int
    toast_blocks_hit: int

    @property
    def total_bytes(self) -> int:
        return self.table_bytes + self.index_bytes

    @property
    def estimated_rows(self) -> int:
        """Best figure for the number of rows: the planner's estimate, else the live counter; 0 when nothing is known."""
        return int(self.rows) if self.rows > 0 else max(self.live_rows, 0)

    @property
    def writes(self) -> int:
        """Rows inserted, updated and deleted since the counters began."""
        return self.inserted + self.updated + self.deleted

    @property
    def scans(self) -> int:
        return self.sequential_scans + self.index_scans


@dataclass(frozen=True, slots=True)
class IndexStatistics:
    """Size and counters of one index. ``last_scan`` exists from PostgreSQL 16."""

    oid: int
    table_oid: int
    bytes: int
    pages: int
    rows: float
    scans: int
    rows_read: int
    rows_fetched: int
    last_scan: datetime | None
    blocks_read: int
    blocks_hit: int


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """A row of ``pg_stats``. ``distinct`` is PostgreSQL's ``n_distinct``: negative means a share of the rows.
    Values are absent (empty) when the snapshot was taken without values or the column may hold secrets.
    The ``element`` fields are those of arrays and ``tsvector``, the ``range`` fields (from PostgreSQL 17) of ranges; ``table_oid`` is an
    index's for the statistics of its expressions."""

    table_oid: int
    column: str
    inherited: bool
    null_fraction: float
    average_width: int
    distinct: float
    correlation: float | None
    common_values: tuple[str, ...]
    common_frequencies: tuple[float, ...]
    histogram: tuple[str, ...]
    common_elements: tuple[str, ...] = ()
    common_element_frequencies: tuple[float, ...] = ()
    element_count_histogram: tuple[float, ...] = ()
    range_length_histogram: tuple[str, ...] = ()
    range_empty_fraction: float | None = None
    range_bounds_histogram: tuple[str, ...] = ()

    def distinct_values(self, rows: float) -> float:
        """Number of distinct values among ``rows`` rows."""
        return self.distinct if self.distinct >= 0 else -self.distinct * rows


@dataclass(frozen=True, slots=True)
class DatabaseStatistics:
    """Counters of one database. ``None`` where the server's version has none."""

    oid: int
    name: str
    connections: int
    commits: int
    rollbacks: int
    blocks_read: int
    blocks_hit: int
    rows_returned: int
    rows_fetched: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    recovery_conflicts: int
    temporary_files: int
    temporary_bytes: int
    deadlocks: int
    checksum_failures: int | None
    read_milliseconds: float
    write_milliseconds: float
    sessions: int | None
    sessions_abandoned: int | None
    sessions_fatal: int | None
    sessions_killed: int | None
    reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class CheckpointStatistics:
    """Checkpoints and the background writer, counted since ``reset_at``."""

    timed: int
    requested: int
    write_milliseconds: float
    sync_milliseconds: float
    buffers_checkpoint: int
    buffers_clean: int
    buffers_backend: int | None
    max_written_clean: int
    buffers_allocated: int
    reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class IoStatistics:
    """A row of ``pg_stat_io`` (PostgreSQL 16 and later)."""

    backend_type: str
    object: str
    context: str
    reads: int
    read_milliseconds: float
    writes: int
    write_milliseconds: float
    extends: int
    hits: int
    evictions: int
    fsyncs: int


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """Counters of a replica, keyed by the same oids as the primary's."""

    name: str
    reset_at: datetime | None
    started_at: datetime
    tables: tuple[TableStatistics, ...]
    indexes: tuple[IndexStatistics, ...]


@dataclass(frozen=True)
class Statistics:
    """All statistics of a snapshot. ``reset_at`` is when this database's counters began; ``nodes`` are the replicas."""

    tables: tuple[TableStatistics, ...] = ()
    indexes: tuple[IndexStatistics, ...] = ()
    columns: tuple[ColumnStatistics, ...] = ()
    databases: tuple[DatabaseStatistics, ...] = ()
    checkpoints: CheckpointStatistics | None = None
    io: tuple[IoStatistics, ...] = ()
    reset_at: datetime | None = None
    nodes: tuple[NodeStatistics, ...] = ()

    @cached_property
    def table_by_oid(self) -> dict[int, TableStatistics]:
        return {t.oid: t for t in self.tables}

    @cached_property
    def index_by_oid(self) -> dict[int, IndexStatistics]:
        return {i.oid: i for i in self.indexes}

    @cached_property
    def _columns(self) -> dict[tuple[int, str], ColumnStatistics]:
        best: dict[tuple[int, str], ColumnStatistics] = {}
        for row in self.columns:
            key = (row.table_oid, row.column)
            if key not in best or row.inherited:
                best[key] = row
        return best

    @cached_property
    def node_index_scans(self) -> dict[int, int]:
        """Index scans by index oid, summed over all replicas."""
        total: defaultdict[int, int] = defaultdict(int)
        for node in self.nodes:
            for row in node.indexes:
                total[row.oid] += row.scans
        return dict(total)

    def table(self, table: Table) -> TableStatistics | None:
        return self.table_by_oid.get(table.oid)

    def column(self, table: Table, name: str) -> ColumnStatistics | None:
        return self._columns.get((table.oid, name))

    def rows(self, catalog: Catalog, table: Table) -> int:
        """Estimated rows of a table with all its partitions."""
        rows = (self.table_by_oid.get(leaf.oid) for leaf in catalog.leaves_of(table))
        return sum(row.estimated_rows for row in rows if row)

    def total_bytes(self, catalog: Catalog, table: Table) -> int:
        """Bytes of a table with its indexes, TOAST and partitions."""
        rows = (self.table_by_oid.get(leaf.oid) for leaf in catalog.leaves_of(table))
        return sum(row.total_bytes for row in rows if row)

    def writes(self, catalog: Catalog, table: Table) -> int:
        """Rows written to a table and its partitions since the counters began."""
        rows = (self.table_by_oid.get(leaf.oid) for leaf in catalog.leaves_of(table))
        return sum(row.writes for row in rows if row)
