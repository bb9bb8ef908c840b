"""What statistics tell of an index's keys: how many different ones there are, how many rows share each, and how many bytes they take.

A column is a list of ``Cells``: kinds of values, each with how many such values are possible, the share of the rows that has one of them,
and its width. The most common values, NULL and the rest are such kinds. Several columns are taken as independent, which makes the cells of
an index the product of those of its columns; how many of the cells hold a row at all follows from the number of rows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dbwright.model.statistics import ColumnStatistics
from dbwright.phantom.sizes.analyze import shared_out
from dbwright.phantom.sizes.widths import spread, value_width, widths_of

UNKNOWN_WIDTH = 16
"""Bytes of a value of which nothing is known. PostgreSQL's own guess for a varlena is 32, but keys are short."""
UNKNOWN_NUMERIC = 5
"""Bytes of a number of up to four digits."""
UNKNOWN_DISTINCT = 200
"""Different values of which nothing is known, as the planner has it (DEFAULT_NUM_DISTINCT)."""
ONCE = 1e-9
"""Rows per possible value that stand for "every value occurs once"."""
LEAST = 1e-60
"""No cell's share is less: what matters is only that no two rows are in it."""

ALIGNMENT = {
    "uuid": 1, "interval": 8, "timetz": 8, "macaddr": 4, "macaddr8": 4, "point": 8, "box": 8, "lseg": 8, "circle": 8, "tid": 2
}  # fmt: skip
"""``pg_type.typalign`` in bytes of fixed-length types where it is not the length itself."""


@dataclass(frozen=True, slots=True)
class Key:
    """What an index stores for one of its keys. ``type`` is the base type's name, or ``enum``; ``length`` is ``pg_type.typlen``;
    ``statistics`` are those of the column, or of the expression where some index has them, and without them ``distinct`` is how many
    different values are guessed; ``fixed``: a character or bit type padded to one length."""

    type: str
    length: int
    statistics: ColumnStatistics | None
    distinct: float | None = None
    fixed: bool = False

    @property
    def alignment(self) -> int:
        return ALIGNMENT.get(self.type, self.length if self.length in (1, 2, 4, 8) else 1)


@dataclass(frozen=True, slots=True)
class Cells:
    """``count`` possible values (or tuples of values), each held by ``share`` of the rows; ``bytes`` of data so far; ``null``: one of the
    values is NULL, so the tuple carries a bitmap."""

    count: float
    share: float
    bytes: int
    null: bool = False

    @property
    def mass(self) -> float:
        return self.count * self.share

    def filled(self, rows: float) -> float:
        """How many of the values occur among so many rows."""
        return -self.count * math.expm1(-rows * self.share)


def filled(cells: Iterable[Cells], rows: float) -> float:
    """How many different values so many rows have."""
    return sum(c.filled(rows) for c in cells)


@lru_cache(maxsize=4096)
def cells_of(key: Key, rows: float, pages: int) -> tuple[Cells, ...]:
    """The values of one key in a table of so many rows and pages."""
    statistics = key.statistics
    if statistics is None:
        usual = UNKNOWN_NUMERIC if key.type == "numeric" else UNKNOWN_WIDTH
        widths = spread(key.type, key.length, usual, key.fixed)
        return evenly([Cells(1, part, width) for width, part in widths], key.distinct or UNKNOWN_DISTINCT, rows)
    common = _common(key, statistics)
    nulls = [Cells(1, statistics.null_fraction, 0, null=True)] if statistics.null_fraction > 0 else []
    cells = [*common, *_others(key, statistics, common, rows, pages), *nulls]
    total = sum(c.mass for c in cells)
    return merge(Cells(c.count, c.share / total, c.bytes, c.null) for c in cells) if total > 0 else ()


def _common(key: Key, statistics: ColumnStatistics) -> list[Cells]:
    """The most common values. Without the values themselves, their width is the average."""
    usual = key.length if key.length > 0 else statistics.average_width
    frequencies = statistics.common_frequencies
    if not statistics.common_values:
        return [Cells(1, share, usual) for share in frequencies if share > 0]
    measured = [value_width(key.type, key.length, text) for text in statistics.common_values]
    pairs = zip(frequencies, measured, strict=False)
    return [Cells(1, share, usual if width is None else width) for share, width in pairs if share > 0]


def _others(
    key: Key, statistics: ColumnStatistics, common: Sequence[Cells], rows: float, pages: int
) -> Iterable[Cells]:
    """The values that are neither common nor NULL."""
    common_share = sum(c.mass for c in common)
    left = 1 - statistics.null_fraction - common_share
    told = statistics.distinct_values(rows) or UNKNOWN_DISTINCT
    if left <= 1e-6 or (told - len(common) < 0.5 and common):
        return ()
    common_widths = common_share, sum(c.mass * c.bytes for c in common)
    widths = widths_of(key.type, key.length, key.fixed, statistics, left, common_widths)
    values = shared_out(key.type, statistics, left, told, rows, pages)
    if values is None:
        return evenly([Cells(1, left * part, width) for width, part in widths], told - len(common), rows)
    return [Cells(count * part, share, width) for count, share in values for width, part in widths]


def evenly(cells: Iterable[Cells], distinct: float, rows: float) -> tuple[Cells, ...]:
    """The same widths, with the shares that they have, so that ``distinct`` different values occur among so many rows."""
    widths = by_width(cells)
    total = sum(c.mass for c in widths)
    rows = max(rows * total, 1.0)
    possible = rows / _mean_before_truncation(rows / max(min(distinct, rows), 1))
    return tuple(Cells(possible * c.mass / total, total / possible, c.bytes, c.null) for c in widths)


def _mean_before_truncation(observed: float) -> float:
    """Rows per possible value when the values that occur have ``observed`` rows each: the mean of the Poisson distribution whose mean
    without its zeros is ``observed``."""
    if observed <= 1 + ONCE:
        return ONCE
    mean = observed if observed > 2 else 2 * (observed - 1)
    for _ in range(50):
        step = -mean / math.expm1(-mean) - observed
        mean = max(mean - step, ONCE)
        if abs(step) < 1e-9 * observed:
            break
    return mean


def by_width(cells: Iterable[Cells]) -> tuple[Cells, ...]:
    """Only how wide they are and how many rows that concerns: what is left to know of keys that are stored row by row."""
    masses: defaultdict[tuple[int, bool], float] = defaultdict(float)
    for cell in cells:
        masses[cell.bytes, cell.null] += cell.mass
    return tuple(Cells(1, mass, width, null) for (width, null), mass in masses.items())


@lru_cache(maxsize=4096)
def product(left: tuple[Cells, ...], right: tuple[Cells, ...], alignment: int) -> tuple[Cells, ...]:
    """The cells of both together, independent of each other; the right one's data stand behind the left one's."""
    return merge(_both(a, b, alignment) for a in left for b in right)


def _both(a: Cells, b: Cells, alignment: int) -> Cells:
    share = max(a.share * b.share, LEAST)
    end = a.bytes if b.null else _behind(a.bytes, b.bytes, alignment)
    return Cells(a.mass * b.mass / share, share, end, a.null or b.null)


def _behind(before: int, size: int, alignment: int) -> int:
    """Bytes up to the end of a value; one of variable length is aligned where it has the long header of four bytes."""
    step = 4 if alignment == 1 and size > 127 else alignment
    return -(-before // step) * step + size


def merge(cells: Iterable[Cells]) -> tuple[Cells, ...]:
    """The same with cells of about equal shares (within a factor of 1.4) and equal bytes put together."""
    groups: defaultdict[tuple[int, int, bool], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for cell in cells:
        key = round(2 * math.log2(cell.share)), cell.bytes, cell.null
        count, mass = groups[key]
        groups[key] = count + cell.count, mass + cell.mass
    return tuple(Cells(count, mass / count, width, null) for (_, width, null), (count, mass) in groups.items())
