"""What type a column has that a file only names: told by its use where that tells, else by its name."""

from __future__ import annotations

import re

from dbwright.safety.nodes import Node, names, type_name


def _ending(words: str, more: str = "") -> re.Pattern[str]:
    """Names whose last word is one of these."""
    return re.compile(rf"(^|_)({'|'.join(words.split())})$" + (f"|{more}" if more else ""))


_BY_NAME = (
    (_ending("uuid guid"), "uuid"),
    (_ending("id pk no number seq version", "_ids?$"), "bigint"),
    (
        _ending("timestamp time created updated modified deleted expires? last_login datetime ts", "_at$"),
        "timestamp with time zone",
    ),
    (_ending("date day birthday dob", "_on$"), "date"),
    (
        _ending("active enabled disabled archived verified visible public done flag", "^(is|has|can|was|should)_"),
        "boolean",
    ),
    (
        _ending(
            "count quantity qty age size position rank year score level priority views likes stock num attempts retries",
            "^num_",
        ),
        "integer",
    ),
    (
        _ending(
            "price amount total cost balance fee tax rate salary discount sum value weight lat lng latitude longitude"
        ),
        "numeric",
    ),
    (
        _ending(
            "data metadata meta payload settings config options attributes properties props json extra document preferences params"
        ),
        "jsonb",
    ),
    (_ending("tags labels roles"), "text[]"),
    (_ending("search tsv search_vector textsearch fts vector"), "tsvector"),
    (_ending("during period range booking reservation span"), "tstzrange"),
)

_BEFORE = {
    "int8": "integer",
    "bigint": "integer",
    "int4": "bigint",
    "int2": "integer",
    "jsonb": "json",
    "json": "text",
    "timestamptz": "timestamp without time zone",
    "timestamp": "timestamp with time zone",
    "date": "timestamp with time zone",
    "text": "integer",
    "varchar": "text",
    "bpchar": "text",
    "numeric": "integer",
    "float8": "numeric",
    "float4": "double precision",
    "serial": "bigint",
    "bigserial": "integer",
    "bytea": "text",
}
"""A type that a column may have had before it is changed to another: one from which the server must write the table anew, since a file
that does not tell it must not be taken for harmless."""

_BY_OPERATORS = {
    "gin_trgm_ops": "text",
    "gist_trgm_ops": "text",
    "jsonb_path_ops": "jsonb",
    "jsonb_ops": "jsonb",
    "text_pattern_ops": "text",
    "varchar_pattern_ops": "varchar",
    "array_ops": "text[]",
    "inet_ops": "inet",
    "tsvector_ops": "tsvector",
}


def by_name(column: str) -> str:
    """A type for a column of that name."""
    lowered = column.lower()
    return next((type_ for pattern, type_ in _BY_NAME if pattern.search(lowered)), "text")


def before_change(node: Node, uses_conversion: bool) -> str:
    """A type that a column may have had before it becomes the type of this node."""
    name = type_name(node)
    if node.get("arrayBounds"):
        return "text"
    if uses_conversion and name not in ("timestamptz", "timestamp", "date", "jsonb", "text", "varchar"):
        return "text"
    return _BEFORE.get(name, "text")


def by_index(method: str, element: Node, column: str) -> str:
    """A type for a column that an index of that access method holds."""
    operators = names(element.get("opclass"))
    if operators and operators[-1] in _BY_OPERATORS:
        return _BY_OPERATORS[operators[-1]]
    guessed = by_name(column)
    if method == "gin":
        return guessed if guessed in ("tsvector", "text[]", "jsonb") else "jsonb"
    if method in ("gist", "spgist"):
        return guessed if guessed in ("tsvector", "tstzrange") else "tstzrange"
    return "text" if guessed in ("jsonb", "tstzrange") else guessed


def by_constant(constant: Node) -> str | None:
    """The type of a column that is compared with a constant, or None where it does not tell."""
    content = constant.get("A_Const", {})
    if "ival" in content:
        return "integer"
    if "fval" in content:
        return "numeric"
    if "boolval" in content:
        return "boolean"
    if "sval" in content:
        return "text"
    if "TypeCast" in constant:
        name = type_name(constant["TypeCast"].get("typeName", {}))
        return {"int4": "integer", "int8": "bigint", "bool": "boolean"}.get(name, name or None)
    return None
