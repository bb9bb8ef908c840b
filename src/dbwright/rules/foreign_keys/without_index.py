"""A foreign key's referencing columns have no index that the server could use.

## Why it matters

PostgreSQL indexes the referenced side of a foreign key, never the referencing side.
Every DELETE or key UPDATE on the referenced table then reads the whole referencing table to find the rows that point at it, while it
holds its locks; joins from parent to children do the same.

## When to ignore

When rows of the referenced table are never deleted, their keys never change, and nothing joins or filters by this column.
An index costs every write on a table that takes many.
Columns that record who made or changed a row (``created_by``) are counted apart, and told of alone only where rows that they refer to
are deleted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.catalog import Constraint, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.index_use import window_days
from dbwright.model.indexing import free_name, serves_equality
from dbwright.model.links import bare_link, repeatable_links
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.statements import compared_columns
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.constraints", "catalog.indexes", "statistics.tables")
LIMITS = {
    "rows": 10_000,
    # Counters of a month without a DELETE on the referenced table, and no statement that compares the column: nobody pays.
    "days": 30,
    # Where statements are not recorded: so few scans of the whole table are a dump's, not those of joins.
    "scans_a_day": 2,
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
    # Superset: link tables of middling size, each with a key or two that lead to different tables. One message.
    Sample(
        "".join(_TABLES.replace("customer", f"customer_{n}").replace("orders", f"orders_{n}") for n in range(4)),
        statistics={f"orders_{n}": {"rows": 2e5} for n in range(4)},
    ),
    # Nothing was deleted for long, but the children are searched by it, or joined.
    Sample(_TABLES, statistics=_LARGE, edit=with_history(90, "SELECT * FROM orders WHERE customer_id = $1")),
    Sample(
        _TABLES,
        statistics=_LARGE,
        edit=with_history(90, "SELECT c.id FROM customer c JOIN orders o ON c.id = o.customer_id"),
    ),
    # Nothing was deleted yet, but the counters are young.
    Sample(_TABLES, statistics=_LARGE, edit=with_history(3, "SELECT * FROM orders WHERE id = $1")),
    # Rows go: each of them costs a scan, whatever the statements are.
    Sample(
        _TABLES,
        statistics={**_LARGE, "customer": {"deleted": 40}},
        edit=with_history(90, "DELETE FROM customer WHERE id = $1"),
    ),
    # Statements are not recorded, and the table is read whole all the time.
    Sample(_TABLES, statistics={"orders": {"rows": 2e6, "sequential_scans": 9_000}}, edit=with_history(90)),
    # Two keys on one column need one index.
    Sample(
        _TABLES + "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;",
        statistics=_LARGE,
    ),
    # Only who made a row refers without an index, but such rows are deleted.
    Sample(_TABLES.replace("customer_id", "created_by_fk"), statistics={**_LARGE, "customer": {"deleted": 40}}),
)
GOOD = (
    # Superset: who made and who changed a row, of people that nobody deletes.
    Sample(
        _TABLES.replace("customer_id", "created_by_fk")
        + "ALTER TABLE orders ADD changed_by_fk bigint REFERENCES customer;",
        statistics=_LARGE,
    ),
    # Superset: report_schedule_user. The unique index that constraints/link-not-unique proposes begins with the column.
    Sample(
        "CREATE TABLE customer (id bigint PRIMARY KEY); CREATE TABLE product (id bigint PRIMARY KEY);"
        "CREATE TABLE customer_product (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, "
        "product_id bigint NOT NULL REFERENCES product); CREATE INDEX ON customer_product (product_id);",
        statistics={"customer_product": {"rows": 2e6}},
    ),
    Sample(_TABLES, statistics={"orders": {"rows": 200}}),
    Sample(_TABLES + "CREATE INDEX ON orders (customer_id, id);", statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON orders USING hash (customer_id);", statistics=_LARGE),
    Sample(_TABLES + "CREATE INDEX ON orders (customer_id) WHERE customer_id IS NOT NULL;", statistics=_LARGE),
    Sample(_TABLES, statistics={"orders": {"rows": 200}}, engine="sqlite"),
    Sample(_TABLES + "CREATE INDEX o ON orders (customer_id, id);", statistics=_LARGE, engine="sqlite"),
    # Label Studio: nobody ever deleted a user, and no statement asks who changed a row, though each reads and writes the column.
    Sample(
        _TABLES,
        statistics=_LARGE,
        edit=with_history(
            90,
            'SELECT "orders"."id", "orders"."customer_id" FROM "orders" WHERE "orders"."id" = $1',
            "UPDATE orders SET customer_id = $1 WHERE id = $2",
        ),
    ),
    Sample(_TABLES, statistics={"orders": {"rows": 2e6, "sequential_scans": 40}}, edit=with_history(90)),
    # The row's own number is a key without an index: a child of multi-table inheritance in Django.
    Sample(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY REFERENCES customer);",
        statistics=_LARGE,
        engine="sqlite",
    ),
)


_RECORDED = re.compile(
    r"(^|_)(created|changed|updated|modified|edited|inserted|deleted|saved)_by($|_)|^(creator|modifier|editor|updater)(_|$)",
    re.I,
)
"""Who made or changed a row: shown beside it, seldom searched."""


@dataclass(frozen=True, slots=True)
class _Bare:
    """A foreign key without an index, with the rows of its table. ``recorded``: it says who made or changed the row."""

    table: Table
    key: Constraint
    rows: int
    target: Table
    recorded: bool


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    every = [bare for bare in _bare_keys(snapshot, limits) if not _costs_nothing(snapshot, bare, limits)]
    recorded = [bare for bare in every if bare.recorded]
    keys = [bare for bare in every if not bare.recorded]
    if not keys:
        keys, recorded = [bare for bare in recorded if _deletes(snapshot, bare)], []
    if len(keys) == 1:
        yield _one(snapshot, keys[0], recorded, limits)
    elif keys:
        yield _together(snapshot, keys, recorded, limits)


def _costs_nothing(snapshot: Snapshot, bare: _Bare, limits: Limits) -> bool:
    """Nobody pays for the index that is not there: for long no referenced row went, and no statement searches or joins by the column."""
    if window_days(snapshot) < limits["days"] or _deletes(snapshot, bare):
        return False
    primary = snapshot.catalog.primary_key(bare.target)
    statistics = snapshot.statistics_of(bare.target)
    by_number = primary is not None and set(primary.columns) == set(bare.key.foreign_columns)
    if not by_number and (statistics is None or statistics.updated > statistics.hot_updated):
        return False  # another key than the primary one may change
    if snapshot.workload.statements and not snapshot.workload.evicted:
        return not _is_compared(snapshot, bare)
    own = snapshot.statistics_of(bare.table)
    return own is not None and own.sequential_scans <= limits["scans_a_day"] * window_days(snapshot)


def _is_compared(snapshot: Snapshot, bare: _Bare) -> bool:
    return any((bare.table.oid, name) in compared_columns(snapshot) for name in bare.key.columns)


def _deletes(snapshot: Snapshot, bare: _Bare) -> int:
    statistics = snapshot.statistics_of(bare.target)
    return statistics.deleted if statistics else 0


def _bare_keys(snapshot: Snapshot, limits: Limits) -> Iterator[_Bare]:
    catalog = snapshot.catalog
    led = _led_by_proposed(snapshot)
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
            target = catalog.table_by_oid.get(key.foreign_table_oid or 0)
            if target is not None and led.get(table.oid) != key.columns[0]:
                yield _Bare(table, key, rows, target, all(map(_RECORDED.search, key.columns)))


def _led_by_proposed(snapshot: Snapshot) -> dict[int, str]:
    """By table the reference that a unique index proposed for its links (constraints/link-not-unique, no-primary-key) begins with."""
    catalog = snapshot.catalog
    led = {table.oid: pair[0] for table, _, pair in repeatable_links(snapshot, 0)}
    for table in catalog.user_tables:
        pair = None if catalog.primary_key(table) else bare_link(catalog, table)
        if pair:
            led[table.oid] = pair[0]
    return led


def _index(snapshot: Snapshot, bare: _Bare) -> CreateIndex:
    table, columns = bare.table, bare.key.columns
    return CreateIndex(
        table.schema,
        table.name,
        free_name(snapshot.catalog, table, columns),
        tuple(IndexKey(column) for column in columns),
        on_partitioned=table.kind == "partitioned table",
    )


def _one(snapshot: Snapshot, bare: _Bare, recorded: list[_Bare], limits: Limits) -> Finding:
    table, key, rows, target = bare.table, bare.key, bare.rows, bare.target
    deletes = _deletes(snapshot, bare)
    return Finding(
        title=f"{table.name}({', '.join(key.columns)}) references {target.name} without an index",
        message=f"Each DELETE on {target.name} reads all of the about {rows:,} rows of {table.name} to look for references"
        f"{_counted(snapshot, deletes)}; joins from {target.name} do the same.{_apart(recorded)}",
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


def _apart(recorded: list[_Bare]) -> str:
    """What is left out of the counts and of the change."""
    if not recorded:
        return ""
    columns = dict.fromkeys("+".join(bare.key.columns) for bare in recorded)
    return (
        f" Not counted: {len(recorded)} more that only record who made or changed a row ({listed(columns, 3)}) and pay off only where the "
        f"rows they refer to are deleted."
    )


def _counted(snapshot: Snapshot, deletes: int) -> str:
    """What is known of deletes; SQLite counts none."""
    return f" ({deletes:,} rows deleted since the counters began)" if snapshot.target.engine == "postgresql" else ""


def _together(snapshot: Snapshot, keys: list[_Bare], recorded: list[_Bare], limits: Limits) -> Finding:
    """How a project treats its references is one matter, told with what a DELETE reads for each: the dearest first."""
    read: defaultdict[int, int] = defaultdict(int)
    for bare in keys:
        read[bare.target.oid] += bare.rows
    keys = sorted(
        keys,
        key=lambda k: (not _deletes(snapshot, k), -read[k.target.oid], k.target.oid, -k.rows, k.table.name, k.key.name),
    )
    targets = list({bare.target.oid: bare for bare in keys}.values())
    keys.sort(key=lambda k: not _is_compared(snapshot, k))
    worst = targets[0]
    tables = len({bare.table.oid for bare in keys})
    where = f"{tables} tables" if tables > 1 else keys[0].table.name
    dear = [
        f"{t.target.name} {read[t.target.oid]:,}"
        + (f" ({_deletes(snapshot, t):,} deleted)" if _deletes(snapshot, t) else "")
        for t in targets
    ]
    columns = (f"{bare.table.name}.{'+'.join(bare.key.columns)}" for bare in keys)
    return Finding(
        title=f"{len(keys)} foreign keys of {where} have no index",
        message=f"A DELETE on what they refer to reads the referring tables whole, in rows (estimated): {listed(dear, 4)}. Joins do the "
        f"same: {listed(columns, 3)}.{_apart(recorded)}",
        objects=tuple(object_ref("constraint", bare.table, bare.key.name, bare.key.columns) for bare in keys),
        impact=Impact(read[worst.target.oid], "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "rows": read[worst.target.oid],
            "foreign_keys": [
                {
                    "table": bare.table.name,
                    "columns": list(bare.key.columns),
                    "rows": bare.rows,
                    "on_delete": bare.key.on_delete,
                    "referenced_table": bare.target.name,
                    "deletes_on_referenced": _deletes(snapshot, bare),
                    "compared_by_recorded_statements": _is_compared(snapshot, bare),
                }
                for bare in keys
            ],
            "left_out": [f"{bare.table.name}.{'+'.join(bare.key.columns)}" for bare in recorded],
        },
        confidence="high" if _deletes(snapshot, worst) else "medium",
        change=Change(
            tuple(_index(snapshot, bare) for bare in keys),
            note="Those that recorded statements search or join by stand first, then the dearest. Build those by which rows are searched "
            "or joined, or whose referenced rows are deleted: each index costs every write of its table.",
        ),
        identity="several",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    keys = [
        c
        for t in snapshot.filled_tables
        if snapshot.rows(t) >= limits["rows"]
        for c in snapshot.catalog.constraints_of(t, "foreign key")
    ]
    if keys:
        yield Strength(
            "Foreign keys of large tables are indexed",
            f"None of {len(keys)} foreign keys on a table of {limits['rows']:,.0f} rows or more lacks an index.",
            {"foreign_keys": len(keys)},
        )
