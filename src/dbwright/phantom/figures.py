"""Sizes, row counts and statistics of a Snapshot, written into a server that holds no row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql

from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics
from dbwright.phantom.schema import stored
from dbwright.postgres import query_text

ColumnRow = tuple[object, ...]
Connection = psycopg.Connection[tuple[object, ...]]

_COLUMNS = (
    "schema text, relation_name text, column_name text, inherited bool, null_fraction float4, average_width int4, n_distinct float4,"
    " correlation float4, common_values text[], common_frequencies float4[], histogram text[], common_elements text[],"
    " common_element_frequencies float4[], element_count_histogram float4[], range_length_histogram text[],"
    " range_empty_fraction float4, range_bounds_histogram text[]"
)
_RELATIONS = "schema text, relation_name text, pages int8, rows float4, all_visible int8"
_KEYS = (
    "id int, name text, schema text, relation_name text, columns text[], parent_schema text, parent_name text,"
    " parent_columns text[]"
)


def write_statistics(connection: Connection, rows: Iterable[ColumnRow], major: int) -> None:
    """Rows of ``pg_statistic``, from those of ``column_rows``."""
    _fill(connection, "dbwright_columns", _COLUMNS, rows)
    connection.execute(query_text("statistics", major * 10000, "dbwright.phantom"))


def write_keys(connection: Connection, snapshot: Snapshot, major: int) -> None:
    """The foreign keys that the planner may rely on."""
    _fill(connection, "dbwright_keys", _KEYS, _key_rows(snapshot))
    connection.execute(query_text("foreign_keys", major * 10000, "dbwright.phantom"))
    # A table without triggers is taken to have no foreign keys (RelationGetFKeyList).
    connection.execute(
        "UPDATE pg_class SET relhastriggers = true WHERE oid IN (SELECT conrelid FROM pg_constraint WHERE contype = 'f')"
    )


def write_sizes(connection: Connection, snapshot: Snapshot) -> None:
    """Pages and rows of tables and indexes, as ``pg_class`` has them."""
    _fill(connection, "dbwright_relations", _RELATIONS, _relation_rows(snapshot))
    connection.execute(
        "UPDATE pg_class c SET relpages = f.pages, reltuples = f.rows, relallvisible = f.all_visible"
        " FROM dbwright_relations f JOIN pg_namespace n ON n.nspname = f.schema"
        " WHERE c.relnamespace = n.oid AND c.relname = f.relation_name"
    )


def _fill(connection: Connection, name: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    table = sql.Identifier("pg_temp", name)
    connection.execute(sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(table, sql.SQL(columns)))
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
        for row in rows:
            copy.write_row(row)


def _relation_rows(snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    statistics = snapshot.statistics
    for table in stored(snapshot.catalog):
        if row := statistics.table_by_oid.get(table.oid):
            yield table.schema, table.name, row.pages, row.rows, row.all_visible_pages
        for index in snapshot.catalog.indexes_of(table):
            if of_index := statistics.index_by_oid.get(index.oid):
                yield index.schema, index.name, of_index.pages, of_index.rows, 0


def column_rows(snapshot: Snapshot) -> Iterator[ColumnRow]:
    """What the snapshot tells of each column; the first two fields name its table or index."""
    catalog = snapshot.catalog
    names = {table.oid: (table.schema, table.name) for table in stored(catalog)}
    names |= {index.oid: (index.schema, index.name) for index in catalog.indexes if index.table_oid in names}
    for row in snapshot.statistics.columns:
        if row.table_oid in names:
            yield (*names[row.table_oid], *_column_row(row))


def _column_row(row: ColumnStatistics) -> tuple[object, ...]:
    return (
        row.column,
        row.inherited,
        row.null_fraction,
        row.average_width,
        row.distinct,
        row.correlation,
        list(row.common_values),
        list(row.common_frequencies),
        list(row.histogram),
        list(row.common_elements),
        list(row.common_element_frequencies),
        list(row.element_count_histogram),
        list(row.range_length_histogram),
        row.range_empty_fraction,
        list(row.range_bounds_histogram),
    )


def _key_rows(snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    catalog = snapshot.catalog
    for number, row in enumerate(catalog.constraints):
        if row.kind == "foreign key" and row.is_validated and row.foreign_table_oid is not None:
            child, parent = catalog.table_by_oid.get(row.table_oid), catalog.table_by_oid.get(row.foreign_table_oid)
            if child and parent:
                yield (
                    number,
                    row.name,
                    child.schema,
                    child.name,
                    list(row.columns),
                    parent.schema,
                    parent.name,
                    list(row.foreign_columns),
                )
