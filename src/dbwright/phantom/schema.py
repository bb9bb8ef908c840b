"""The catalog of a Snapshot as statements that make it again, without rows.

Only what the planner looks at is made: no defaults, triggers, privileges or sequences. A materialized view becomes a table, because a plan
reads it as one. Foreign keys are rows of ``pg_constraint`` that ``figures`` writes: adding them as such would check the (empty) tables,
which plans, which reads the indexes before their height is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dbwright.model.catalog import VENDOR_SCHEMAS, Catalog, Column, Constraint, Index, Table
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.phantom.clock import as_of

_OLD_ONLY = re.compile(r"\bON ONLY\b")


@dataclass(frozen=True, slots=True)
class Step:
    """A statement and what it makes, in words for a Gap when it fails."""

    sql: str
    makes: str


def steps(catalog: Catalog, moment: Callable[[str], str] = as_of) -> Iterator[tuple[Step, ...]]:
    """Groups of statements in the order in which they can run: schemas and extensions, types, tables, partitions, indexes, checks,
    extended statistics, views. ``moment`` rewrites what a view says of the present time."""
    yield tuple(_namespaces(catalog))
    yield tuple(_types(catalog))
    relations = stored(catalog)
    yield tuple(_table(catalog, table) for table in relations)
    yield tuple(_attachments(catalog, relations))
    yield tuple(_indexes(catalog, relations))
    yield tuple(_checks(catalog, relations))
    yield tuple(_statistics(catalog, relations))
    yield tuple(_views(catalog, moment))


def stored(catalog: Catalog) -> tuple[Table, ...]:
    """The relations that are made as tables. Those of extensions come with them."""
    kinds = ("table", "partitioned table", "materialized view", "foreign table")
    return tuple(t for t in catalog.tables if t.kind in kinds and t.extension is None and t.persistence != "temporary")


def _namespaces(catalog: Catalog) -> Iterator[Step]:
    for schema in catalog.schemas:
        if schema.name not in ("pg_catalog", "information_schema", "pg_toast"):
            yield Step(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(schema.name)}", f"schema {schema.name}")
    for extension in catalog.extensions:
        if extension.name != "plpgsql":
            name, schema_name = quote_identifier(extension.name), quote_identifier(extension.schema)
            yield Step(f"CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {schema_name}", f"extension {extension.name}")


def _types(catalog: Catalog) -> Iterator[Step]:
    for row in catalog.types:
        name, makes = quote_identifier(row.schema, row.name), f"type {row.name}"
        if row.extension is not None:
            continue
        if row.kind == "enum":
            yield Step(f"CREATE TYPE {name} AS ENUM ({', '.join(map(quote_literal, row.labels))})", makes)
        elif row.kind == "domain" and row.base_type:
            yield Step(f"CREATE DOMAIN {name} AS {row.base_type}", makes)


def _table(catalog: Catalog, table: Table) -> Step:
    columns = ", ".join(_column(column) for column in catalog.columns_of(table))
    parted = f" PARTITION BY {table.partition_key}" if table.kind == "partitioned table" and table.partition_key else ""
    workers = table.option("parallel_workers")
    options = f" WITH (parallel_workers = {int(workers)})" if workers and workers.isdigit() and not parted else ""
    name = quote_identifier(table.schema, table.name)
    return Step(f"CREATE TABLE {name} ({columns}){parted}{options}", f"table {table.name}")


def _column(column: Column) -> str:
    collation = f" COLLATE {quote_identifier(column.collation)}" if column.collation not in (None, "default") else ""
    required = " NOT NULL" if column.not_null else ""
    return f"{quote_identifier(column.name)} {column.type}{collation}{required}"


def _attachments(catalog: Catalog, relations: Iterable[Table]) -> Iterator[Step]:
    for table in relations:
        name = quote_identifier(table.schema, table.name)
        for oid in table.parents:
            parent = catalog.table_by_oid.get(oid)
            if parent is None:
                continue
            above = quote_identifier(parent.schema, parent.name)
            if table.is_partition:
                yield Step(
                    f"ALTER TABLE {above} ATTACH PARTITION {name} {table.partition_bound}", f"partition {table.name}"
                )
            else:
                yield Step(f"ALTER TABLE {name} INHERIT {above}", f"inheritance of {table.name}")


def _indexes(catalog: Catalog, relations: Iterable[Table]) -> Iterator[Step]:
    for table in relations:
        constraints = {c.index_oid: c for c in catalog.constraints_of(table, "primary key", "unique", "exclusion")}
        for index in catalog.indexes_of(table):
            yield _index(table, index, constraints.get(index.oid))


def _index(table: Table, index: Index, constraint: Constraint | None) -> Step:
    makes = f"index {index.name}"
    if constraint is None:
        definition = index.definition
        if table.kind == "partitioned table" and not _OLD_ONLY.search(definition):
            definition = definition.replace(" ON ", " ON ONLY ", 1)
        return Step(definition, makes)
    only = "ONLY " if table.kind == "partitioned table" else ""
    return Step(
        f"ALTER TABLE {only}{quote_identifier(table.schema, table.name)}"
        f" ADD CONSTRAINT {quote_identifier(constraint.name)} {constraint.definition}",
        makes,
    )


def _checks(catalog: Catalog, relations: Iterable[Table]) -> Iterator[Step]:
    for table in relations:
        for constraint in catalog.constraints_of(table, "check"):
            if constraint.is_validated and not constraint.is_inherited:
                name = quote_identifier(table.schema, table.name)
                rule = f"{quote_identifier(constraint.name)} {constraint.definition}"
                yield Step(f"ALTER TABLE {name} ADD CONSTRAINT {rule}", f"constraint {constraint.name}")


def _statistics(catalog: Catalog, relations: Iterable[Table]) -> Iterator[Step]:
    oids = {table.oid for table in relations}
    for row in catalog.extended_statistics:
        if row.table_oid in oids:
            yield Step(row.definition, f"extended statistics {row.name}")


def _views(catalog: Catalog, moment: Callable[[str], str]) -> Iterator[Step]:
    """Each view after those that it reads."""
    views = {t.oid: t for t in catalog.tables if t.kind == "view" and t.extension is None and t.definition}
    done: set[int] = set()

    def after(table: Table) -> Iterator[Step]:
        if table.oid in done or table.schema in VENDOR_SCHEMAS:
            return
        done.add(table.oid)
        for oid in table.reads:
            if oid in views:
                yield from after(views[oid])
        yield Step(
            f"CREATE VIEW {quote_identifier(table.schema, table.name)} AS {moment((table.definition or '').rstrip().rstrip(';'))}",
            f"view {table.name}",
        )

    for view in views.values():
        yield from after(view)
