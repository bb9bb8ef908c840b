"""Updates of a table seldom stay within their page, so each writes into every index.

## Why it matters

An update that changes no indexed column and finds room in the row's page is *heap-only*: no index is touched, and the old version can be
removed without VACUUM.
All others add an entry to each index of the table: more WAL, more bloat, more work for VACUUM.

## When to ignore

When the index on the column that changes is worth it, or the table is updated rarely enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.change import Change, SetStorageParameter
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statistics import TableStatistics
from dbwright.model.vacuuming import stored_tables
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "catalog.indexes", "statistics.tables")
LIMITS = {
    "updates": 1_000_000,
    "updates_a_day": 50_000,
    "hot_share": 0.5,
    # Share of updates that went to another page (counted from PostgreSQL 16) from which want of room is the cause.
    "new_page_share": 0.3,
    "indexes": 2,
}
COVERS = ("hot-update-low", "new-page-updates-high")

_ORDERS = """
CREATE TABLE orders (id bigint PRIMARY KEY, state text, updated_at timestamptz) {options};
CREATE INDEX ON orders (updated_at);
"""
_PLAIN = _ORDERS.format(options="")
_UPDATED = {"rows": 2e6, "heap_bytes": 2e8, "updated": 9_000_000, "hot_updated": 700_000}

BAD = (
    Sample(_PLAIN, statistics={"orders": _UPDATED}),
    Sample(_PLAIN, statistics={"orders": _UPDATED | {"newpage_updated": 6_000_000}}, minimum_major=16),
)
GOOD = (
    Sample(_PLAIN, statistics={"orders": _UPDATED | {"hot_updated": 8_000_000}}),
    Sample(_PLAIN, statistics={"orders": _UPDATED | {"updated": 90_000, "hot_updated": 9}}),
    Sample("CREATE TABLE orders (id bigint PRIMARY KEY, state text);", statistics={"orders": _UPDATED}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "Few UPDATEs of {} tables are heap-only")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.counting_days
    for table, row in stored_tables(snapshot):
        if row.updated < limits["updates"] or row.hot_updated >= limits["hot_share"] * row.updated:
            continue
        if days and row.updated / days < limits["updates_a_day"]:
            continue
        indexes = snapshot.catalog.indexes_of(table)
        if len(indexes) >= limits["indexes"]:
            yield from _findings(snapshot, limits, table, row)


def _findings(snapshot: Snapshot, limits: Limits, table: Table, row: TableStatistics) -> Iterator[Finding]:
    moved = row.newpage_updated / row.updated
    no_room = snapshot.target.major >= 16 and moved >= limits["new_page_share"]
    fillfactor = table.option("fillfactor")
    if no_room and fillfactor not in (None, "100"):
        return
    indexes = len(snapshot.catalog.indexes_of(table))
    cold = row.updated - row.hot_updated
    new = _fillfactor(row)
    yield Finding(
        title=f"Only {row.hot_updated / row.updated:.0%} of the updates of {table.name} are heap-only",
        message=f"{cold:,} of {row.updated:,} updates wrote into all {indexes} indexes as well. "
        + _cause(snapshot, table, row, no_room, new),
        objects=(table_ref(table),),
        impact=Impact(cold * indexes, "index entries", limits["updates"], 10_000_000_000),
        evidence={
            "updates": row.updated,
            "heap_only_updates": row.hot_updated,
            "moved_to_another_page": row.newpage_updated if snapshot.target.major >= 16 else None,
            "indexes": indexes,
            "indexed_columns": _indexed(snapshot, table),
        },
        confidence="medium",
        change=Change(
            (SetStorageParameter(table.schema, table.name, "fillfactor", fillfactor, str(new)),),
            note="It holds for pages written from now on; a rewrite (pg_repack, VACUUM FULL) applies it to all.",
        )
        if no_room
        else None,
        next_step=None
        if no_room
        else f"See which of these columns the frequent UPDATEs set, and whether its index is worth it: {_indexed(snapshot, table)}.",
    )


def _cause(snapshot: Snapshot, table: Table, row: TableStatistics, no_room: bool, new: int) -> str:
    if no_room:
        cost = bytes_text(row.heap_bytes * (100 / new - 1))
        return (
            f"{row.newpage_updated / row.updated:.0%} found no room in their page: a fillfactor of {new} leaves some, "
            f"for an estimated {cost} of space."
        )
    if snapshot.target.major >= 16:
        return "Most found room in their page, so they changed a column that an index depends on."
    return f"Either they change a column that an index depends on, or pages have no room (fillfactor {table.option('fillfactor') or 100})."


def _fillfactor(row: TableStatistics) -> int:
    """Room for one more version of a row in each page, between 70 and 90."""
    width = row.heap_bytes / max(row.estimated_rows, 1)
    return int(min(90, max(70, 100 - 100 * width / 8192 // 5 * 5 - 10)))


def _indexed(snapshot: Snapshot, table: Table) -> str:
    names = {
        c: None for index in snapshot.catalog.indexes_of(table) if not index.is_primary for c in index.columns if c
    }
    return ", ".join(list(names)[:12])
