"""What an expression is taken to give that no statistics describe: a type by its outermost part, as many values as its columns have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from dbwright.phantom.sizes.keys import UNKNOWN_DISTINCT, Key

_SAME = re.compile(r"^\(*(lower|upper|btrim|ltrim|rtrim|reverse)\(", re.IGNORECASE)
_DATE = re.compile(r"(::date\)*$)|^\(*date\(|date_trunc\('day'", re.IGNORECASE)
_JSON_TEXT = re.compile(r"->>|#>>")
_NUMBER = re.compile(
    r"(::(int|integer|bigint|smallint)\)*$)|^\(*(length|char_length|octet_length|mod|abs|extract|date_part)\(",
    re.IGNORECASE,
)
_LENGTHS = {"smallint": 2, "bigint": 8}


def guess(text: str, columns: Mapping[str, Key], rows: float) -> Key:
    """A key of an index on an expression of these columns of a table of ``rows`` rows."""
    only = next(iter(columns.values())) if len(columns) == 1 else None
    if only is not None and _SAME.match(text) and only.length < 0:
        return only
    if _DATE.search(text):
        truncated = "date_trunc" in text
        return Key("timestamp" if truncated else "date", 8 if truncated else 4, None, _days(only, rows))
    number = _NUMBER.search(text)
    if number:
        return Key("int8", _LENGTHS.get((number[2] or "").lower(), 4), None, min(UNKNOWN_DISTINCT, rows))
    if _JSON_TEXT.search(text) or only is None:
        return Key("text", -1, None, min(UNKNOWN_DISTINCT, rows))
    return Key(only.type, only.length, None, only.distinct)


def _days(key: Key | None, rows: float) -> float:
    """Days between the ends of the column's histogram."""
    histogram = key.statistics.histogram if key and key.statistics else ()
    try:
        span = datetime.fromisoformat(histogram[-1][:10]) - datetime.fromisoformat(histogram[0][:10])
    except (IndexError, ValueError):
        return min(UNKNOWN_DISTINCT, rows)
    return min(span.days + 1, rows)
