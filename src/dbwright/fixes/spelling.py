"""Python that is written: texts, lists, calls, and how they are laid out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

WIDEST = 100
"""Columns after which a call is spread over several lines."""
_OPENED = re.compile(r"(?P<head>(?:\w+=)?[\w.]*)(?P<opening>[(\[{])", re.ASCII)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def text(value: str) -> str:
    """A text as Python writes it, in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A number as it was given: a whole one without a point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def listing(values: Iterable[str]) -> str:
    """A list of texts."""
    return f"[{', '.join(map(text, values))}]"


def call(name: str, arguments: Sequence[tuple[str, str]], positional: Sequence[str] = ()) -> str:
    """A call with its arguments, whose values are Python already."""
    return f"{name}({', '.join([*positional, *(f'{key}={value}' for key, value in arguments)])})"


def spread(written: str, indent: int) -> str:
    """An expression on one line when it fits there, else its parts below each other, and theirs where they do not fit either.
    ``indent``: the column at which it begins."""
    match = _OPENED.match(written)
    if indent + len(written) < WIDEST or match is None or not written.endswith(_CLOSING[match["opening"]]):
        return written
    pad = " " * (indent + 4)
    parts = split_parts(written[match.end() : -1])
    if len(parts) == 1 and parts[0][0] in "\"'":
        return written  # a text gets no shorter by that
    lines = "".join(f"{pad}{spread(part, indent + 4)},\n" for part in parts)
    return f"{match[0]}\n{lines}{' ' * indent}{written[-1]}"


def spread_assignment(written: str, indent: int) -> str:
    """An assignment of a tuple or list, which is spread over several lines when it does not fit on one."""
    name, _, value = written.partition(" = ")
    if indent + len(written) < WIDEST:
        return written
    pad = " " * (indent + 4)
    lines = "".join(f"{pad}{spread(part, indent + 4)},\n" for part in split_parts(value[1:-1]))
    return f"{name} = {value[0]}\n{lines}{' ' * indent}{value[-1]}"


def split_parts(inside: str) -> list[str]:
    """What stands between the brackets of a call or a list, apart at its own commas."""
    parts, depth, quote, start, position = [], 0, "", 0, 0
    while position < len(inside):
        character = inside[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
            if character == "," and depth == 0:
                parts.append(inside[start:position].strip())
                start = position + 1
        position += 1
    return [part for part in (*parts, inside[start:].strip()) if part]
