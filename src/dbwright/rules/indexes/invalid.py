"""An index is invalid: no query may use it.

## Why it matters

CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY leave an invalid index behind when they fail: on a duplicate, a deadlock, a timeout.
Queries do not use it, a unique one does not guarantee uniqueness for older rows, and it is often written by every INSERT all the same.

## When to ignore

While the index is being built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.activity import Progress
from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, Reindex
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.index_use import columns_text, drop, index_ref, is_free, reading_order, use_of
from dbwright.model.indexing import is_usable
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "statistics.tables", "activity.progress")
LIMITS = {"rows": 1_000}
COVERS = ("invalid-index", "index-bad-flags")

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint); CREATE INDEX broken ON orders (customer_id);"
_BREAK = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass;"
_LARGE = {"orders": {"rows": 2e6}}
_LEFTOVER = "CREATE INDEX broken_ccnew ON orders (customer_id);" + _BREAK.format("broken_ccnew")
_UNIQUE = "CREATE UNIQUE INDEX only_one ON orders (customer_id, id);" + _BREAK.format("only_one")
_PARTITIONED = """
CREATE TABLE part (day date, id bigint) PARTITION BY RANGE (day);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX broken ON ONLY part (day);
"""


def _building(snapshot: Snapshot) -> Snapshot:
    table = next(t for t in snapshot.catalog.tables if t.name == "orders")
    progress = Progress(4711, "create index concurrently", table.oid, "building index", 0.4, 0, 60)
    return replace(snapshot, activity=replace(snapshot.activity, progress=(progress,)))


BAD = (
    Sample(_TABLE + _BREAK.format("broken"), statistics=_LARGE),
    # The reverse of dropping a leftover builds it again, and valid this time.
    Sample(_TABLE + _LEFTOVER, statistics=_LARGE, reversible=False),
    Sample(_TABLE + _UNIQUE, statistics=_LARGE),
    Sample(_PARTITIONED, statistics={"part_1": {"rows": 2e6}}),
)
GOOD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample(_TABLE + _BREAK.format("broken"), statistics=_LARGE, edit=_building),
    Sample(_TABLE + _BREAK.format("broken"), statistics={"orders": {"rows": 20}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    building = {row.table_oid for row in snapshot.activity.progress if "index" in row.command}
    for table in snapshot.catalog.user_relations:
        broken = [i for i in snapshot.catalog.indexes_of(table) if not is_usable(i) and i.extension is None]
        if not broken or table.oid in building:
            continue
        rows = snapshot.rows(table)
        if rows < limits["rows"] or not building.isdisjoint(leaf.oid for leaf in snapshot.catalog.leaves_of(table)):
            continue
        for index in broken:
            yield _finding(snapshot, table, index, rows, limits)


def _finding(snapshot: Snapshot, table: Table, index: Index, rows: int, limits: Limits) -> Finding:
    use = use_of(snapshot, index)
    change, reason = _remedy(snapshot, table, index)
    return Finding(
        title=f"Index {index.name} on {table.name} is invalid",
        message=f"No query uses ({columns_text(index)}){_cost(index)}; {reason}.",
        objects=(index_ref(table, index),),
        impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
        evidence={
            "rows": rows,
            "bytes": use.bytes if use else None,
            "valid": index.is_valid,
            "ready": index.is_ready,
            "live": index.is_live,
            "unique": index.is_unique,
            "definition": index.definition,
        },
        # Without the privilege, an index build of another role cannot be seen.
        confidence="high" if snapshot.target.can_monitor else "medium",
        change=change,
        next_step=None
        if change
        else f"Create the index on each partition of {table.name} and attach it: ALTER INDEX {index.name} ATTACH PARTITION …; the "
        "parent becomes valid with the last one.",
    )


def _cost(index: Index) -> str:
    if index.is_unique:
        return ", and uniqueness of the rows from before the failed build is not guaranteed"
    return ", though every insert still writes it" if index.is_ready else ""


def _remedy(snapshot: Snapshot, table: Table, index: Index) -> tuple[Change | None, str]:
    if table.kind == "partitioned table":
        return None, "it lacks an attached index on at least one partition"
    twin = next(
        (
            other.name
            for other in snapshot.catalog.indexes_of(table)
            if is_usable(other)
            and reading_order(other) == reading_order(index)
            and (other.predicate, other.is_unique, other.access_method, set(other.include))
            == (index.predicate, index.is_unique, index.access_method, set(index.include))
        ),
        None,
    )
    leftover = re.search(r"_cc(new|old)\d*$", index.name)
    if (twin or leftover) and is_free(snapshot, table, index) and index.parent_oid is None:
        reason = "it is what a failed REINDEX CONCURRENTLY left" if leftover else "it is what a failed build left"
        return Change((drop(table, index),)), f"{reason}, and {twin} does its work" if twin else reason
    note = "If it fails on duplicate values, remove those first." if index.is_unique else None
    return Change(
        (Reindex(index.schema, index.name),), note=note
    ), "a build that failed left it; a new build makes it valid"


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    number = len(snapshot.catalog.user_indexes)
    if number >= 10 and all(is_usable(index) for index in snapshot.catalog.user_indexes):
        yield Strength(
            "All indexes are valid", f"None of {number} indexes is left over from a failed build.", {"indexes": number}
        )
