"""Rows for the tables of a scratch server, so that a scan, a rewrite and a failing constraint can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

ROWS = 2_000
"""Enough that a scan reads more rows than anything else does, few enough that two hundred migrations run in a minute."""

_COLUMNS = """
SELECT a.attname, t.typname, t.typtype, t.typcategory, bt.typname, format_type(a.atttypid, a.atttypmod),
       information_schema._pg_char_max_length(a.atttypid, a.atttypmod), information_schema._pg_numeric_precision(a.atttypid, a.atttypmod),
       information_schema._pg_numeric_scale(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.attidentity
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type bt ON bt.oid = t.typbasetype
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CHECKS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s AND contype = 'c'"
_FIXED = {
    "bool": "n % 2 = 0",
    "uuid": "md5(n::text)::uuid",
    "json": "'{}'::json",
    "jsonb": "'{}'::jsonb",
    "bytea": "decode(md5(n::text), 'hex')",
    "date": "date '2020-01-01' + (n % 2000)::int",
    "timestamp": "timestamp '2020-01-01' + n * interval '1 minute'",
    "timestamptz": "timestamptz '2020-01-01 00:00+00' + n * interval '1 minute'",
    "time": "time '00:00' + n * interval '1 second'",
    "timetz": "timetz '00:00+00' + n * interval '1 second'",
    "interval": "n * interval '1 second'",
    "inet": "inet '10.0.0.0' + n",
    "cidr": "(inet '10.0.0.0' + n)::cidr",
    "macaddr": "NULL",
    "tsvector": "to_tsvector('simple', n::text)",
    "int4range": "int4range(n::int, n::int + 1)",
    "int8range": "int8range(n, n + 1)",
    "numrange": "numrange(n, n + 1)",
    "daterange": "daterange(date '2020-01-01' + n::int, date '2020-01-02' + n::int)",
    "tsrange": "tsrange(to_timestamp(n * 3600)::timestamp, to_timestamp((n + 1) * 3600)::timestamp)",
    "tstzrange": "tstzrange(to_timestamp(n * 3600), to_timestamp((n + 1) * 3600))",
    "point": "point(n, n)",
    "xml": "xmlparse(content '<a/>')",
    "money": "n::money",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    kind: str
    category: str
    base: str | None
    written: str
    length: int | None
    precision: int | None
    scale: int | None
    not_null: bool
    generated: bool
    identity: str


def fill(connection: psycopg.Connection[Any], oid: int, name: sql.Identifier, rows: int = ROWS) -> str | None:
    """Put rows in an empty table; None when that worked, else why not. Constants in the table's checks are tried where ours are refused."""
    columns = [Column(*row) for row in connection.execute(_COLUMNS, (oid,))]
    written = [column for column in columns if not column.generated]
    reason = None
    checks = " ".join(row[0] for row in connection.execute(_CHECKS, (oid,)))
    for values in _attempts(written, checks):
        statement = sql.SQL(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM generate_series(1, {}) n"
        ).format(
            name,
            sql.SQL(", ").join(sql.Identifier(c.name) for c in written),
            sql.SQL(", ").join(sql.SQL(value) for value in values),
            sql.Literal(rows),
        )
        if not written:
            statement = sql.SQL("INSERT INTO {} SELECT FROM generate_series(1, {})").format(name, sql.Literal(rows))
        try:
            with connection.transaction():
                connection.execute(statement)
            return None
        except psycopg.Error as error:
            reason = error.diag.message_primary or type(error).__name__
    return reason


def _attempts(columns: list[Column], checks: str) -> Iterator[list[str]]:
    """Values for the columns: made up; then what the checks name; then nothing where nothing is allowed."""
    made = [value(column) for column in columns]
    yield made
    if checks:
        yield [_named(column, checks) or one for column, one in zip(columns, made, strict=True)]
        in_checks = [column.name in checks for column in columns]
        yield [
            "NULL" if named and not column.not_null else one
            for column, one, named in zip(columns, made, in_checks, strict=True)
        ]
    yield ["NULL" if not column.not_null else one for column, one in zip(columns, made, strict=True)]


def _named(column: Column, checks: str) -> str | None:
    """The first constant that stands after a column's name in a check; of numbers that and the next."""
    at = rf"\b{re.escape(column.name)}\b"
    if column.category in "SE":
        match = re.search(rf"{at}[^']{{0,60}}?('(?:[^']|'')*')", checks)
        return f"{match[1]}::{column.written}" if match else None
    match = re.search(rf"{at}[^\d']{{0,30}}?(\d+)", checks) if column.category == "N" else None
    return f"{match[1]} + n % 2" if match else None


def value(column: Column) -> str:
    """An expression over the number ``n`` for a column; unlike in every row where the type has room for that."""
    type_ = column.base or column.type
    if column.kind == "e":
        return f"(enum_range(NULL::{column.written}))[1 + n % array_length(enum_range(NULL::{column.written}), 1)]"
    if type_ in _FIXED:
        return _FIXED[type_]
    if type_ in ("int2", "int4", "int8", "float4", "float8", "oid"):
        return "n"
    if type_ == "numeric":
        room = (column.precision or 40) - (column.scale or 0)
        return f"n % {10 ** min(max(room, 0), 9)}" if room < 10 else "n"
    if type_ in ("text", "varchar", "bpchar", "name", "citext"):
        return f"right(n::text, {column.length})" if column.length and column.length < 12 else "'v' || n"
    if column.category == "A":
        return f"'{{}}'::{column.written}"
    return "NULL"
