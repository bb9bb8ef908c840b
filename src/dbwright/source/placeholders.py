"""Placeholders of every driver as PostgreSQL's ``$1``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from dbwright.model.quoting import quote_literal

_TOKEN = re.compile(
    r"""
      (?P<quoted>E'(?:[^'\\]++|''|\\.)*+' | '(?:[^']++|'')*+' | "(?:[^"]++|"")*+" | --[^\n]*+ | /\*.*?\*/
        | \$(?P<tag>(?:[^\W\d]\w*+)?)\$.*?\$(?P=tag)\$)
    | (?P<numbered>\$\d++)
    | %\((?P<named>[^()]++)\)[sbt]
    | (?P<positional>%[sbt](?!\w))
    | (?P<percent>%%)
    | __\[POSTCOMPILE_(?P<expanding>[^\]~]++)[^\]]*+\]
    | (?<![:\w\]\\]):(?P<colon>[A-Za-z_]\w*+)
    | (?P<escaped>\\:)
    """,
    re.I | re.S | re.X,
)
_CANDIDATE = re.compile(r"%[(sbt%]|(?<!:):[A-Za-z_]|POSTCOMPILE")
_HARDER = re.compile(r"['$:]|--|/\*|%[^s]|%s\w|POSTCOMPILE")
"""What only the whole grammar of quotes tells apart."""


NO_TEXT: Any = object()
"""What `as_text` gives for a value that has no short text: a list, a document, bytes."""


def as_text(value: Any) -> Any:
    """A parameter as the text that PostgreSQL would read; None for NULL."""
    match value:
        case None:
            return None
        case Enum():
            return as_text(value.value)
        case bool():
            return "true" if value else "false"
        case str() | int() | float() | Decimal() | UUID():
            return str(value)
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
        case timedelta():
            return f"{value.total_seconds()} seconds"
    return NO_TEXT


def filled(sql: str, values: Mapping[int, Any]) -> str:
    """The text with those of its ``$1``, ``$2`` … whose values are known written out, as literals whose type the server infers."""

    def fill(token: re.Match[str]) -> str:
        number = int(token["numbered"][1:]) if token["numbered"] else 0
        text = as_text(values[number]) if number in values else NO_TEXT
        if text is NO_TEXT:
            return token[0]
        return "NULL" if text is None else quote_literal(text)

    return _TOKEN.sub(fill, sql) if values else sql


@lru_cache(maxsize=4096)
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with ``$1``, ``$2`` … for ``%s``, ``%(name)s`` and ``:name`` (and SQLAlchemy's lists that are written when run),
    and the names of the placeholders in that order: the same name is the same number, ``%s`` has an empty name. ``%%`` becomes
    ``%`` where ``%s`` or ``%(name)s`` stand. Texts in quotes and comments are not searched. A text with ``$1`` of its own counts
    on from its highest."""
    if not _CANDIDATE.search(sql):
        return sql, ()
    if not _HARDER.search(sql):
        pieces = sql.split("%s")
        if not any(piece.count('"') % 2 for piece in pieces):
            filled = "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1))
            return filled + pieces[-1], ("",) * (len(pieces) - 1)
    tokens = list(_TOKEN.finditer(sql))
    percent = any(token["named"] or token["positional"] for token in tokens)
    number = max((int(token["numbered"][1:]) for token in tokens if token["numbered"]), default=0)
    names: list[str] = []
    numbers: dict[str, int] = {}
    parts: list[str] = []
    position = 0
    for token in tokens:
        parts.append(sql[position : token.start()])
        position = token.end()
        name = token["named"] or token["expanding"] or token["colon"]
        if token["positional"] or (name and name not in numbers):
            number += 1
            names.append(name or "")
            numbers[name or ""] = number
        if token["positional"] or name:
            parts.append(f"${numbers[name or '']}")
        elif token["escaped"]:
            parts.append(":")
        else:
            parts.append(token[0].replace("%%", "%") if percent else token[0])
    return "".join((*parts, sql[position:])), tuple(names)
