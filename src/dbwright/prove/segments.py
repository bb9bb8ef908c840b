"""A column's statistics as pieces in the order of its values: frequent values and the buckets of its histogram, each with its share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import expm1, sqrt

import psycopg

from dbwright.model.catalog import Column
from dbwright.model.statistics import ColumnStatistics
from dbwright.prove.literals import array

_ENDLESS = frozenset(("infinity", "-infinity", "NaN", "Infinity", "-Infinity"))


@dataclass(frozen=True, slots=True)
class Segment:
    """``share`` of the rows that are not NULL lie from ``low`` to below ``high``; a frequent value has both alike."""

    share: float
    low: str
    high: str


@dataclass(frozen=True)
class Segments:
    """``per_bucket`` is how many different values a bucket of the histogram has. ``rest`` is the share of rows of whose values nothing is
    known."""

    pieces: tuple[Segment, ...]
    per_bucket: float
    rest: float

    @property
    def starts(self) -> list[float]:
        """The place of each piece among all rows that are not NULL, and 1 at the end."""
        ends = list(accumulate(piece.share for piece in self.pieces))
        total = ends[-1] if ends else 1.0
        return [0.0, *(end / total for end in ends[:-1]), 1.0]


def segments_of(
    known: ColumnStatistics, column: Column, rows: float, connection: psycopg.Connection[tuple[object, ...]]
) -> Segments | None:
    """None when no value is known, or the server here cannot read them as the column's type."""
    common = [
        (value, share)
        for value, share in zip(known.common_values, known.common_frequencies, strict=False)
        if value not in _ENDLESS
    ]
    bounds = [value for value in known.histogram if value not in _ENDLESS]
    filled = max(1.0 - known.null_fraction, 1e-9)
    ordered = _ordered([value for value, _ in common], bounds, column, connection)
    if ordered is None or not (common or len(bounds) > 1):
        return None
    share_of = dict(common)
    left = max(1.0 - sum(share for _, share in common) / filled, 0.0)
    distinct = max(known.distinct_values(rows) - len(common), 1.0)
    # As few values as bounds: these are all of them, and there is nothing between.
    whole = distinct <= len(bounds)
    buckets = len(bounds) if whole else max(len(bounds) - 1, 0)
    pieces: list[Segment] = []
    before = 0
    for place, value in ordered:
        pieces += _buckets(bounds, before, min(place, buckets), left / max(buckets, 1), whole)
        before = max(before, min(place, buckets))
        pieces.append(Segment(share_of[value] / filled, value, value))
    pieces += _buckets(bounds, before, buckets, left / max(buckets, 1), whole)
    distinct = possible(distinct, rows * filled * left)
    return Segments(tuple(pieces), distinct / buckets if buckets else 1.0, 0.0 if buckets else left)


def possible(distinct: float, rows: float) -> float:
    """From how many values must be drawn so that about ``distinct`` of them come up in ``rows`` draws: d = n (1 - e^(-rows/n))."""
    if distinct >= 0.999 * rows:
        return max(rows, 1.0) * 1e6
    low, high = distinct, distinct * 1e6
    for _ in range(60):
        middle = sqrt(low * high)
        low, high = (middle, high) if middle * -expm1(-rows / middle) < distinct else (low, middle)
    return high


def _buckets(bounds: Sequence[str], begin: int, end: int, share: float, whole: bool) -> list[Segment]:
    return [Segment(share, bounds[n], bounds[n if whole else n + 1]) for n in range(begin, end)]


def _ordered(
    common: Sequence[str], bounds: Sequence[str], column: Column, connection: psycopg.Connection[tuple[object, ...]]
) -> list[tuple[int, str]] | None:
    """The frequent values in order, each with how many bounds lie at or below it."""
    if not common:
        return []
    text = (
        f"SELECT count(b.value)::int, m.given FROM (SELECT value, ordinality, ({array(common, 'text')})[ordinality] AS given"  # noqa: S608
        f" FROM unnest({array(common, column.type)}) WITH ORDINALITY AS u(value, ordinality)) AS m"
        f" LEFT JOIN unnest({array(bounds, column.type)}) AS b(value) ON b.value <= m.value"
        " GROUP BY m.ordinality, m.given, m.value ORDER BY m.value, m.ordinality"
    )
    try:
        with connection.transaction():
            return [(int(str(place)), str(value)) for place, value in connection.execute(text.encode()).fetchall()]
    except psycopg.Error:
        return None
