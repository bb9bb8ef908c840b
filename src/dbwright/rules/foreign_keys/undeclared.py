"""A column is named, typed and filled like a reference to a table, but no foreign key says so.

## Why it matters

Without the constraint the database keeps rows that point at nothing: a delete that forgets a table, or a race between a delete and
an insert, leaves orphans that nobody notices until a join loses them.
The planner also estimates joins better along a declared key.

## When to ignore

When the rows must outlive what they name (logs, history, imports), when the other table is kept by another service, or when the
column holds a number from elsewhere that only looks like the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.catalog import FRAMEWORK_TABLES, Catalog, Column, Table
from dbwright.model.change import AddConstraint, Change, CreateIndex, IndexKey, Operation
from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.indexing import free_name, serves_equality
from dbwright.model.numbering import LARGEST, highest, last_values
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.constraints", "catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {
    "rows": 10_000,
    # So many undeclared references in a database without a single foreign key are a decision, and get one message.
    "policy": 5,
}
COVERS = ("fk-missing", "table-not-linked")

_TABLES = """
CREATE TABLE customer (id {0} PRIMARY KEY);
CREATE TABLE other (id bigint PRIMARY KEY, parent bigint REFERENCES other);
INSERT INTO customer SELECT {1} FROM generate_series(1, 500) g;
CREATE TABLE {2} (id bigint PRIMARY KEY, {3} {0}{4});
INSERT INTO {2} SELECT g, {5} FROM generate_series(1, 2000) g;
ANALYZE;
"""
_NUMBERS = ("bigint", "g")
_LARGE = {"orders": {"rows": 2e6}, "order_audit": {"rows": 2e6}}

BAD = (
    Sample(_TABLES.format(*_NUMBERS, "orders", "customer_id", "", "g % 90 + 1"), statistics=_LARGE),
    Sample(
        _TABLES.format("uuid", "md5(g::text)::uuid", "orders", '"customerId"', "", "md5((g % 90 + 1)::text)::uuid"),
        statistics=_LARGE,
    ),
    # Referenced rows are deleted: what has to happen then is to be decided first.
    Sample(
        _TABLES.format(*_NUMBERS, "orders", "customer_id", "", "g % 90 + 1"),
        statistics=_LARGE | {"customer": {"deleted": 900}},
    ),
)
GOOD = (
    # Prefect: a cache may name what is gone by now.
    Sample(
        _TABLES.format(*_NUMBERS, "order_cache", "customer_id", "", "g % 90 + 1"),
        statistics={"order_cache": {"rows": 2e6}},
    ),
    Sample(_TABLES.format(*_NUMBERS, "orders", "customer_id", "", "g % 90 + 1"), statistics={"orders": {"rows": 900}}),
    Sample(_TABLES.format(*_NUMBERS, "orders", "customer_id", "", "g * 900000000000"), statistics=_LARGE),
    Sample(_TABLES.format(*_NUMBERS, "orders", "customer_id", " REFERENCES customer", "g % 90 + 1"), statistics=_LARGE),
    Sample(_TABLES.format(*_NUMBERS, "order_audit", "customer_id", "", "g % 90 + 1"), statistics=_LARGE),
    Sample(
        _TABLES.format(*_NUMBERS, "orders", "customer_id", "", "g % 90 + 1")
        + "ALTER TABLE orders ADD COLUMN customer_type text;",
        statistics=_LARGE,
    ),
)

_ON_PURPOSE = re.compile(
    r"histor|audit|(^|_)logs?(_|$)|event|archiv|backup|stag(e|ing)|te?mp(_|$)|import|export|snapshot|outbox|queue|deleted|raw|cache",
    re.I,
)


@dataclass(frozen=True)
class _Candidate:
    table: Table
    column: Column
    target: Table
    key: str
    rows: int
    confidence: Confidence
    by: str


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = list(_candidates(snapshot, limits))
    declared = any(
        c.kind == "foreign key" for t in snapshot.catalog.user_tables for c in snapshot.catalog.constraints_of(t)
    )
    if not declared and len(found) >= limits["policy"]:
        yield _policy(found, limits)
    else:
        yield from told_once(
            (_finding(snapshot, candidate, limits) for candidate in found),
            "{} columns look like references, undeclared",
            lambda members: (
                "By names, types and values they hold keys of other tables, but no foreign key keeps them from pointing at "
                f"nothing: {listed((ref.label for f in members for ref in f.objects), 4)}."
            ),
        )


def _candidates(snapshot: Snapshot, limits: Limits) -> Iterator[_Candidate]:
    catalog = snapshot.catalog
    names = {(t.schema, t.name.lower()): t for t in catalog.user_tables}
    reached = last_values(snapshot)
    for table in catalog.user_tables:
        rows = snapshot.rows(table)
        if rows < limits["rows"] or table.name in FRAMEWORK_TABLES or _ON_PURPOSE.search(table.name):
            continue
        taken = {name for key in catalog.constraints_of(table, "foreign key") for name in key.columns}
        primary = catalog.primary_key(table)
        taken |= set(primary.columns) if primary and len(primary.columns) == 1 else set()
        present = {column.name.lower() for column in catalog.columns_of(table)}
        for column in catalog.columns_of(table):
            if column.name in taken or column.generated or _polymorphic(column.name, present):
                continue
            target = _target(names, table, column.name)
            key = _key_of(catalog, target, column) if target and target.oid != table.oid else None
            if target and key and (table.persistence, target.persistence) != ("permanent", "unlogged"):
                judged = _judge(snapshot, table, column, target, key, rows, reached.get((target.oid, key), 0))
                if judged:
                    yield _Candidate(table, column, target, key, rows, *judged)


def _polymorphic(name: str, present: set[str]) -> bool:
    """Whether another column tells the table that this one points into (Django's generic relations, Rails' polymorphic ones)."""
    stem = re.sub(r"_?id$", "", name.lower())
    return not {f"{stem}_type", f"{stem}_kind", f"{stem}type", f"{stem}_content_type_id"}.isdisjoint(present)


def _target(names: dict[tuple[str, str], Table], table: Table, column: str) -> Table | None:
    """The table that ``customer_id`` or ``customerId`` speaks of: by its name, its plural, or with the app's prefix."""
    match = re.fullmatch(r"(?P<stem>.{3,}?)(_id|Id|ID)", column)
    if not match:
        return None
    stem = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", match["stem"]).lower()
    words = [stem, stem + "s", stem + "es"] + ([stem[:-1] + "ies"] if stem.endswith("y") else [])
    prefix = table.name.lower().partition("_")[0] + "_"
    return next(
        (names[table.schema, name] for w in words for name in (w, prefix + w) if (table.schema, name) in names), None
    )


def _key_of(catalog: Catalog, target: Table, column: Column) -> str | None:
    """The target's primary key when it is one column of the same type."""
    primary = catalog.primary_key(target)
    if primary is None or len(primary.columns) != 1:
        return None
    key = catalog.column(target, primary.columns[0])
    return key.name if key and key.base_type == column.base_type else None


def _judge(
    snapshot: Snapshot, table: Table, column: Column, target: Table, key: str, rows: int, last: int
) -> tuple[Confidence, str] | None:
    """How far the statistics speak for a reference; None when they speak against it, or there are none."""
    own = snapshot.statistics.column(table, column.name)
    targets = snapshot.rows(target)
    if own is None or own.null_fraction >= 1 or not targets or own.distinct_values(rows) > targets * 1.1:
        return None
    if column.base_type not in LARGEST:
        return "low", "type, name and number of distinct values"
    largest, keys_to = highest(snapshot, table, column.name), max(highest(snapshot, target, key) or 0, last)
    if largest is None or not keys_to:
        return "low", "type, name and number of distinct values"
    # The sample of the keys may miss the newest ones.
    return ("medium", "type, name and range of values") if 0 < largest <= keys_to * 1.05 else None


def _goes(snapshot: Snapshot, target: Table) -> str:
    """Whether rows of the table are deleted, in words: by what the counters saw, or with another table's rows."""
    statistics = snapshot.statistics_of(target)
    if statistics and statistics.deleted:
        return f"{statistics.deleted:,} rows of {target.name} were deleted since the counters began"
    keys = snapshot.catalog.constraints_of(target, "foreign key")
    if any(key.on_delete == "cascade" for key in keys):
        return f"rows of {target.name} go with others by ON DELETE CASCADE"
    return ""


def _finding(snapshot: Snapshot, found: _Candidate, limits: Limits) -> Finding:
    catalog = snapshot.catalog
    table, column, target = found.table, found.column, found.target
    child, parent = quote_identifier(table.schema, table.name), quote_identifier(target.schema, target.name)
    own, key = quote_identifier(column.name), quote_identifier(found.key)
    steps: list[Operation] = []
    if not any(serves_equality(index, (column.name,)) for index in catalog.indexes_of(table)):
        name = free_name(catalog, table, (column.name,))
        partitioned = table.kind == "partitioned table"
        steps.append(CreateIndex(table.schema, table.name, name, (IndexKey(column.name),), on_partitioned=partitioned))
    definition = f"FOREIGN KEY ({own}) REFERENCES {parent} ({key})"
    name = free_name(catalog, table, (column.name,), "fkey")
    steps.append(AddConstraint(table.schema, table.name, name, definition, table.kind != "partitioned table"))
    count = f"SELECT count(*) FROM {child} c WHERE c.{own} IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} p WHERE p.{key} = c.{own})"
    goes = _goes(snapshot, target)
    ask = (
        f"Decide first what a DELETE does to rows that name the deleted one ({goes}; a key without ON DELETE would refuse): CASCADE, SET "
        f"NULL, or nothing where such rows may stay. Count orphans: {count}; then add the key NOT VALID and validate it."
    )
    return Finding(
        title=f"{table.name}.{column.name} looks like a reference to {target.name}, undeclared",
        message=f"By {found.by} the column holds keys of {target.name}, but no foreign key keeps its about {found.rows:,} rows from "
        "pointing at nothing.",
        objects=(object_ref("column", table, column.name),),
        impact=Impact(found.rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence={"referenced_table": target.name, "key": found.key, "rows": found.rows, "judged_by": found.by},
        confidence=found.confidence,
        change=None
        if goes
        else Change(
            tuple(steps),
            f"Count orphans first: {count}; any makes the validation fail. From then on a {target.name} row in use cannot be deleted.",
        ),
        next_step=ask if goes else None,
    )


def _policy(found: list[_Candidate], limits: Limits) -> Finding:
    rows = sum(candidate.rows for candidate in found)
    columns = [f"{c.table.name}.{c.column.name} -> {c.target.name}" for c in found]
    return Finding(
        title=f"No foreign key is declared, {len(found)} columns look like references",
        message=f"Nothing in the database keeps about {rows:,} rows from pointing at rows that do not exist; by names, types and "
        f"values these columns are references, {columns[0]} among them.",
        objects=tuple(object_ref("column", c.table, c.column.name) for c in found),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence={"columns": columns, "rows": rows},
        confidence="low",
        next_step="Declare them one at a time with ALTER TABLE ... ADD FOREIGN KEY ... NOT VALID, mend the orphans, then VALIDATE "
        "CONSTRAINT; or say in the project's rules that references are kept by the application.",
        identity="policy",
    )
