"""What an expression is taken to give that no statistics describe: a type by its outermost part, as many values as its columns have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from dbwright.phantom.sizes.keys import UNKNOWN_DISTINCT, Key

_SAME = re.compile(r"\(*(lower|upper|btrim|ltrim|rtrim|reverse)\(", re.IGNORECASE)
_DAYS = re.compile(r".*::date\)*$|\(*date\(|\(*date_trunc\('day'", re.IGNORECASE)
_CAST = re.compile(r"""[(]*"?\w+"?[):\w ]*$""")
"""Of nothing but a column and casts, so that it has as many values as the column."""
_RESULTS = tuple(
    (re.compile(pattern, re.IGNORECASE), type_, length)
    for pattern, type_, length in (
        (r"\(*date_trunc\(", "timestamp", 8),
        (r".*::(int|integer)\)*$|\(*(char_|octet_)?length\(", "int4", 4),
        (r".*::bigint\)*$", "int8", 8),
        (r".*::smallint\)*$", "int2", 2),
        (r".*::(numeric|decimal)[^:]*$|\(*extract\(", "numeric", -1),  # extract: from PostgreSQL 14
        (r"\(*date_part\(", "float8", 8),
        (r".*(->>|#>>)|.*::(text|varchar)\)*$", "text", -1),
    )
)


def guess(text: str, columns: Mapping[str, Key], rows: float) -> Key:
    """A key of an index on an expression of these columns of a table of ``rows`` rows."""
    only = next(iter(columns.values())) if len(columns) == 1 else None
    if only is not None and _SAME.match(text) and only.length < 0:
        return only
    if _DAYS.match(text):
        truncated = "date_trunc" in text.lower()
        return Key("timestamp" if truncated else "date", 8 if truncated else 4, None, _days(only, rows))
    few = min(UNKNOWN_DISTINCT, rows)
    all_values = only.statistics.distinct_values(rows) if only and only.statistics else few
    for pattern, type_, length in _RESULTS:
        if pattern.match(text):
            return Key(type_, length, None, all_values if _CAST.match(text) else few)
    return Key(only.type, only.length, None, all_values) if only else Key("text", -1, None, few)


def _days(key: Key | None, rows: float) -> float:
    """Days between the ends of the column's histogram."""
    histogram = key.statistics.histogram if key and key.statistics else ()
    try:
        span = datetime.fromisoformat(histogram[-1][:10]) - datetime.fromisoformat(histogram[0][:10])
    except (IndexError, ValueError):
        return min(UNKNOWN_DISTINCT, rows)
    return min(span.days + 1, rows)
