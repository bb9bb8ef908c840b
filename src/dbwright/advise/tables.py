"""A table as candidates for indexes see it: sizes, what the planner's sample says of its columns, the indexes it has."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property

from dbwright.model.catalog import Catalog, Column, Index, Table
from dbwright.model.indexing import is_usable
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics

PAGE_BYTES = 8192
TUPLE_BYTES = 28
"""A heap row's header with its line pointer."""
ENTRY_BYTES = 12
"""An index entry's header with its line pointer."""
UNKNOWN_FRACTION = 1 / 3
"""Share of the rows within a range of which nothing is known: the planner's own guess for one inequality."""
WIDE_BYTES = 200
"""Average bytes from which a value is too wide for an index: an entry may have 2,704 bytes, and such an index is as large as the table."""
_UNORDERED = frozenset(
    "json xml point line lseg box path polygon circle tsvector tsquery xid cid aclitem geometry geography pg_snapshot".split()
)
"""Types that have no B-tree operator class, or none that anybody searches by."""
_NUMBERS = frozenset("int2 int4 int8 numeric float4 float8".split())
_BULKY = frozenset(("json", "jsonb", "xml", "bytea", "tsvector", "geometry", "geography", "hstore"))


@dataclass(frozen=True)
class TableFacts:
    """``pages`` and ``rows`` are those of all partitions, None when nobody has counted."""

    table: Table
    catalog: Catalog
    statistics: dict[str, ColumnStatistics]
    rows: float | None
    pages: float | None

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.table.schema}.{self.table.name}"

    @cached_property
    def columns(self) -> dict[str, Column]:
        return {column.name: column for column in self.catalog.columns_of(self.table)}

    @cached_property
    def indexes(self) -> tuple[Index, ...]:
        """Those that the planner may use."""
        return tuple(index for index in self.catalog.indexes_of(self.table) if is_usable(index))

    @property
    def assumed_rows(self) -> float:
        """10,000 where nobody has counted, so that candidates can still be put in order."""
        return self.rows if self.rows else 10_000.0

    @property
    def assumed_pages(self) -> float:
        return self.pages if self.pages else max(self.assumed_rows * self.row_width / PAGE_BYTES, 1.0)

    @cached_property
    def row_width(self) -> float:
        """Bytes of a row in the heap."""
        if self.rows and self.pages:
            return self.pages * PAGE_BYTES / self.rows
        return TUPLE_BYTES + sum(self.width(name) for name in self.columns)

    def width(self, name: str) -> float:
        """Average bytes of a column's values."""
        if statistics := self.statistics.get(name):
            return max(statistics.average_width * (1 - statistics.null_fraction), 1.0)
        column = self.columns.get(name)
        if column is None:
            return 8.0
        return float(column.type_length) if column.type_length > 0 else 32.0

    def entry_width(self, names: tuple[str, ...]) -> float:
        """Bytes of an index entry of these columns, each entry stored by itself."""
        return ENTRY_BYTES + sum(self.width(name) for name in names)

    def distinct(self, name: str) -> float:
        """Distinct values of a column; a tenth of the rows where nothing is known."""
        rows = self.assumed_rows
        if statistics := self.statistics.get(name):
            return max(statistics.distinct_values(rows), 1.0)
        column = self.columns.get(name)
        if column is not None and column.base_type == "bool":
            return 2.0
        return max(rows / 10, 1.0)

    def null_fraction(self, name: str) -> float | None:
        statistics = self.statistics.get(name)
        return statistics.null_fraction if statistics else None

    def correlation(self, name: str) -> float | None:
        statistics = self.statistics.get(name)
        return statistics.correlation if statistics else None

    def equal_fraction(self, name: str, literal: str | None = None) -> float:
        """Share of the rows that equal a value: a literal as SQL writes it, or any."""
        statistics = self.statistics.get(name)
        if statistics is None:
            return 1 / self.distinct(name)
        if literal is not None and statistics.common_values:
            plain = _plain(literal)
            if plain in statistics.common_values:
                return statistics.common_frequencies[statistics.common_values.index(plain)]
        common = sum(statistics.common_frequencies)
        others = self.distinct(name) - len(statistics.common_frequencies)
        rest = max(1 - common - statistics.null_fraction, 0.0)
        if literal is None:
            return (1 - statistics.null_fraction) / self.distinct(name)
        return rest / max(others, 1.0)

    def below_fraction(self, name: str, literal: str) -> float | None:
        """Share of the rows below a literal by the histogram, None when it does not tell."""
        statistics = self.statistics.get(name)
        if statistics is None or len(statistics.histogram) < 2:
            return None
        bounds = [_sortable(value) for value in statistics.histogram]
        sought = _sortable(_plain(literal))
        if any(type(bound) is not type(sought) for bound in bounds):
            return None
        return bisect_left(bounds, sought) / len(bounds)

    def within_fraction(self, name: str, low: float, high: float) -> float | None:
        """Share of the rows whose number lies between two, None when the sample does not tell."""
        statistics = self.statistics.get(name)
        if statistics is None or self.columns[name].base_type not in _NUMBERS:
            return None
        frequent = zip(statistics.common_values, statistics.common_frequencies, strict=False)
        share = sum(often for value, often in frequent if low <= float(value) <= high)
        rest = 1 - statistics.null_fraction - sum(statistics.common_frequencies)
        bounds = [float(value) for value in statistics.histogram]
        if len(bounds) < 2:
            return share if statistics.common_values else None
        return share + max(rest, 0.0) * (bisect_right(bounds, high) - bisect_left(bounds, low)) / len(bounds)

    def can_be_key(self, name: str) -> bool:
        """Whether a B-tree may have the column as a key."""
        column = self.columns.get(name)
        return (
            column is not None
            and column.base_type not in _UNORDERED
            and column.base_type not in _BULKY
            and not column.base_type.startswith("_")
            and column.type_kind not in ("composite", "pseudo")
            and column.generated != "virtual"
            and self.width(name) <= WIDE_BYTES
        )

    def can_be_payload(self, name: str) -> bool:
        """Whether an index may carry the column along."""
        column = self.columns.get(name)
        return (
            column is not None
            and column.base_type not in _BULKY
            and not column.base_type.startswith("_")
            and column.generated != "virtual"
            and self.width(name) <= WIDE_BYTES
        )


def facts_of(snapshot: Snapshot, table: Table) -> TableFacts:
    catalog = snapshot.catalog
    statistics = {
        column.name: found
        for column in catalog.columns_of(table)
        if (found := snapshot.statistics.column(table, column.name))
    }
    leaves = [snapshot.statistics.table(leaf) for leaf in catalog.leaves_of(table)]
    known = [leaf for leaf in leaves if leaf is not None]
    counted = bool(known) and all(leaf.rows >= 0 or leaf.live_rows > 0 for leaf in known)
    return TableFacts(
        table,
        catalog,
        statistics,
        rows=float(sum(leaf.estimated_rows for leaf in known)) if counted else None,
        pages=float(sum(max(leaf.pages, leaf.heap_bytes // PAGE_BYTES) for leaf in known)) if counted else None,
    )


def _plain(literal: str) -> str:
    """A literal's value as ``pg_stats`` writes it."""
    if literal.startswith("'") and literal.endswith("'"):
        return literal[1:-1].replace("''", "'")
    return {"true": "t", "false": "f"}.get(literal, literal)


def _sortable(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
