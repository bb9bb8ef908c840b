"""What ANALYZE's figures mean: how many different values a column has and how its rows are shared out among them.

What ANALYZE tells is too low where few values have most of the rows, and where equal values stand together. So what it would tell is
computed for what the rest of the statistics show (the common values, the histogram of numbers, the correlation), and the number of values
moved until what it does tell comes out.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import NormalDist

from dbwright.model.statistics import ColumnStatistics

TARGET = 100
"""The default statistics target. ANALYZE keeps so many common values and parts of a histogram."""
SAMPLED = 300
"""Rows, and pages to take them from, that ANALYZE looks at for each unit of the target (``std_typanalyze``)."""
ANY = 1e15
"""Values that a column may have of which nothing tells otherwise."""
ORDERED = 0.999
"""From this correlation with the place in the table on, a column runs along with it (an id, a time of creation)."""
NOISE = 1.1
"""ANALYZE's numbers of different values may be off by so much through the luck of the sample."""
STEP = 1.5
"""From one rank to the next whose values are taken to have another share."""
BINS = 20
"""Parts that a histogram of whole numbers is looked at in."""

Shares = list[tuple[float, float]]
"""How many values have which share of the rows each."""


def shared_out(
    type_: str, statistics: ColumnStatistics, left: float, told: float, rows: float, pages: int
) -> Shares | None:
    """The values that have what is ``left`` of the rows beside the common ones, so that ANALYZE would tell of ``told`` in all.
    None: it tells of more than there can be, so their rows are shared out more evenly than by chance."""
    sampling = Sampling.of(statistics, rows, pages)
    bins = [(span, left * part) for span, part in _bins(type_, statistics)] or [(ANY, left)]
    density = _density(bins, sampling, told)
    if density is None:
        return None
    even = [(span * density, share / (span * density)) for span, share in bins]
    if sampling.explains(even, statistics.common_frequencies):
        return even
    falling = _falling(min(statistics.common_frequencies), left, sum(span for span, _ in bins), told, sampling)
    return falling if sampling.tells(falling) * NOISE > told else even


def _falling(last: float, left: float, most: float, told: float, sampling: Sampling) -> Shares:
    """Values whose shares go on falling with their rank as a power of it, from the last common one's on (Zipf's law)."""
    low, high = 0.0, 4.0
    for _ in range(25):
        slope = (low + high) / 2
        values = _power_law(last, max(sampling.common, 1), slope, left, most)
        low, high = (slope, high) if values and sampling.tells(values) < told else (low, slope)
    return _power_law(last, max(sampling.common, 1), low, left, most)


def _power_law(last: float, rank: float, slope: float, left: float, most: float) -> Shares:
    """Empty when it falls too fast to come to the share that is ``left``."""
    values: Shares = []
    first, mass = rank, 0.0
    while mass < left and rank < min(most, ANY):
        share = last * (rank * math.sqrt(STEP) / first) ** -slope
        count = min(rank * (STEP - 1), (left - mass) / share, most - rank)
        values.append((count, share))
        mass += count * share
        rank *= STEP
    return values if mass > 0.999 * left else []


def _bins(type_: str, statistics: ColumnStatistics) -> Shares:
    """Of whole numbers and days: how many that are not common there are between bounds of the histogram, with the share of the histogram
    that lies between them."""
    read: Callable[[str], int]
    if type_ in ("int2", "int4", "int8"):
        read = int
    elif type_ == "date":
        read = _day
    else:
        return []
    try:
        bounds = [read(text) for text in statistics.histogram]
        common = sorted(read(text) for text in statistics.common_values)
    except ValueError:  # infinity, or a year before Christ
        return []
    steps = len(bounds) - 1
    if steps < 2:
        return []
    ends = [round(i * steps / min(BINS, steps)) for i in range(min(BINS, steps) + 1)]
    return [(_free(bounds[a], bounds[b], common), (b - a) / steps) for a, b in pairwise(ends)]


def _free(low: int, high: int, taken: Sequence[int]) -> int:
    return max(high - low - (bisect(taken, high) - bisect(taken, low)), 1)


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _density(bins: Shares, sampling: Sampling, told: float) -> float | None:
    """Which part of the values in ``bins`` (how many there are, and their share of the rows) is possible for ANALYZE to tell what it does.
    None: even all of them are too few."""

    def tells(density: float) -> float:
        return sampling.tells([(span * density, share / (span * density)) for span, share in bins])

    most = tells(1.0)
    if most <= told:
        return 1.0 if most * NOISE >= told else None
    low, high = -70.0, 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if tells(math.exp(middle)) < told else (low, middle)
    return math.exp(high)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How ANALYZE comes to its number of different values (Haas and Stokes, in ``compute_scalar_stats``), which depends on how many
    values it sees in its sample, and how many of them only once.

    ``size`` is the sample's, ``present`` the share of rows that are not NULL, ``common`` the number of values that it sees often.
    ``together``: the rows of a value are on one page, or on several in a row; otherwise they are anywhere. What is on none of the
    sample's pages is not seen."""

    rows: float
    pages: int
    size: float
    present: float
    common: int
    together: bool

    @classmethod
    def of(cls, statistics: ColumnStatistics, rows: float, pages: int) -> Sampling:
        together = abs(statistics.correlation or 0) >= ORDERED
        common = len(statistics.common_frequencies)
        size = SAMPLED * max(TARGET, common, len(statistics.histogram) - 1)
        return cls(rows, pages, min(size, rows), 1 - statistics.null_fraction, common, together)

    def tells(self, values: Shares) -> float:
        """The number of different values, where so many have such shares besides the common ones."""
        seen, once = float(self.common), 0.0
        for count, share in values:
            reached = self._reached(share)
            mean = self.size * share / reached
            seen -= reached * count * math.expm1(-mean)
            once += reached * count * mean * math.exp(-mean)
        if self.size == self.rows:
            return seen
        taken = self.size * self.present
        return taken * seen / (taken - once + once * taken / (self.rows * self.present))

    def explains(self, values: Shares, common: Sequence[float]) -> bool:
        """Whether the luck of the sample can make as many of these values look common as there are common ones."""
        if not common:
            return True
        times = min(common) * self.size
        expected = 0.0
        for count, share in values:
            mean = self.size * share
            expected += count * (1 - NormalDist(mean, math.sqrt(mean)).cdf(times - 0.5)) if mean > 0 else 0
        return expected > len(common) / 4

    def _reached(self, share: float) -> float:
        """The part of the values with such a share of the rows that have a row on one of the sample's pages."""
        if not self.together or self.pages <= self.size:
            return 1.0
        missed = math.log1p(-self.size / self.pages)
        return -math.expm1(missed * max(share * self.pages, 1.0))
