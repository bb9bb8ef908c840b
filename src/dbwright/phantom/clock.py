"""The time of the snapshot for plans that are made later: ``now() - interval '7 days'`` a month on is beyond every statistic.

In statements and views, what PostgreSQL folds while it estimates (``now()``, ``CURRENT_DATE`` …) is replaced by stable functions of equal
cost that answer the snapshot's time. ``clock_timestamp()`` is volatile: the planner never looks at its value.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from dbwright.model.quoting import quote_literal

_NOW, _TODAY, _LOCAL, _TIME = (
    f"dbwright_clock.{name}()" for name in ("moment", "today", "local_moment", "time_of_day")
)
_WORDS = {
    "current_timestamp": _NOW,
    "current_date": _TODAY,
    "localtimestamp": _LOCAL,
    "localtime": _TIME,
}
_CALLS = {"now": _NOW, "transaction_timestamp": _NOW, "statement_timestamp": _NOW}
_PIECE = re.compile(
    r"""(?P<skip>--[^\n]*+ | /\*.*?\*/ | E'(?:[^'\\]|''|\\.)*+' | '(?:[^']|'')*+' | "(?:[^"]|"")*+" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?<![\w.$"])(?:pg_catalog\s*\.\s*)?(?P<call>now|transaction_timestamp|statement_timestamp)\s*\(\s*\)
      | (?<![\w.$"])(?P<word>current_timestamp|current_date|localtimestamp|localtime)\b(?!\s*\()""",
    re.I | re.S | re.X,
)


def functions(moment: datetime) -> str:
    """The functions that stand for the clock."""
    value = f"{quote_literal(moment.isoformat())}::timestamptz"
    kinds = (
        ("moment", "timestamptz", value),
        ("today", "date", f"({value})::date"),
        ("local_moment", "timestamp", f"({value})::timestamp"),
        ("time_of_day", "time", f"({value})::time"),
    )
    made = (
        f"CREATE FUNCTION dbwright_clock.{name}() RETURNS {type_} LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1"
        f" AS $clock$BEGIN RETURN {text}; END$clock$"
        for name, type_, text in kinds
    )
    return ";\n".join(("CREATE SCHEMA dbwright_clock", *made))


@lru_cache(maxsize=4096)
def as_of(statement: str) -> str:
    """The statement with the snapshot's time for the present one."""
    return _PIECE.sub(_replaced, statement)


def _replaced(piece: re.Match[str]) -> str:
    if piece["call"]:
        return _CALLS[piece["call"].lower()]
    return _WORDS[piece["word"].lower()] if piece["word"] else piece[0]
