"""An index is far larger than its entries need.

## Why it matters

Pages of a B-tree that were emptied in part are not given back or merged.
After mass deletes, long transactions or years of updates the index is mostly air, and that is cached, read and backed up all the same.

## When to ignore

When as many rows will be inserted again soon: the free room is then reused.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dbwright.model.catalog import Column, Index, Table
from dbwright.model.change import Change, Reindex
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.grouping import told_once
from dbwright.model.index_use import columns_text, index_ref
from dbwright.model.indexing import is_usable
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.indexes", "statistics.columns", "statistics.tables")
LIMITS = {"bytes": 100 * 1024**2, "share": 0.5}
COVERS = ("index-bloat", "CH-14")
YIELDS_TO = ("indexes/invalid", "indexes/unused")

_PAGE = 8192
_PAGE_ROOM = 8192 - 24 - 16
"""A page without its header and the B-tree's own data."""
_ENTRY = 8 + 4
"""Header of an entry, and the pointer to it on the page."""

_TABLE = """
CREATE TABLE job (id integer PRIMARY KEY, state text);
INSERT INTO job SELECT n, 'new' FROM generate_series(1, 60000) n;
"""
_SMALL = {"bytes": 300_000}
_VACUUMED = {"job": {"live_rows": 6000, "dead_rows": 0}}
"""What the counters come to when the session that deleted has reported."""

BAD = (
    Sample(_TABLE + "DELETE FROM job WHERE id % 10 <> 0; VACUUM ANALYZE job;", statistics=_VACUUMED, limits=_SMALL),
    Sample(
        _TABLE
        + "CREATE INDEX i ON job (id, state) WHERE id > 100; DELETE FROM job WHERE id % 12 <> 0; VACUUM ANALYZE job;",
        statistics=_VACUUMED,
        limits=_SMALL,
    ),
)
GOOD = (
    Sample(_TABLE + "VACUUM ANALYZE job;", limits=_SMALL),
    Sample(_TABLE + "DELETE FROM job WHERE id % 10 <> 0; VACUUM ANALYZE job;"),
    Sample(_TABLE + "DELETE FROM job WHERE id % 10 <> 0; ANALYZE job;", limits=_SMALL),
    Sample(
        "CREATE TABLE wide (id integer, note text);"
        "INSERT INTO wide SELECT n * 7919 % 20011, repeat(md5(n::text), 8) FROM generate_series(1, 20000) n;"
        "CREATE INDEX i ON wide (note); CREATE INDEX j ON wide (id) WHERE id % 10 = 0; VACUUM ANALYZE wide;",
        limits=_SMALL,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} indexes are bloated")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.storage_tables:
        for index in snapshot.catalog.indexes_of(table):
            row = snapshot.statistics.index_by_oid.get(index.oid)
            if row is None or row.bytes < limits["bytes"] or index.access_method != "btree" or not is_usable(index):
                continue
            needed = _needed_bytes(snapshot, table, index)
            if needed is None or row.bytes - needed < max(limits["bytes"], limits["share"] * row.bytes):
                continue
            yield _finding(table, index, row.bytes, needed, limits)


def _needed_bytes(snapshot: Snapshot, table: Table, index: Index) -> int | None:
    """What a new build of the index would take, rather too much than too little: equal keys that share an entry are not considered."""
    statistics, row = snapshot.statistics_of(table), snapshot.statistics.index_by_oid.get(index.oid)
    looked_at = statistics and (statistics.last_analyze or statistics.last_autoanalyze)
    if statistics is None or row is None or not looked_at or row.rows <= 0:
        return None
    entries = row.rows + statistics.dead_rows
    if index.predicate is None:
        entries = max(entries, statistics.live_rows + statistics.dead_rows)
    width = 0.0
    for name in (*index.columns, *index.include):
        column = snapshot.catalog.column(table, name) if name else None
        measured = snapshot.statistics.column(table, name) if name else None
        if column is None or measured is None:
            return None
        width += _aligned(column, measured.average_width)
    entry = _ENTRY + 8 * ceil((width + (8 if _has_nulls(snapshot, table, index) else 0)) / 8)
    leaf_pages = ceil(entries / max(_PAGE_ROOM * _fill(index) / entry, 1))
    return _PAGE * (1 + leaf_pages + ceil(leaf_pages * entry / _PAGE_ROOM * 1.5))


def _aligned(column: Column, width: float) -> float:
    size = column.type_length
    return ceil(width / size) * size if size in (2, 4, 8) else width + (3 if size < 0 else 0)


def _has_nulls(snapshot: Snapshot, table: Table, index: Index) -> bool:
    rows = (snapshot.statistics.column(table, name) for name in (*index.columns, *index.include) if name)
    return any(row and row.null_fraction > 0 for row in rows)


def _fill(index: Index) -> float:
    text = next((o.partition("=")[2] for o in index.options if o.startswith("fillfactor=")), "90")
    return int(text) / 100 if text.isdigit() else 0.9


def _finding(table: Table, index: Index, size: int, needed: int, limits: Limits) -> Finding:
    wasted = size - needed
    return Finding(
        title=f"About {wasted / size:.0%} of index {index.name} on {table.name} is air",
        message=f"({columns_text(index)}) takes {bytes_text(size)}; its entries need about {bytes_text(needed)} (estimated from their "
        "number, the average widths of the columns and the fill factor). A rebuild gives the rest back.",
        objects=(index_ref(table, index),),
        impact=Impact(wasted, "bytes", limits["bytes"], 20 * 1024**3, estimated=True),
        evidence={
            "bytes": size,
            "needed_bytes": needed,
            "wasted_share": round(wasted / size, 3),
            "definition": index.definition,
        },
        confidence="medium",
        change=Change(
            (Reindex(index.schema, index.name),),
            note=f"Online, the new index needs up to {bytes_text(needed)} beside the old one until it is ready.",
        ),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    known = [
        index.name
        for table in snapshot.catalog.storage_tables
        for index in snapshot.catalog.indexes_of(table)
        if (row := snapshot.statistics.index_by_oid.get(index.oid))
        and row.bytes >= limits["bytes"]
        and index.access_method == "btree"
        and _needed_bytes(snapshot, table, index) is not None
    ]
    if known:
        yield Strength(
            "Large indexes are compact",
            f"None of {len(known)} B-trees of {bytes_text(limits['bytes'])} or more is mostly empty (estimated).",
            {"indexes": len(known)},
        )
