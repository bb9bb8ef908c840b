"""What statistics tell of an index's keys: how many different ones there are, how many rows share each, and how many bytes they take.

A column is a list of ``Cells``: kinds of values, each with how many such values are possible, the share of the rows that has one of them,
and its width. The most common values, NULL and the rest are such kinds. Several columns are taken as independent, which makes the cells of
an index the product of those of its columns; how many of the cells hold a row at all follows from the number of rows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

from dbwright.model.statistics import ColumnStatistics
from dbwright.phantom.sizes.widths import spread, value_width, widths_of

SAMPLE_ROWS = 300 * 100
"""Rows, and pages to take them from, that ANALYZE looks at with the default statistics target (``std_typanalyze``)."""
UNKNOWN_WIDTH = 16
"""Bytes of a value of which nothing is known. PostgreSQL's own guess for a varlena is 32, but keys are short."""
UNKNOWN_DISTINCT = 200
"""Different values of which nothing is known, as the planner has it (DEFAULT_NUM_DISTINCT)."""
ONCE = 1e-9
"""Rows per possible value that stand for "every value occurs once"."""
ANY = 1e15
"""Values that a column may have of which nothing tells otherwise."""
ORDERED = 0.999
"""From this correlation with the place in the table on, a column runs along with it (an id, a time of creation)."""
NOISE = 1.1
"""ANALYZE's numbers of different values may be off by so much through the luck of the sample."""
BINS = 20
"""Parts that a histogram of whole numbers is looked at in."""

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
        widths = spread(key.type, key.length, UNKNOWN_WIDTH, key.fixed)
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
    bins = [(span, left * part) for span, part in _bins(key.type, statistics.histogram)] or [(ANY, left)]
    density = _density(bins, _Sampling.of(statistics, rows, pages), told)
    if density is None:
        number = min(told - len(common), sum(span for span, _ in bins))
        return evenly([Cells(1, left * part, width) for width, part in widths], number, rows)
    counts = [(span * density, share) for span, share in bins]
    return [Cells(count * part, share / count, width) for count, share in counts for width, part in widths]


def _bins(type_: str, histogram: Sequence[str]) -> list[tuple[float, float]]:
    """Of whole numbers and days: how many there are between bounds of the histogram, with the share of its rows between them."""
    read: Callable[[str], int]
    if type_ in ("int2", "int4", "int8"):
        read = int
    elif type_ == "date":
        read = _day
    else:
        return []
    try:
        bounds = [read(text) for text in histogram]
    except ValueError:  # infinity, or a year before Christ
        return []
    steps = len(bounds) - 1
    if steps < 2:
        return []
    ends = [round(i * steps / min(BINS, steps)) for i in range(min(BINS, steps) + 1)]
    return [(max(bounds[b] - bounds[a], 1), (b - a) / steps) for a, b in pairwise(ends)]


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _density(bins: Sequence[tuple[float, float]], sampling: _Sampling, told: float) -> float | None:
    """Which part of the values in ``bins`` (how many there are, and their share of the rows) is possible, so that ANALYZE would tell of as
    many different ones as it does. None: it tells of more than if all were, so their rows are shared out more evenly than by chance.

    What ANALYZE tells is too low where few values have most of the rows, which a histogram of numbers shows, and where equal values stand
    together, which the correlation shows. So what it would tell is computed, and the number of values moved until that comes out."""
    most = sampling.tells(bins, 1.0)
    if most <= told:
        return 1.0 if most * NOISE >= told else None
    low, high = -70.0, 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sampling.tells(bins, math.exp(middle)) < told else (low, middle)
    return math.exp(high)


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How ANALYZE comes to its number of different values (Haas and Stokes, in ``compute_scalar_stats``), which depends on how many
    values it sees in its sample, and how many of them only once.

    ``present`` is the share of rows that are not NULL, ``common`` the number of values that it sees often. ``together``: the rows of a
    value are on one page, or on several in a row; otherwise they are anywhere. What is on none of the sample's pages is not seen."""

    rows: float
    pages: int
    present: float
    common: int
    together: bool

    @classmethod
    def of(cls, statistics: ColumnStatistics, rows: float, pages: int) -> _Sampling:
        together = abs(statistics.correlation or 0) >= ORDERED
        return cls(rows, pages, 1 - statistics.null_fraction, len(statistics.common_frequencies), together)

    def tells(self, bins: Iterable[tuple[float, float]], density: float) -> float:
        taken = min(SAMPLE_ROWS, self.rows)
        seen, once = float(self.common), 0.0
        for span, share in bins:
            count = span * density
            reached = self._reached(share / count)
            mean = taken * share / count / reached
            seen -= reached * count * math.expm1(-mean)
            once += reached * count * mean * math.exp(-mean)
        if taken == self.rows:
            return seen
        taken *= self.present
        return taken * seen / (taken - once + once * taken / (self.rows * self.present))

    def _reached(self, share: float) -> float:
        """The part of the values with such a share of the rows that have a row on one of the sample's pages."""
        if not self.together or self.pages <= SAMPLE_ROWS:
            return 1.0
        missed = math.log1p(-SAMPLE_ROWS / self.pages)
        return -math.expm1(missed * max(share * self.pages, 1.0))


def evenly(cells: Sequence[Cells], distinct: float, rows: float) -> tuple[Cells, ...]:
    """The same widths, with the shares that they have, so that ``distinct`` different values occur among so many rows."""
    by_width: defaultdict[tuple[int, bool], float] = defaultdict(float)
    for cell in cells:
        by_width[cell.bytes, cell.null] += cell.mass
    total = sum(by_width.values())
    rows = max(rows * total, 1.0)
    possible = rows / _mean_before_truncation(rows / max(min(distinct, rows), 1))
    shares = [(mass / total, width, null) for (width, null), mass in by_width.items()]
    return tuple(Cells(possible * part, total / possible, width, null) for part, width, null in shares)


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
    return merge(
        Cells(
            a.count * b.count,
            a.share * b.share,
            a.bytes if b.null else _behind(a.bytes, b.bytes, alignment),
            a.null or b.null,
        )
        for a in left
        for b in right
    )


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
