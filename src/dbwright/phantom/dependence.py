"""Dependence of two columns that a phantom has no statistics of: these are collected of a few made-up rows and handed to the table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

import psycopg
from psycopg import sql

from dbwright.model.catalog import Column, Table
from dbwright.phantom.session import Session

GROUPS = 50
"""Values of the first column in the made-up rows: degrees are told apart by a fiftieth."""
_NAMES = {"statistics": "dbwright_dependence", "sample": "dbwright_sample"}


def suppose_dependence(
    session: Session,
    table: Table,
    columns: tuple[Column, Column],
    values: tuple[Sequence[str], Sequence[str]],
    degree: float,
) -> bool:
    """Suppose for the rest of the transaction that the first column decides the second in this share of the rows (0 to 1). ``values`` are
    some of each column, as ``pg_stats`` writes them. False where the server refuses."""
    connection = session.connection
    of = sql.Identifier(table.schema, table.name)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    objects = {
        key: sql.Identifier("pg_temp" if key == "sample" else table.schema, name) for key, name in _NAMES.items()
    }
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("CREATE TEMP TABLE {} AS SELECT * FROM {} WITH NO DATA").format(
                    sql.Identifier(_NAMES["sample"]), of
                )
            )
            types = [sql.SQL(column.type) for column in columns]  # the server's own spelling
            connection.execute(
                sql.SQL(
                    "INSERT INTO {} ({}) SELECT a::{}, b::{} FROM unnest(%s::text[], %s::text[]) AS v (a, b)"
                ).format(objects["sample"], names, *types),
                _rows(values, degree),
            )
            for key, relation in (("statistics", of), ("sample", objects["sample"])):
                connection.execute(
                    sql.SQL("CREATE STATISTICS {} (dependencies) ON {} FROM {}").format(
                        sql.Identifier(table.schema, f"{_NAMES['statistics']}_{key}"), names, relation
                    )
                )
            connection.execute(sql.SQL("ANALYZE {}").format(objects["sample"]))
            _hand_over(connection)
    except psycopg.Error:
        return False
    return True


def _rows(values: tuple[Sequence[str], Sequence[str]], degree: float) -> tuple[list[str], list[str]]:
    """Four rows for each value of the first column; in the given share of these groups the second has one value, in the others two."""
    groups = list(islice(values[0], GROUPS))
    seconds = list(islice(cycle(values[1]), len(groups) + 1))
    first, second = [], []
    for number, value in enumerate(groups):
        decided = number < degree * len(groups)
        other = seconds[number] if decided else seconds[number + 1]
        first += [value] * 4
        second += [seconds[number], other] * 2
    return first, second


def _hand_over(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    rows = connection.execute(
        "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = 'pg_statistic_ext_data'::regclass AND attnum > 1 ORDER BY attnum"
    ).fetchall()
    rest = ", ".join(str(row[0]) for row in rows)
    name = _NAMES["statistics"]
    connection.execute(
        f"INSERT INTO pg_statistic_ext_data (stxoid, {rest}) SELECT s.oid, {rest} FROM pg_statistic_ext s, pg_statistic_ext_data d"  # noqa: S608
        f" JOIN pg_statistic_ext t ON t.oid = d.stxoid WHERE s.stxname = '{name}_statistics' AND t.stxname = '{name}_sample'".encode()
    )
