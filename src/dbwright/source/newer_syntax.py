"""Syntax of Python 3.12 and later, written as earlier versions read it.

Since 3.12 an expression inside an f-string may hold the quotes of the string around it, backslashes and line breaks (PEP 701:
``f'{row['key']}'``), and functions and classes may name type parameters (PEP 695: ``def first[T](items: list[T]) -> T``).
A Python before that refuses the whole file for one of them.
"""

from __future__ import annotations

import re

_START = re.compile(r"(?i)(?<![\w\"'])([rbuf]{0,2})('''|\"\"\"|'|\")|#[^\n]*")
_IS_FORMATTED = re.compile(r"(?i)f")


_TYPE_PARAMETERS = re.compile(
    r"(?m)^([ \t]*(?:async[ \t]+def|def|class)[ \t]+\w+)\[[^\[\]\n]*(?:\[[^\[\]\n]*\][^\[\]\n]*)*\](?=[(:])"
)
_TYPE_ALIAS = re.compile(r"(?m)^([ \t]*)type[ \t]+(\w+)[ \t]*(?:\[[^\]\n]*\])?[ \t]*=(?!=)")


class _Unfinished(Exception):
    """The text ends inside a string."""


def rewritten(source: str) -> str:
    """The source without type parameters, and with every expression of an f-string that an earlier Python would refuse replaced by one
    that it reads; line numbers stay. Strings stay as they are when one of them has no end."""
    text = _TYPE_ALIAS.sub(r"\1\2 =", _TYPE_PARAMETERS.sub(r"\1", source))
    return _with_plain_fields(text)


def _with_plain_fields(source: str) -> str:
    try:
        return "".join(_code(source))
    except _Unfinished:
        return source


def _code(source: str) -> list[str]:
    parts: list[str] = []
    position = 0
    while found := _START.search(source, position):
        parts.append(source[position : found.start()])
        if found[2] is None:  # a comment
            position = found.end()
            parts.append(found[0])
            continue
        position = _end(source, found.end(), found[2], bool(_IS_FORMATTED.search(found[1])))
        text = source[found.start() : position]
        parts.append(_plain(text, found[1], found[2]) if _IS_FORMATTED.search(found[1]) else text)
    parts.append(source[position:])
    return parts


def _end(source: str, position: int, quotes: str, formatted: bool) -> int:
    """The position behind the string that began before ``position``."""
    while position < len(source):
        if source[position] == "\\":
            position += 2
        elif source.startswith(quotes, position):
            return position + len(quotes)
        elif formatted and source.startswith("{{", position):
            position += 2
        elif formatted and source[position] == "{":
            position = _field_end(source, position + 1)
        elif source[position] == "\n" and len(quotes) == 1:
            raise _Unfinished
        else:
            position += 1
    raise _Unfinished


def _field_end(source: str, position: int) -> int:
    """The position behind the ``}`` that ends a replacement field; strings inside are passed over."""
    depth = 1
    while position < len(source):
        found = _START.match(source, position)
        if found and found[2] is not None:
            position = _end(source, found.end(), found[2], bool(_IS_FORMATTED.search(found[1])))
            continue
        if source[position] in "{[(":
            depth += 1
        elif source[position] in "}])":
            depth -= 1
            if not depth:
                return position + 1
        position += 1
    raise _Unfinished


def _plain(text: str, prefix: str, quotes: str) -> str:
    """One f-string with its fields' expressions free of what was forbidden, and as many line breaks as before."""
    inner = text[len(prefix) + len(quotes) : -len(quotes)]
    parts, position = [], 0
    while position < len(inner):
        if inner[position] == "\\" or inner.startswith("{{", position):
            parts.append(inner[position : position + 2])
            position += 2
        elif inner[position] == "{":
            end = _field_end(inner, position + 1)
            parts.append(_field(inner[position:end], quotes))
            position = end
        else:
            parts.append(inner[position])
            position += 1
    return f"{prefix}{quotes}{''.join(parts)}{quotes}"


def _field(field: str, quotes: str) -> str:
    field = "{" + _with_plain_fields(field[1:-1]) + "}"
    if quotes not in field and "\\" not in field and (len(quotes) == 3 or "\n" not in field):
        return field
    other = '"' if quotes[0] == "'" else "'"
    if other not in field and "\\" not in field and "\n" not in field:
        return field.replace(quotes[0], other)
    breaks = field.count("\n")
    return "{None}" + ("\\\n" if len(quotes) == 1 else "\n") * breaks
