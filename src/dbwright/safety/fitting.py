"""Values that a new type has no room for, counted by a query."""

from __future__ import annotations

import re

from dbwright.safety.judged import quoted
from dbwright.safety.nodes import Name, Node

_TEXTS = ("varchar", "character varying", "char", "character", "bpchar")
_RANGES = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}


def unfit(name: Name, column: str, type_: str) -> str | None:
    """The query that counts the values that do not fit a type: too long, too large; None for types that take everything."""
    words = re.fullmatch(r"(?P<name>[a-z ]+?)(?:\((?P<first>\d+)(?:, ?(?P<second>\d+))?\))?", type_)
    if words is None:
        return None
    condition = None
    if words["name"] in _TEXTS and words["first"]:
        condition = f"length(rtrim({column}::text)) > {words['first']}"
    elif words["name"] in _RANGES:
        limit = _RANGES[words["name"]]
        condition = f"{column}::numeric NOT BETWEEN {-limit} AND {limit - 1}"
    elif words["name"] in ("numeric", "decimal") and words["first"]:
        scale = int(words["second"] or 0)
        condition = f"abs(round({column}::numeric, {scale})) >= 1e{int(words['first']) - scale}"
    return f"SELECT count(*) FROM {quoted(name)} WHERE {condition}" if condition else None


def using(definition: Node) -> str:
    """How a change of type makes the new values: ``itself``, by an explicit ``cast`` of the column, or ``computed`` in another way."""
    given = definition.get("raw_default")  # where the grammar keeps USING
    if given is None:
        return "itself"
    return "cast" if "ColumnRef" in given.get("TypeCast", {}).get("arg", {}) else "computed"


def is_text(type_: str) -> bool:
    """Whether it is a text of limited length."""
    return type_.partition("(")[0] in _TEXTS
