"""A foreign key is enforced a second time by another one.

## Why it matters

Each foreign key is a pair of triggers: every insert looks up the referenced row once for each of them, and every delete of a
referenced row looks for references once for each.
A second one on the same columns, or one whose columns a wider one to the same table already covers, does the same work for nothing.

## When to ignore

When the two differ on purpose for the time of a migration.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Constraint, Table
from dbwright.model.change import Change, DropConstraint
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "waste"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.constraints", "catalog.columns", "statistics.tables")
LIMITS = {"rows": 10_000, "implied_rows": 1_000_000}
COVERS = ("fk-duplicate", "fk-overlapping")

_TWICE = """
CREATE TABLE customer (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);
ALTER TABLE orders ADD CONSTRAINT orders_customer_again FOREIGN KEY (customer_id) REFERENCES customer {};
"""
_IMPLIED = """
CREATE TABLE customer (id bigint PRIMARY KEY, tenant bigint NOT NULL, UNIQUE (tenant, id));
CREATE TABLE orders (id bigint PRIMARY KEY, tenant bigint {0}, customer_id bigint {0} REFERENCES customer,
    FOREIGN KEY (tenant, customer_id) REFERENCES customer (tenant, id));
"""
_LARGE = {"orders": {"rows": 2e6}}

BAD = (
    Sample(_TWICE.format(""), statistics=_LARGE),
    Sample(_TWICE.format("NOT VALID"), statistics=_LARGE),
    Sample(_TWICE.format("ON DELETE CASCADE"), statistics=_LARGE),
    Sample(_IMPLIED.format("NOT NULL"), statistics=_LARGE),
    Sample(_IMPLIED.format("NOT NULL"), statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample(_TWICE.format(""), statistics={"orders": {"rows": 200}}),
    Sample(_IMPLIED.format("NOT NULL"), statistics={"orders": {"rows": 50_000}}),
    Sample(_IMPLIED.format(""), statistics=_LARGE),
    Sample(
        "CREATE TABLE person (id bigint PRIMARY KEY);"
        "CREATE TABLE message (id bigint PRIMARY KEY, sender bigint REFERENCES person, receiver bigint REFERENCES person);",
        statistics={"message": {"rows": 2e6}},
    ),
    Sample(_IMPLIED.format(""), statistics=_LARGE, engine="sqlite"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table in catalog.user_tables:
        keys = [k for k in catalog.constraints_of(table, "foreign key") if k.is_enforced]
        rows = snapshot.rows(table)
        if len(keys) < 2 or rows < limits["rows"]:
            continue
        gone: set[int] = set()
        for key in sorted(keys, key=lambda k: (k.is_validated, -k.oid)):
            others = [k for k in keys if k.oid != key.oid and k.oid not in gone]
            same = next((k for k in others if _pairs(k) == _pairs(key)), None)
            wider = next((k for k in others if _implies(catalog, table, k, key)), None)
            if same or (wider and rows >= limits["implied_rows"]):
                gone.add(key.oid)
                yield _finding(catalog, table, key, same or wider or key, rows, limits)


def _pairs(key: Constraint) -> tuple[int | None, frozenset[tuple[str, str]]]:
    return key.foreign_table_oid, frozenset(zip(key.columns, key.foreign_columns, strict=False))


def _implies(catalog: Catalog, table: Table, wide: Constraint, narrow: Constraint) -> bool:
    """Whether no row can satisfy ``wide`` and break ``narrow``: it has all its columns and none of its own may be null."""
    if wide.foreign_table_oid != narrow.foreign_table_oid or not _pairs(wide)[1] > _pairs(narrow)[1]:
        return False
    columns = (catalog.column(table, name) for name in wide.columns)
    same_actions = (wide.on_delete, wide.on_update) == (narrow.on_delete, narrow.on_update)
    return same_actions and wide.is_validated and all(column and column.not_null for column in columns)


def _finding(catalog: Catalog, table: Table, key: Constraint, other: Constraint, rows: int, limits: Limits) -> Finding:
    target = catalog.table_by_oid.get(key.foreign_table_oid or 0)
    same_actions = (key.on_delete, key.on_update, key.match_full) == (
        other.on_delete,
        other.on_update,
        other.match_full,
    )
    what = (
        "covers the same columns" if _pairs(key) == _pairs(other) else "has its columns and more, none of them nullable"
    )
    actions = "" if same_actions else f" They disagree: ON DELETE {key.on_delete} here, {other.on_delete} there."
    change = None
    if same_actions:
        drop = DropConstraint(table.schema, table.name, key.name, key.definition)
        change = Change(
            (drop,), "If a model declares this key, take it out there too, or the next migration brings it back."
        )
    return Finding(
        title=f"{table.name}: foreign key {key.name} repeats {other.name}"[:79],
        message=f"{other.name} {what}, so each insert into {table.name} (about {rows:,} rows) looks up "
        f"{target.name if target else 'the referenced table'} twice.{actions}",
        objects=(
            object_ref("constraint", table, key.name, key.columns),
            object_ref("constraint", table, other.name, other.columns),
        ),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence={"dropped": key.definition, "kept": other.definition, "rows": rows},
        change=change,
        next_step=None
        if change
        else f"Decide which ON DELETE holds, then drop the other constraint of the two: {key.name} or {other.name}.",
    )
