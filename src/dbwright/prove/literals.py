"""Arrays as SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbwright.model.quoting import quote_literal


def array_text(values: Iterable[str]) -> str:
    """The text that PostgreSQL reads as an array of these."""
    return "{" + ",".join(_elements(values)) + "}"


def _elements(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        yield f'"{escaped}"'


def array(values: Iterable[str], type_: str) -> str:
    """An array constant whose elements are read as a type: once, not for each row as a cast of texts would."""
    return f"{quote_literal(array_text(values))}::{type_}[]"


def numbers(values: Iterable[float]) -> str:
    """An array constant of double precision."""
    return f"'{{{','.join(repr(float(value)) for value in values)}}}'::float8[]"
