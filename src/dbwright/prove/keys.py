"""What foreign keys refer to, made before any row: the keys of each table in their order, so that cycles need no order of filling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg

from dbwright.model.catalog import Column, Constraint, Table
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics
from dbwright.prove import values
from dbwright.prove.literals import array, numbers
from dbwright.prove.segments import Segment, Segments, segments_of

SCHEMA = "dbwright_keys"
_WANTED = 20_000
"""Values of frequent references that a key is made for, so that they can be looked up as in production."""
Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a unique column, by rank from 0 in ``table`` (columns ``rank`` and ``key``), ``count`` of them."""

    table: str
    count: int


def unique_columns(table: Table, snapshot: Snapshot) -> set[str]:
    """The columns that are unique alone, for all rows."""
    return {
        index.keys[0]
        for index in snapshot.catalog.indexes_of(table)
        if index.is_unique and len(index.keys) == 1 and not index.is_expression[0] and index.predicate is None
    }


def single_reference(table: Table, column: str, snapshot: Snapshot) -> Constraint | None:
    """The foreign key of that column alone, if it has one."""
    for constraint in snapshot.catalog.constraints_of(table, "foreign key"):
        if constraint.columns == (column,):
            return constraint
    return None


def unique_value(column: Column, known: ColumnStatistics | None, rows: int, rank: str, connection: Connection) -> str:
    """The ``rank``-th of ``rows`` different values, in order where the type has an arithmetic. The ends of the histogram's buckets are
    among them where nothing needs to be cut."""
    base = column.base_type
    bounds = list(known.histogram) if known else []
    if base in ("int2", "int4", "int8"):
        low, high = (int(bounds[0]), int(bounds[-1])) if len(bounds) > 1 else (1, rows)
        span = max(high - low + 1, rows)
        return f"({low}::int8 + floor({span}::numeric * ({rank}) / {rows})::int8)::{column.type}"
    share = f"((({rank}) + 0.5::float8) / {rows})"
    found = segments_of(known, column, rows, connection) if known else None
    if (
        base == "uuid"
        or found is None
        or base not in ("text", "varchar", "bpchar", "citext", "timestamp", "timestamptz")
    ):
        return _plain(column, rank, share)
    starts = found.starts
    place = f"width_bucket({share}, {numbers(starts[:-1])})"
    lows = array((piece.low for piece in found.pieces), column.type)
    highs = array((piece.high for piece in found.pieces), column.type)
    if base.startswith("timestamp"):
        inside = f"(({share} - ({numbers(starts)})[{place}]) * {len(found.pieces)})"
        begin = f"({lows})[{place}]"
        return f"({begin} + (({highs})[{place}] - {begin}) * {inside} + interval '1 microsecond' * (({rank}) % 1000))"
    first = f"ceil(({numbers(starts)})[{place}] * {rows} - 0.5)"
    text = f"({lows})[{place}]"
    return f"CASE WHEN ({rank}) <= {first} THEN {text} ELSE {values.suffixed(column, text, rank)} END"


def _plain(column: Column, rank: str, share: str) -> str:
    base = column.base_type
    if base == "uuid":
        bits = f"lpad(to_hex(floor({share} * 281474976710656)::int8), 12, '0')"
        return f"({bits} || substr(md5(({rank})::text), 1, 20))::uuid"
    if base in ("timestamp", "timestamptz"):
        return f"({base} '2024-01-01' + interval '1 second' * ({rank}))"
    if base == "date":
        return f"(date '1990-01-01' + ({rank})::int)"
    if base in ("text", "varchar", "bpchar", "citext"):
        return f"lpad(to_hex({rank}), {min(column.max_length or 12, 12)}, '0')"
    return f"({rank})::{column.type}"


def make(
    table: Table,
    column: Column,
    rows: int,
    snapshot: Snapshot,
    connection: Connection,
    parent: Keys | None,
) -> Keys:
    """The keys of a unique column. One that refers to another table itself takes that table's keys."""
    name = f"{SCHEMA}.k{table.oid}_{column.number}"
    known = snapshot.statistics.column(table, column.name)
    if parent is not None:
        count = min(rows, parent.count)
        text = (
            f"SELECT row_number() OVER (ORDER BY rank) - 1 AS rank, key FROM {parent.table}"  # noqa: S608 -- names of ours
            f" WHERE rank * {count} / {parent.count} <> (rank - 1) * {count} / {parent.count} OR rank = 0"
        )
    else:
        value = unique_value(column, known, rows, "i", connection)
        text = (
            "SELECT row_number() OVER (ORDER BY key) - 1 AS rank, key"  # noqa: S608
            f" FROM (SELECT DISTINCT {value} AS key FROM generate_series(0, {rows - 1}::int8) AS g(i)) AS v"
        )
    connection.execute(f"CREATE UNLOGGED TABLE {name} AS {text}".encode())
    connection.execute(f"CREATE UNIQUE INDEX ON {name} (rank)".encode())
    connection.execute(f"CREATE INDEX ON {name} (key)".encode())
    connection.execute(f"ANALYZE {name}".encode())
    if parent is None:
        _include_wanted(name, column, _wanted(table, column, snapshot, known), connection)
    row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()  # noqa: S608
    return Keys(name, int(str(row[0])) if row else 0)


def _wanted(table: Table, column: Column, snapshot: Snapshot, known: ColumnStatistics | None) -> list[str]:
    """Its own known values, and the frequent ones of what refers to it."""
    found: dict[str, None] = dict.fromkeys(known.histogram if known else ())
    for constraint in snapshot.catalog.constraints:
        if constraint.foreign_table_oid == table.oid and constraint.foreign_columns == (column.name,):
            child = snapshot.catalog.table_by_oid.get(constraint.table_oid)
            of_child = snapshot.statistics.column(child, constraint.columns[0]) if child else None
            if of_child:
                found.update(dict.fromkeys(of_child.common_values))
                found.update(dict.fromkeys(of_child.histogram))
    return list(found)[:_WANTED]


def _include_wanted(name: str, column: Column, wanted: Sequence[str], connection: Connection) -> None:
    """Move the next lower key to each wanted value, which keeps order and number."""
    if not wanted:
        return
    text = (
        f"UPDATE {name} AS k SET key = w.value FROM (SELECT max(value) AS value, rank FROM (SELECT u.value,"  # noqa: S608
        f" (SELECT k.rank FROM {name} AS k WHERE k.key <= u.value ORDER BY k.key DESC LIMIT 1) AS rank"
        f" FROM unnest({array(wanted, column.type)}) AS u(value)) AS n GROUP BY rank) AS w WHERE k.rank = w.rank"
    )
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error:
        return  # values of a type that has no order, or that this server cannot read: the keys stay as they were made


def ranks_of(
    found: Segments, column: Column, keys: Keys, connection: Connection, lower: str = "key"
) -> list[tuple[float, int, int]]:
    """The pieces of a referring column as ranks among the keys: share, first rank, the one behind the last. Values that are no key take
    the next lower one. ``lower`` is the column of the keys' table that is compared."""
    ends = [piece.low for piece in found.pieces] + [piece.high for piece in found.pieces]
    text = (
        f"SELECT u.n, (SELECT k.rank FROM {keys.table} AS k WHERE k.{lower} <= u.value ORDER BY k.{lower} DESC, k.rank DESC LIMIT 1),"  # noqa: S608
        f" (SELECT k.rank FROM {keys.table} AS k WHERE k.{lower} >= u.value ORDER BY k.{lower}, k.rank LIMIT 1)"
        f" FROM unnest({array(ends, column.type)}) WITH ORDINALITY AS u(value, n) ORDER BY u.n"
    )
    at_most: list[int] = []
    at_least: list[int] = []
    for _, below, above in connection.execute(text.encode()).fetchall():
        at_most.append(int(str(below)) if below is not None else 0)
        at_least.append(int(str(above)) if above is not None else keys.count - 1)
    count = len(found.pieces)
    return [
        _ranks(piece, at_most[n], at_least[n], at_most[n + count], composite=lower != "key")
        for n, piece in enumerate(found.pieces)
    ]


def _ranks(piece: Segment, low_most: int, low_least: int, high_most: int, *, composite: bool) -> tuple[float, int, int]:
    if piece.low == piece.high:
        # Of a key of several columns all that begin with the value; of one column the one key.
        return (
            (piece.share, min(low_least, low_most), low_most + 1)
            if composite
            else (piece.share, low_most, low_most + 1)
        )
    return piece.share, low_most, max(high_most, low_most + 1)


def rank_expression(pieces: Iterable[tuple[float, int, int]], per_bucket: float, q: str) -> str:
    """The rank at place ``q``."""
    rows = list(pieces)
    starts = Segments(tuple(Segment(share, "", "") for share, _, _ in rows), per_bucket, 0.0).starts
    s = f"width_bucket({q}, {numbers(starts[:-1])})"
    low = f"('{{{','.join(str(row[1]) for row in rows)}}}'::int8[])[{s}]"
    high = f"('{{{','.join(str(row[2]) for row in rows)}}}'::int8[])[{s}]"
    inside = f"(({q} - ({numbers(starts)})[{s}]) / nullif(({numbers(starts)})[{s} + 1] - ({numbers(starts)})[{s}], 0))"
    many = max(per_bucket, 1.0)
    return f"({low} + floor(({high} - {low}) * (floor(coalesce({inside}, 0) * {many!r}) / {many!r}))::int8)"


def composite(constraint: Constraint, table: Table, connection: Connection) -> Keys:
    """The keys of several columns of a table that is filled already, in their order."""
    name = f"{SCHEMA}.c{constraint.oid}"
    columns = [quote_identifier(column) for column in constraint.foreign_columns]
    listed = ", ".join(f"{column} AS key{n}" for n, column in enumerate(columns))
    order = ", ".join(columns)
    of = quote_identifier(table.schema, table.name)
    connection.execute(
        f"CREATE UNLOGGED TABLE {name} AS SELECT row_number() OVER (ORDER BY {order}) - 1 AS rank, {listed} FROM {of}".encode()  # noqa: S608
    )
    connection.execute(f"CREATE UNIQUE INDEX ON {name} (rank)".encode())
    connection.execute(f"CREATE INDEX ON {name} (key0, rank)".encode())
    connection.execute(f"ANALYZE {name}".encode())
    row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()  # noqa: S608
    return Keys(name, int(str(row[0])) if row else 0)
