"""A foreign key's referencing columns have no index that the server could use.

## Why it matters

PostgreSQL indexes the referenced side of a foreign key, never the referencing side.
Every DELETE or key UPDATE on the referenced table then reads the whole referencing table to find the rows that point at it, while it
holds its locks; joins from parent to children do the same.

## When to ignore

When rows of the referenced table are never deleted, their keys never change, and nothing joins or filters by this column.
An index costs every write on a table that takes many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.catalog import Constraint, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.indexing import free_name, serves_equality
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.constraints", "catalog.indexes", "statistics.tables")
LIMITS = {
    "rows": 10_000,
    # More keys than this to one table: a DELETE there pays for all of them at once, and one message says so.
    "keys": 3,
    # Keys of smaller tables, whatever they refer to: more than so many are one message too.
    "small_rows": 1_000_000,
    "small_ones": 3,
}
COVERS = ("fk-without-index", "BP-08", "BP-14")

_TABLES = """
CREATE TABLE customer (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);
"""
_LARGE = {"orders": {"rows": 2e6}}

BAD = (
    Sample(_TABLES, statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON orders (id, customer_id);", statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON orders (customer_id) WHERE id > 7;", statistics=_LARGE),
    # Superset: created_by and changed_by of every table name the user. One message, not one for each column.
    Sample(
        _TABLES
        + "ALTER TABLE orders ADD created_by bigint REFERENCES customer, ADD changed_by bigint REFERENCES customer;",
        statistics=_LARGE,
    ),
    Sample(_TABLES, statistics=_LARGE, engine="sqlite"),
    Sample(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY);"
        'CREATE TABLE "or der" (id INTEGER PRIMARY KEY, a bigint REFERENCES customer, b bigint REFERENCES customer);',
        statistics={"or der": {"rows": 2e6}},
        engine="sqlite",
    ),
    # Superset: link tables of middling size, each with a key or two that lead to different tables.
    Sample(
        "".join(_TABLES.replace("customer", f"customer_{n}").replace("orders", f"orders_{n}") for n in range(4)),
        statistics={f"orders_{n}": {"rows": 2e5} for n in range(4)},
    ),
    # Two keys on one column need one index.
    Sample(
        _TABLES + "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;",
        statistics=_LARGE,
    ),
)
GOOD = (
    Sample(_TABLES, statistics={"orders": {"rows": 200}}),
    Sample(_TABLES + "CREATE INDEX ON orders (customer_id, id);", statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON orders USING hash (customer_id);", statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON orders (customer_id) WHERE customer_id IS NOT NULL;", statistics=_LARGE),
    Sample(_TABLES, statistics={"orders": {"rows": 200}}, engine="sqlite"),
    Sample(_TABLES + "CREATE INDEX o ON orders (customer_id, id);", statistics=_LARGE, engine="sqlite"),
    # The row's own number is a key without an index: a child of multi-table inheritance in Django.
    Sample(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY REFERENCES customer);",
        statistics=_LARGE,
        engine="sqlite",
    ),
)


@dataclass(frozen=True, slots=True)
class _Bare:
    """A foreign key without an index, with the rows of its table."""

    table: Table
    key: Constraint
    rows: int


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found: defaultdict[int, list[_Bare]] = defaultdict(list)
    for bare in _bare_keys(snapshot, limits):
        found[bare.key.foreign_table_oid or 0].append(bare)
    small: list[_Bare] = []
    for oid, keys in found.items():
        target = snapshot.catalog.table_by_oid[oid]
        deletes = _deletes(snapshot, target)
        if len(keys) == 1 or (deletes and len(keys) <= limits["keys"]):
            small += [bare for bare in keys if bare.rows < limits["small_rows"]]
            for bare in keys:
                if bare.rows >= limits["small_rows"]:
                    yield _one(snapshot, target, bare, deletes, limits)
        else:
            yield _together(snapshot, target, keys, deletes, limits)
    if len(small) > limits["small_ones"]:
        yield _several(snapshot, small, limits)
    else:
        for bare in small:
            target = _target(snapshot, bare)
            yield _one(snapshot, target, bare, _deletes(snapshot, target), limits)


def _target(snapshot: Snapshot, bare: _Bare) -> Table:
    return snapshot.catalog.table_by_oid[bare.key.foreign_table_oid or 0]


def _deletes(snapshot: Snapshot, target: Table) -> int:
    statistics = snapshot.statistics_of(target)
    return statistics.deleted if statistics else 0


def _bare_keys(snapshot: Snapshot, limits: Limits) -> Iterator[_Bare]:
    catalog = snapshot.catalog
    for table in catalog.user_tables:
        rows = snapshot.rows(table)
        if rows < limits["rows"]:
            continue
        seen: set[tuple[str, ...]] = set()
        for key in catalog.constraints_of(table, "foreign key"):
            if key.columns in seen:
                continue
            seen.add(key.columns)
            if any(serves_equality(index, key.columns) for index in catalog.indexes_of(table)):
                continue
            primary = catalog.primary_key(table)
            if primary and primary.columns == key.columns:
                continue
            if catalog.table_by_oid.get(key.foreign_table_oid or 0) is not None:
                yield _Bare(table, key, rows)


def _index(snapshot: Snapshot, bare: _Bare) -> CreateIndex:
    table, columns = bare.table, bare.key.columns
    return CreateIndex(
        table.schema,
        table.name,
        free_name(snapshot.catalog, table, columns),
        tuple(IndexKey(column) for column in columns),
        on_partitioned=table.kind == "partitioned table",
    )


def _one(snapshot: Snapshot, target: Table, bare: _Bare, deletes: int, limits: Limits) -> Finding:
    table, key, rows = bare.table, bare.key, bare.rows
    return Finding(
        title=f"{table.name}({', '.join(key.columns)}) references {target.name} without an index",
        message=f"Each DELETE on {target.name} reads all of the about {rows:,} rows of {table.name} to look for references"
        f"{_counted(snapshot, deletes)}; joins from {target.name} do the same.",
        objects=(object_ref("constraint", table, key.name, key.columns),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "rows": rows,
            "referenced_table": target.name,
            "deletes_on_referenced": deletes,
            "on_delete": key.on_delete,
        },
        confidence="high" if deletes else "medium",
        change=Change((_index(snapshot, bare),)),
    )


def _counted(snapshot: Snapshot, deletes: int) -> str:
    """What is known of deletes; SQLite counts none."""
    return f" ({deletes:,} rows deleted since the counters began)" if snapshot.target.engine == "postgresql" else ""


def _together(snapshot: Snapshot, target: Table, keys: list[_Bare], deletes: int, limits: Limits) -> Finding:
    """What a DELETE on the target costs, or the first one will, is one defect, however many keys share it."""
    keys.sort(key=lambda bare: (-bare.rows, bare.table.schema, bare.table.name, bare.key.name))
    rows = sum(bare.rows for bare in keys)
    tables = len({bare.table.oid for bare in keys})
    columns = ", ".join(f"{bare.table.name}.{'+'.join(bare.key.columns)}" for bare in keys[:3])
    others = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    where = f"{tables} tables" if tables > 1 else keys[0].table.name
    return Finding(
        title=f"{len(keys)} foreign keys to {target.name} have no index",
        message=f"A DELETE on {target.name} reads {where} whole, {rows:,} rows for {len(keys)} keys (estimated)"
        f"{_counted(snapshot, deletes)}. Joins from {target.name} do the same: {columns}{others}.",
        objects=tuple(object_ref("constraint", bare.table, bare.key.name, bare.key.columns) for bare in keys[:20]),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "rows": rows,
            "referenced_table": target.name,
            "deletes_on_referenced": deletes,
            "foreign_keys": [
                {
                    "table": bare.table.name,
                    "columns": list(bare.key.columns),
                    "rows": bare.rows,
                    "on_delete": bare.key.on_delete,
                }
                for bare in keys
            ],
        },
        confidence="high" if deletes else "medium",
        change=Change(
            tuple(_index(snapshot, bare) for bare in keys),
            note=f"Build those by which rows are searched or joined first. Where rows of {target.name} stay for ever, columns "
            "that only record who made or changed a row can do without: each index costs every write of its table.",
        ),
    )


def _several(snapshot: Snapshot, keys: list[_Bare], limits: Limits) -> Finding:
    """Keys of tables of middling size to several others: none is a matter of its own."""
    keys.sort(key=lambda bare: (-bare.rows, bare.table.schema, bare.table.name, bare.key.name))
    largest, tables = keys[0].rows, len({bare.table.oid for bare in keys})
    deletes = {bare.key.foreign_table_oid: _deletes(snapshot, _target(snapshot, bare)) for bare in keys}
    columns = ", ".join(f"{bare.table.name}.{'+'.join(bare.key.columns)}" for bare in keys[:3])
    others = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    where = f"{tables} tables" if tables > 1 else keys[0].table.name
    return Finding(
        title=f"{len(keys)} foreign keys of {where} have no index",
        message=f"Each DELETE on a table that they refer to reads the referring table whole, up to {largest:,} rows (estimated), and "
        f"joins from it do the same: {columns}{others}.",
        objects=tuple(object_ref("constraint", bare.table, bare.key.name, bare.key.columns) for bare in keys[:20]),
        impact=Impact(largest, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "rows": largest,
            "foreign_keys": [
                {
                    "table": bare.table.name,
                    "columns": list(bare.key.columns),
                    "rows": bare.rows,
                    "on_delete": bare.key.on_delete,
                    "referenced_table": _target(snapshot, bare).name,
                    "deletes_on_referenced": deletes[bare.key.foreign_table_oid],
                }
                for bare in keys
            ],
        },
        confidence="high" if any(deletes.values()) else "medium",
        change=Change(
            tuple(_index(snapshot, bare) for bare in keys),
            note="Build those first by which rows are searched or joined, or whose referenced rows are deleted often.",
        ),
        identity="several",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    keys = [c for t in snapshot.catalog.user_tables for c in snapshot.catalog.constraints_of(t, "foreign key")]
    if keys:
        yield Strength(
            "Foreign keys of large tables are indexed",
            f"None of {len(keys)} foreign keys on a table of {limits['rows']:,.0f} rows or more lacks an index.",
            {"foreign_keys": len(keys)},
        )
