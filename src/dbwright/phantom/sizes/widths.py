"""How many bytes values take in an index tuple, from their text, from samples of them, or from their average width."""

from __future__ import annotations

import math
from collections import defaultdict

from dbwright.model.statistics import ColumnStatistics

WIDTHS = 12
"""Widths that a column's values are sorted into."""
SHORT = 126
"""Bytes of data up to which a varlena has a header of one byte and no alignment, else one of four."""

Widths = list[tuple[int, float]]
"""Bytes, with the part of the values that takes them."""


def value_width(type_: str, length: int, text: str) -> int | None:
    """Bytes that a value takes that is given as its text. None: not known for this type."""
    if length > 0:
        return length
    if type_ in ("text", "varchar", "bpchar", "citext"):
        size = len(text.encode())
    elif type_ == "numeric":
        size = _numeric_bytes(text)
    else:
        return None
    return size + (1 if size <= SHORT else 4)


def _numeric_bytes(text: str) -> int:
    """A header of two bytes, and two bytes for each four decimal digits, counted from the decimal point."""
    whole, _, part = text.lstrip("-").partition(".")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    part = part.ljust(-(-len(part) // 4) * 4, "0")
    groups = [(whole + part)[start : start + 4] for start in range(0, len(whole + part), 4)]
    while groups and groups[0] == "0000":
        groups.pop(0)
    while groups and groups[-1] == "0000":
        groups.pop()
    return 2 + 2 * len(groups)


def widths_of(
    type_: str, length: int, fixed: bool, statistics: ColumnStatistics, share: float, common: tuple[float, float]
) -> Widths:
    """The widths of the values that are not among the most common ones; these are ``share`` of the rows.

    The histogram is a sample of them. The average width, cut to whole bytes, is of many more, the ``common`` ones (their share, and that
    times their widths) included: where both disagree, the sample is moved."""
    if length > 0:
        return [(length, 1.0)]
    widths = sorted(w for w in (value_width(type_, length, text) for text in statistics.histogram) if w)
    average = statistics.average_width
    if not widths:
        return spread(type_, length, average, fixed)
    if len(set(widths)) > WIDTHS:
        widths = [widths[(2 * i + 1) * len(widths) // (2 * WIDTHS)] for i in range(WIDTHS)]
    common_share, common_bytes = common
    both = share + common_share
    mean = (sum(widths) / len(widths) * share + common_bytes) / both
    shift = (min(max(mean, average), average + 0.999) - mean) * both / share
    down = math.floor(shift)
    parts: defaultdict[int, float] = defaultdict(float)
    for width in widths:
        parts[max(width + down, 1)] += (1 - shift + down) / len(widths)
        parts[max(width + down + 1, 1)] += (shift - down) / len(widths)
    return [(width, part) for width, part in parts.items() if part > 0]


def spread(type_: str, length: int, average: int, fixed: bool = False) -> Widths:
    """Widths around an average of which nothing else is known, so that alignment takes half of its step on average."""
    if length > 0:
        return [(length, 1.0)]
    if fixed:
        return [(average, 1.0)]
    if type_ == "numeric":
        return [(max(average + d, 3), 1 / 3) for d in (-2, 0, 2)]
    return [(max(average + d, 1), 1 / 8) for d in range(-4, 4)]
