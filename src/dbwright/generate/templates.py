"""Texts of generators: files of SQL and Python with places for names."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from dbwright.model.quoting import quote_identifier, quote_literal

THEN = "-- then"
"""The line that parts the statements of a file of SQL."""


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(  # noqa: S701  SQL and Python, no HTML; names are quoted by filters
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["name"] = quote_identifier
    made.filters["literal"] = lambda value: quote_literal(value).strip()
    made.filters["names"] = lambda values: ", ".join(map(quote_identifier, values))
    return made


def text(template: str, **values: object) -> str:
    """A template's text. In it ``name`` quotes an identifier, ``names`` several, ``literal`` a string of SQL."""
    return _environment().get_template(template).render(**values)


def statements(template: str, **values: object) -> tuple[str, ...]:
    """The statements of a template of SQL."""
    return tuple(part.strip() for part in text(template, **values).split(f"\n{THEN}\n"))
