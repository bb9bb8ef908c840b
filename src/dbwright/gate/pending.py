"""What the code has and production has not yet: tables, columns and indexes that the next deployment brings.

A query on a new column must not fail the gate for that, and the index that mends a query must count in the change that adds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.fixes.sql import create_index
from dbwright.model.catalog import Catalog, Index, Table
from dbwright.model.index_use import create_like
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import IndexStatistics
from dbwright.phantom.files import PAGE
from dbwright.phantom.sizes import NoSizeModel, index_size
from dbwright.source.catalog import catalog_of


def with_pending(snapshot: Snapshot) -> Snapshot:
    """The snapshot as the code's migrations will leave it, as far as queries see it. Nothing is taken away: an index that the models do not
    know may be made by hand."""
    coming = catalog_of(snapshot.source)
    highest = max((row.oid for group in _numbered(snapshot.catalog) for row in group), default=0) + 1_000_000
    there = {(table.schema, table.name): table for table in snapshot.catalog.tables}
    catalog = snapshot.catalog
    tables, columns, indexes, constraints = [], [], [], []
    for table in coming.tables:
        present = there.get((table.schema, table.name))
        if present is None:
            renumbered = replace(table, oid=table.oid + highest)
            tables.append(renumbered)
            columns += [replace(c, table_oid=renumbered.oid) for c in coming.columns_of(table)]
            indexes += [_moved(i, renumbered.oid, highest) for i in coming.indexes_of(table)]
            constraints += [
                replace(
                    c,
                    oid=c.oid + highest,
                    table_oid=renumbered.oid,
                    index_oid=c.index_oid + highest if c.index_oid is not None else None,
                )
                for c in coming.constraints_of(table, "primary key", "unique")
            ]
            continue
        known = {column.name for column in catalog.columns_of(present)}
        last = max((column.number for column in catalog.columns_of(present)), default=0)
        new = [column for column in coming.columns_of(table) if column.name not in known]
        columns += [replace(c, table_oid=present.oid, number=last + n, not_null=False) for n, c in enumerate(new, 1)]
        indexes += [_moved(i, present.oid, highest) for i in _new_indexes(catalog, present, coming, table)]
    changed = replace(
        catalog,
        tables=(*catalog.tables, *tables),
        columns=(*catalog.columns, *columns),
        constraints=(*catalog.constraints, *constraints),
        indexes=(*catalog.indexes, *indexes),
    )
    by_oid = {table.oid: table for table in changed.tables}
    written = tuple(_written(by_oid[i.table_oid], i) for i in changed.indexes[len(catalog.indexes) :])
    changed = replace(changed, indexes=(*catalog.indexes, *written))
    sizes = tuple(_sizes(replace(snapshot, catalog=changed), written, set(there.values())))
    statistics = replace(snapshot.statistics, indexes=(*snapshot.statistics.indexes, *sizes))
    return replace(snapshot, catalog=changed, statistics=statistics)


def _numbered(catalog: Catalog) -> Iterator[tuple[Table | Index, ...]]:
    yield catalog.tables
    yield catalog.indexes


def _moved(index: Index, table_oid: int, by: int) -> Index:
    return replace(index, oid=index.oid + by, table_oid=table_oid)


def _new_indexes(catalog: Catalog, present: Table, coming: Catalog, table: Table) -> Iterator[Index]:
    """Those whose keys, method and condition no index of the table has. How a condition is written differs between a model and the server,
    so a partial one is known by its keys and its name."""
    known = {_identity(index) for index in catalog.indexes_of(present)}
    for index in coming.indexes_of(table):
        if _identity(index) not in known:
            yield replace(index, constraint=None, is_primary=False)


def _identity(index: Index) -> tuple[object, ...]:
    name = index.name if index.predicate is not None or any(index.is_expression) else None
    return name, index.keys if name is None else (), index.access_method, index.descending, frozenset(index.include)


def _written(table: Table, index: Index) -> Index:
    """With the statement that makes it, written out whole."""
    return replace(index, definition=create_index(create_like(table, index, index.name), online=False))


def _sizes(snapshot: Snapshot, indexes: tuple[Index, ...], there: set[Table]) -> Iterator[IndexStatistics]:
    """Estimated sizes of new indexes on tables that have rows."""
    by_oid = {table.oid: table for table in there}
    for index in indexes:
        table = by_oid.get(index.table_oid)
        if table is None or not snapshot.rows(table):
            continue
        try:
            pages = index_size(create_like(table, index, index.name), snapshot.catalog, snapshot.statistics).pages
        except (NoSizeModel, KeyError):
            continue  # of an access method or column whose size nobody can tell: the planner takes it for empty
        yield IndexStatistics(
            index.oid, table.oid, pages * PAGE, pages, float(snapshot.rows(table)), 0, 0, 0, None, 0, 0
        )
