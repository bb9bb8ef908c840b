"""What the planner's sample tells of a column, and what a table's name tells of its use: shared by rules about
constraints and types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dbwright.model.catalog import FRAMEWORK_TABLES, Column, Index, Table
from dbwright.model.change import AlterColumnType, Change
from dbwright.model.finding import ObjectRef
from dbwright.model.snapshot import Snapshot, object_ref, once
from dbwright.model.statistics import ColumnStatistics
from dbwright.model.wording import listed

NUMBERS = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8"})
TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})
MOST_OBJECTS = 20
"""Objects named by one finding; the evidence counts all."""

_SCRATCH = re.compile(
    r"(^|_)(tmp|temp|stg|staging|stage|scratch|import|imports|raw|load|backup|bak|bkp|old|copy|dump)(_|\d*$)"
)
_HISTORY = re.compile(
    r"(^|_)(log|logs|logentry|event|events|history|histories|audit|audits|archive|archived|archives|version|versions|"
    r"revision|revisions|snapshot|snapshots|trail|outbox|queue)\d*$|^historical|^audit_|^log_|^archive_"
)


def is_scratch(table: Table) -> bool:
    """A staging, import or backup copy, by its name or because it is unlogged: it need not keep rules."""
    return table.persistence != "permanent" or bool(_SCRATCH.search(table.name.lower()))


def is_history(table: Table) -> bool:
    """A log, history or archive by its name: it repeats what other tables hold once."""
    return bool(_HISTORY.search(table.name.lower()))


@dataclass(frozen=True, slots=True)
class Measured:
    """A column with its statistics and its table's rows."""

    table: Table
    column: Column
    statistics: ColumnStatistics
    rows: int

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def ref(self) -> ObjectRef:
        return object_ref("column", self.table, self.column.name)

    @property
    def label(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def values(self) -> tuple[str, ...]:
        """All values of the planner's sample: the most common ones, then histogram bounds."""
        return self.statistics.common_values + self.statistics.histogram

    def frequency(self, value: str) -> float:
        """Share of the rows that hold exactly this value, by the sample; 0 when it is not among the common ones."""
        pairs = zip(self.statistics.common_values, self.statistics.common_frequencies, strict=False)
        return next((share for text, share in pairs if text == value), 0.0)

    @property
    def unique_share(self) -> float:
        """Distinct values for each row that has a value, 0 to 1: 1 when no value was met twice."""
        filled = 1 - self.statistics.null_fraction
        if filled <= 0 or self.rows <= 0:
            return 0.0
        return min(1.0, self.statistics.distinct_values(self.rows) / (filled * self.rows))


@dataclass(frozen=True, slots=True)
class Retyping:
    """Either a change or, when it cannot be one, the next step."""

    change: Change | None
    next_step: str | None


def statistics_of(snapshot: Snapshot, table: Table, column: str) -> ColumnStatistics | None:
    """The column's statistics; those of a partition where the parent was never analyzed (autovacuum does not do that)."""
    found = snapshot.statistics.column(table, column)
    if found is None and table.kind == "partitioned table":
        rows = (snapshot.statistics.column(leaf, column) for leaf in snapshot.catalog.leaves_of(table))
        found = next((row for row in rows if row), None)
    return found


def own_tables(snapshot: Snapshot, least_rows: float) -> Iterator[tuple[Table, int]]:
    """The users' own tables of at least so many rows, with the rows. Frameworks' tables and scratch copies are left out."""
    return ((table, rows) for table, rows in _own_tables(snapshot) if rows >= least_rows)


@once
def _own_tables(snapshot: Snapshot) -> tuple[tuple[Table, int], ...]:
    tables = (t for t in snapshot.catalog.user_tables if t.name not in FRAMEWORK_TABLES and not is_scratch(t))
    return tuple((table, snapshot.rows(table)) for table in tables)


def measured_columns(
    snapshot: Snapshot, least_rows: float, base_types: frozenset[str] | None = None
) -> Iterator[Measured]:
    """Columns of ``own_tables`` that the planner has statistics of."""
    for table, rows in own_tables(snapshot, least_rows):
        yield from measured_in(snapshot, table, rows, base_types)


def measured_in(
    snapshot: Snapshot, table: Table, rows: int, base_types: frozenset[str] | None = None
) -> Iterator[Measured]:
    """Columns of one table that the planner has statistics of."""
    for column in snapshot.catalog.columns_of(table):
        if base_types is None or column.base_type in base_types:
            statistics = statistics_of(snapshot, table, column.name)
            if statistics is not None:
                yield Measured(table, column, statistics, rows)


def referencing_columns(snapshot: Snapshot, table: Table) -> frozenset[str]:
    """Columns of the table that are part of a foreign key."""
    return frozenset(name for key in snapshot.catalog.constraints_of(table, "foreign key") for name in key.columns)


def key_columns(snapshot: Snapshot, table: Table) -> frozenset[str]:
    """Columns of the table that a foreign key joins to another table, on either side, or that are its primary key."""
    keys = snapshot.catalog.constraints_of(table, "foreign key", "primary key")
    referenced = (name for key in snapshot.catalog.references_to(table) for name in key.foreign_columns)
    return frozenset(name for key in keys for name in key.columns) | frozenset(referenced)


def checked_columns(snapshot: Snapshot, table: Table) -> frozenset[str]:
    """Columns of the table that a CHECK constraint speaks of."""
    return frozenset(name for check in snapshot.catalog.constraints_of(table, "check") for name in check.columns)


def retype_blockers(snapshot: Snapshot, table: Table, name: str) -> list[str]:
    """What keeps ALTER COLUMN TYPE from being one statement: things that PostgreSQL refuses, or that could not be rebuilt."""
    catalog = snapshot.catalog
    found = []
    if table.oid in catalog.viewed:
        found.append("views that read the table")
    if any(column.generated for column in catalog.columns_of(table)):
        found.append("generated columns")
    if name in key_columns(snapshot, table):
        found.append("keys between tables")
    if name in checked_columns(snapshot, table):
        found.append("CHECK constraints")
    if catalog.policies_of(table):
        found.append("row-level security policies")
    if any(name in trigger.definition for trigger in catalog.triggers_of(table)):
        found.append("triggers")
    if any(_is_special(index, name) for index in catalog.indexes_of(table)):
        found.append("indexes")
    if name in (table.partition_key or ""):
        found.append("the partition key")
    return found


def _is_special(index: Index, name: str) -> bool:
    """An index on the column that may not fit another type: an expression, a condition, an operator class of its own."""
    if name in index.referenced_columns:
        return True
    return any(key == name and not default for key, default in zip(index.keys, index.default_opclass, strict=False))


def retype(
    snapshot: Snapshot, entries: Sequence[tuple[Table, Column]], new_type: str, note: str, cast: bool = False
) -> Retyping:
    """The change that gives columns of one table another type, or, where something stands in its way, the step to take."""
    table = entries[0][0]
    blockers = dict.fromkeys(b for t, column in entries for b in retype_blockers(snapshot, t, column.name))
    size = snapshot.total_bytes(table)
    lock = f"Rewrites {table.name} with its indexes ({size / 2**20:,.0f} MB) under an exclusive lock. {note}"
    if not blockers:
        operations = tuple(
            AlterColumnType(t.schema, t.name, column.name, column.type, new_type, cast=cast) for t, column in entries
        )
        return Retyping(Change(operations, note=lock), None)
    names = ", ".join(column.name for _, column in entries)
    using = f" USING {entries[0][1].name}::{new_type}" if cast else ""
    step = (
        f"ALTER TABLE {table.name} ALTER COLUMN {entries[0][1].name} TYPE {new_type}{using} (columns: {names}), after dealing with "
        f"{listed(blockers)}. {lock}"
    )
    return Retyping(None, step)


def share_matching(values: Iterable[str], pattern: re.Pattern[str]) -> float:
    """Share of the values that match the pattern as a whole; empty texts are passed over. 0 when there are none."""
    filled = [value for value in values if value.strip()]
    return sum(1 for value in filled if pattern.fullmatch(value.strip())) / len(filled) if filled else 0.0
