"""``CREATE INDEX`` and ``DROP INDEX`` in the text of a migration."""

from __future__ import annotations

import re

from dbwright.model.source import SourceIndex

_CREATE = re.compile(
    r"""\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>"?[\w$]+"?)\s+
    ON\s+(?:ONLY\s+)?(?:(?P<schema>"?[\w$]+"?)\.)?(?P<table>"?[\w$]+"?)\s*(?:USING\s+(?P<method>\w+)\s*)?
    \((?P<columns>.*?)\)\s*(?:INCLUDE\s*\((?P<include>[^)]*)\)\s*)?(?:WITH\s*\([^)]*\)\s*)?(?:WHERE\s+(?P<where>.+?))?;?\s*\Z""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_DROP = re.compile(
    r"\s*DROP\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+EXISTS\s+)?(?:\"?[\w$]+\"?\.)?(\"?[\w$]+\"?)\s*(?:CASCADE)?;?\s*\Z",
    re.IGNORECASE,
)
COLUMN = re.compile(r'"?([\w$]+)"?(?:\s+(\w+_ops))?(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(?:FIRST|LAST))?\Z', re.IGNORECASE)


def index_of(text: str) -> tuple[SourceIndex, str | None, str | None] | None:
    """The index with its table and schema; without a table it is dropped. None for a statement of another form."""
    dropped = _DROP.match(text)
    if dropped:
        return SourceIndex(dropped[1].strip('"'), ()), None, None
    match = _CREATE.match(text)
    if match is None:
        return None
    names, classes, descending, expressions = [], [], [], []
    for part in split_list(match["columns"]):
        column = COLUMN.match(part)
        names.append(column[1] if column else part)
        classes.append((column[2] or "") if column else "")
        descending.append(bool(column and (column[3] or "").upper() == "DESC"))
        expressions.append(column is None)
    index = SourceIndex(
        name=match["name"].strip('"'),
        columns=tuple(names),
        unique=bool(match["unique"]),
        method=(match["method"] or "btree").lower(),
        descending=tuple(descending),
        is_expression=tuple(expressions),
        opclasses=tuple(classes) if any(classes) else (),
        include=tuple(one.strip(' "') for one in (match["include"] or "").split(",") if one.strip()),
        condition=match["where"],
    )
    schema = match["schema"]
    return index, match["table"].strip('"'), schema.strip('"') if schema else None


def split_list(text: str) -> list[str]:
    """At commas outside of brackets."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()]
