"""A foreign key's column has another type than the key that it references.

## Why it matters

A narrower integer cannot hold every key of the table it points at: once the keys outgrow it, inserts fail although the referenced
table is fine.
Types of different families (numeric beside bigint, char beside text) make the server convert on every comparison, so that joins and the
checks of the foreign key cannot use an index on the converted side.

## When to ignore

When the referenced keys will never outgrow the narrower type. A wider integer, or varchar beside text, does no harm and is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.catalog import Catalog, Column, Constraint, Table
from dbwright.model.change import AlterColumnType, Change
from dbwright.model.columns import NUMBERS
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.numbering import LARGEST, highest, last_values
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.constraints", "catalog.columns", "statistics.tables")
LIMITS = {
    "rows": 1_000,
    # A rewrite of so many rows under an exclusive lock is a matter of seconds; above, the plan is another one.
    "rewrite_rows": 1_000_000,
}
COVERS = ("fk-type-mismatch",)
YIELDS_TO = ("sequences/integer-key-near-limit",)

_KEY = "CREATE TABLE customer (id bigint PRIMARY KEY);"
_NARROW = _KEY + "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer REFERENCES customer);"

BAD = (
    Sample(_NARROW, statistics={"orders": {"rows": 5e4}}),
    Sample(_NARROW, statistics={"orders": {"rows": 5e6}}),
    Sample(
        "CREATE TABLE customer (id numeric PRIMARY KEY);"
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);",
        statistics={"orders": {"rows": 5e4}},
    ),
    Sample(
        "CREATE TABLE place (a bigint, b bigint, PRIMARY KEY (a, b));"
        "CREATE TABLE visit (id bigint PRIMARY KEY, a bigint, b integer, FOREIGN KEY (a, b) REFERENCES place);",
        statistics={"visit": {"rows": 5e4}},
    ),
    Sample(
        _NARROW.replace("customer_id integer", "customer_id text"),
        statistics={"orders": {"rows": 5e4}},
        engine="sqlite",
    ),
)
GOOD = (
    Sample(_NARROW, statistics={"orders": {"rows": 200}}),
    Sample(
        "CREATE TABLE customer (id integer PRIMARY KEY);"
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);",
        statistics={"orders": {"rows": 5e6}},
    ),
    Sample(
        "CREATE TABLE country (code text PRIMARY KEY);"
        "CREATE TABLE city (id bigint PRIMARY KEY, country varchar(2) REFERENCES country);",
        statistics={"city": {"rows": 5e6}},
    ),
    Sample(
        "CREATE DOMAIN customer_number AS bigint; CREATE TABLE customer (id customer_number PRIMARY KEY);"
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);",
        statistics={"orders": {"rows": 5e6}},
    ),
    # All integers of SQLite are of one size.
    Sample(_NARROW, statistics={"orders": {"rows": 5e6}}, engine="sqlite"),
)

_TEXTS = frozenset({"text", "varchar"})
_SQLITE = "Give both columns one type in the models; PostgreSQL refuses a foreign key between these two."


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    reached = last_values(snapshot)
    for table in catalog.user_tables:
        rows = snapshot.rows(table)
        if rows < limits["rows"]:
            continue
        for key in catalog.constraints_of(table, "foreign key"):
            target = catalog.table_by_oid.get(key.foreign_table_oid or 0)
            pairs = _mismatches(catalog, table, target, key) if target else []
            if snapshot.target.engine == "sqlite":
                pairs = [(a, b) for a, b in pairs if (a.base_type in NUMBERS) != (b.base_type in NUMBERS)]
            if target and pairs:
                used = max(_share_used(snapshot, target, own, other, reached) for own, other in pairs)
                finding = _finding(table, target, key, pairs, rows, used, limits)
                yield finding if snapshot.target.engine == "postgresql" else replace(finding, next_step=_SQLITE)


def _mismatches(catalog: Catalog, table: Table, target: Table, key: Constraint) -> list[tuple[Column, Column]]:
    pairs = []
    for name, other_name in zip(key.columns, key.foreign_columns, strict=False):
        own, other = catalog.column(table, name), catalog.column(target, other_name)
        if own and other and own.base_type != other.base_type and not _harmless(own.base_type, other.base_type):
            pairs.append((own, other))
    return pairs


def _harmless(own: str, other: str) -> bool:
    if {own, other} <= _TEXTS:
        return True
    return own in LARGEST and other in LARGEST and LARGEST[own] >= LARGEST[other]


def _share_used(
    snapshot: Snapshot, target: Table, own: Column, other: Column, reached: dict[tuple[int, str], int]
) -> float:
    """The share of the narrower type that the referenced keys use by now; 0 where the types are no integers or nothing is known."""
    if own.base_type not in LARGEST or other.base_type not in LARGEST:
        return 0.0
    known = max(reached.get((target.oid, other.name), 0), highest(snapshot, target, other.name) or 0)
    return known / LARGEST[own.base_type]


def _finding(
    table: Table,
    target: Table,
    key: Constraint,
    pairs: list[tuple[Column, Column]],
    rows: int,
    used: float,
    limits: Limits,
) -> Finding:
    own, other = pairs[0]
    narrower = all(a.base_type in LARGEST and b.base_type in LARGEST for a, b in pairs)
    if narrower:
        so_far = f"the keys of {target.name} use {used:.1%} of the narrower range so far; " if used else ""
        harm = f"{so_far}beyond it inserts into {table.name} fail"
        impact = Impact(used, "share of the narrower type", 0.01, 0.8, estimated=True)
    else:
        harm = f"comparisons over about {rows:,} rows have to convert one side"
        impact = Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True)
    change = next_step = None
    if not narrower:
        shared = "bigint" if "int" in own.type + other.type else other.type
        next_step = f"Give both columns one type with ALTER TABLE ... ALTER COLUMN ... TYPE; {shared} serves if it holds the values."
    elif rows <= limits["rewrite_rows"]:
        change = Change(
            tuple(AlterColumnType(table.schema, table.name, a.name, a.type, b.type) for a, b in pairs),
            f"Rewrites {table.name} (about {rows:,} rows) under an exclusive lock; views that select the column have to be dropped "
            "and made again.",
        )
    else:
        next_step = (
            f"Add a column of type {other.type} beside {own.name}, keep it equal by a trigger, fill it in batches, add the foreign key NOT "
            "VALID, validate it, then swap the names in one short transaction."
        )
    return Finding(
        title=f"{table.name}.{own.name} is {own.type}, the key {target.name}.{other.name} is {other.type}",
        message=f"The foreign key {key.name} compares {own.type} with {other.type}: {harm}.",
        objects=(
            object_ref("constraint", table, key.name, key.columns),
            *(object_ref("column", table, a.name) for a, _ in pairs),
        ),
        impact=impact,
        evidence={
            "columns": [{"column": a.name, "type": a.type, "references": b.name, "key_type": b.type} for a, b in pairs],
            "referenced_table": target.name,
            "rows": rows,
            "share_used": round(used, 6),
        },
        change=change,
        next_step=next_step,
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    keys = [c for t in snapshot.filled_tables for c in snapshot.catalog.constraints_of(t, "foreign key")]
    if len(keys) >= 3:
        yield Strength(
            "Foreign keys have the type of the keys they reference",
            f"None of {len(keys)} foreign keys compares types that differ in a way that matters.",
            {"foreign_keys": len(keys)},
        )
