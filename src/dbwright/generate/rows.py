"""Rows for tests that are generated: a value that the type takes, for each column that needs one."""

from __future__ import annotations

import re

from dbwright.generate.generated import Refused
from dbwright.model.quoting import quote_identifier
from dbwright.model.source_table import SourceColumn, SourceTable

_VALUES = (
    (r"bigint|integer|smallint|numeric.*|double precision|real", "%(number)s"),
    (r"boolean", "false"),
    (r"timestamp.*|date|time.*", "now()"),
    (r"uuid", "md5(%(number)s::text)::uuid"),
    (r"jsonb?", "'{}'"),
    (r"inet|cidr", "'192.0.2.1'"),
    (r"interval", "'1 day'"),
    (r".*\[\]", "'{}'"),
    (r"bytea", "''"),
    (r"(text|citext|varchar.*|character.*|char.*)", "'r' || %(number)s"),
)
"""A value for each type, which differs where %(number)s does."""


def insert(table: SourceTable, given: dict[str, str]) -> str:
    """An INSERT with the parameter ``number``, and with ``given`` values as SQL by column. Raises Refused for a type that it has no value
    for."""
    columns = [
        column for column in table.columns if column.name in given or (column.not_null and not _makes_itself(column))
    ]
    values = [given.get(column.name) or _value(column) for column in columns]
    names = ", ".join(quote_identifier(column.name) for column in columns)
    name = quote_identifier(table.schema, table.name) if table.schema else quote_identifier(table.name)
    return f"INSERT INTO {name} ({names}) VALUES ({', '.join(values)})"


def _makes_itself(column: SourceColumn) -> bool:
    return column.primary_key and (column.type in ("bigint", "integer", "smallint") and column.references is None)


def _value(column: SourceColumn) -> str:
    choices = column.option("choices")
    if choices and isinstance(choices[0], list | tuple) and isinstance(choices[0][0], str):
        return "'" + choices[0][0].replace("'", "''").replace("%", "%%") + "'"
    found = next((value for pattern, value in _VALUES if re.fullmatch(pattern, column.type or "")), None)
    if found is None:
        raise Refused(f"No value is known for {column.name} ({column.type}).", "Give --no-test, and write it yourself.")
    return found
