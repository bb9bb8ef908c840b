"""Tables are divided by inheritance instead of partitions.

## Why it matters

Inherited tables share columns but neither unique keys nor indexes nor foreign keys: a key can exist twice, a reference to the parent does
not see rows of the children, and inserts are routed by triggers.
Declarative partitions (PostgreSQL 10 and later) do all this in the server and are pruned better.

## When to ignore

When the children really have columns of their own, or an extension made them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import VENDOR_SCHEMAS, Catalog, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "catalog.columns", "statistics.tables")
LIMITS = {"rows": 100_000}
COVERS = ("inheritance-used",)

_TABLES = "CREATE TABLE event (id bigint PRIMARY KEY); CREATE TABLE event_1 ({}) INHERITS (event);"
_LARGE = {"event_1": {"rows": 4e6}}

BAD = (Sample(_TABLES.format(""), statistics=_LARGE),)
GOOD = (
    Sample(_TABLES.format("")),
    Sample(_TABLES.format("extra text"), statistics=_LARGE),
    Sample(
        "CREATE TABLE event (id bigint PRIMARY KEY) PARTITION BY HASH (id);"
        "CREATE TABLE event_1 PARTITION OF event FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
        statistics=_LARGE,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = []
    for table in snapshot.catalog.user_tables:
        children = _divided_by_inheritance(snapshot.catalog, table)
        rows = sum(snapshot.rows(child) for child in children)
        if rows >= limits["rows"]:
            found.append((table, len(children), rows))
    if not found:
        return
    total = sum(rows for _, _, rows in found)
    names = ", ".join(f"{table.name} ({count})" for table, count, _ in found[:4])
    yield Finding(
        title=f"{found[0][0].name} is divided by inheritance"
        if len(found) == 1
        else f"{len(found)} tables are divided by inheritance",
        message=f"About {total:,} rows lie in inheriting tables with no columns of their own: {names}. No unique key spans them and no "
        "foreign key can point at all of them.",
        objects=tuple(table_ref(table) for table, _, _ in found[:20]),
        impact=Impact(total, "rows", limits["rows"], 10_000_000_000, estimated=True),
        evidence={table.name: {"children": count, "rows": rows} for table, count, rows in found[:20]},
        confidence="medium",
        next_step="Make a partitioned table of the same columns; in one transaction ALTER TABLE ... NO INHERIT each child and ATTACH "
        "PARTITION it (with a validated CHECK on its range no row is read), drop the routing trigger, and swap the names.",
    )


def _divided_by_inheritance(catalog: Catalog, table: Table) -> list[Table]:
    """The children when they are all alike with the parent, as pieces of one table are."""
    if table.kind != "table":
        return []
    children = [t for t in catalog.children_of(table) if not t.is_partition]
    if any(t.schema in VENDOR_SCHEMAS or t.extension for t in children):
        return []
    width = len(catalog.columns_of(table))
    return children if all(len(catalog.columns_of(child)) == width for child in children) else []
