"""A large primary key that takes many inserts is made of random UUIDs.

## Why it matters

Random values (version 4) fall all over the index, so each INSERT dirties another page.
Once the index no longer fits in memory, inserts wait for reads.
After each checkpoint nearly every insert writes a whole page to the WAL.
UUIDs that begin with the time (version 7) are added at the end of the index, like numbers.

## When to ignore

When identifiers must not tell when they were made, or writes are quick enough; existing values need not be changed in either case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbwright.model.catalog import Column, Table
from dbwright.model.change import Change, SetDefault
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import IndexUse, own_tables, use_of
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.tables", "statistics.indexes")
LIMITS = {"days": 1, "inserts_per_day": 100_000, "memory_share": 0.25, "version_4": 0.9}
COVERS = ("random-uuid-indexed", "DL-01")

_TABLE = "CREATE TABLE entry (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text);"
_FILLED = (
    "CREATE TABLE entry (id uuid PRIMARY KEY, body text);"
    "INSERT INTO entry SELECT gen_random_uuid() FROM generate_series(1, 500); ANALYZE entry;"
)
_TIMED = _FILLED.replace(
    "gen_random_uuid()", "('01890a5d-ac96-7' || lpad(generate_series::text, 3, '0') || '-8000-000000000000')::uuid"
)
_BUSY: dict[str, dict[str, Any]] = {"entry": {"rows": 6e7, "inserted": 9_000_000}, "entry_pkey": {"bytes": 4 * 1024**3}}

BAD = (
    Sample(_TABLE, statistics=_BUSY, edit=with_history(10)),
    Sample(_FILLED, statistics=_BUSY, edit=with_history(10)),
    Sample(_TABLE, statistics=_BUSY, limits={"days": 0}, minimum_major=18),
)
GOOD = (
    Sample(_TABLE, statistics={**_BUSY, "entry_pkey": {"bytes": 5_000_000}}, edit=with_history(10)),
    Sample(_TABLE, statistics={**_BUSY, "entry": {"rows": 6e7, "inserted": 90_000}}, edit=with_history(10)),
    Sample(_TIMED, statistics=_BUSY, edit=with_history(10)),
    Sample("CREATE TABLE entry (id uuid PRIMARY KEY);", statistics=_BUSY, edit=with_history(10)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} tables take rows in random order of their keys")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days, memory = snapshot.statistics_days or 0, snapshot.settings.bytes("shared_buffers") or 0
    if not days or days < limits["days"]:
        return
    for table, indexes in own_tables(snapshot):
        key = next((i for i in indexes if i.is_primary and len(i.keys) == 1), None)
        column = snapshot.catalog.column(table, key.keys[0]) if key else None
        use = use_of(snapshot, key) if key else None
        if column is None or use is None or column.base_type != "uuid" or use.bytes < limits["memory_share"] * memory:
            continue
        parts = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
        inserts = sum(row.inserted for row in parts if row) / days
        if inserts >= limits["inserts_per_day"] and _is_random(snapshot, table, column, limits):
            yield _finding(snapshot, table, column, use, inserts, limits)


def _is_random(snapshot: Snapshot, table: Table, column: Column, limits: Limits) -> bool:
    statistics = statistics_of(snapshot, table, column.name)
    values = (*statistics.common_values, *statistics.histogram) if statistics else ()
    if values:
        return sum(value[14:15] == "4" for value in values) >= limits["version_4"] * len(values)
    return _has_random_default(column)


def _has_random_default(column: Column) -> bool:
    return any(name in (column.default or "") for name in ("gen_random_uuid()", "uuid_generate_v4()", "uuidv4()"))


def _finding(
    snapshot: Snapshot, table: Table, column: Column, use: IndexUse, inserts: float, limits: Limits
) -> Finding:
    memory = snapshot.settings.bytes("shared_buffers") or 0
    can_change = snapshot.target.major >= 18 and _has_random_default(column)
    made_by = "the default" if _has_random_default(column) else "the application"
    function = (
        "uuidv7() as default"
        if snapshot.target.major >= 18
        else "uuid.uuid7 of Python 3.14, or the package uuid6 before"
    )
    return Finding(
        title=f"{table.name} takes {inserts:,.0f} random UUID keys a day",
        message=f"Its primary key takes {bytes_text(use.bytes)}, with {bytes_text(memory)} of shared_buffers, and random values ({made_by} "
        "makes them) touch a page anywhere in it at each insert.",
        objects=(object_ref("column", table, column.name),),
        impact=Impact(inserts, "inserts per day", limits["inserts_per_day"], 100_000_000),
        evidence={
            "inserts_per_day": round(inserts),
            "bytes": use.bytes,
            "shared_buffers": memory,
            "default": column.default,
            "blocks_read": use.blocks_read,
            "blocks_hit": use.blocks_hit,
        },
        confidence="low",
        change=Change(
            (SetDefault(table.schema, table.name, column.name, column.default, "uuidv7()"),),
            note="New keys then tell the time when they were made.",
        )
        if can_change
        else None,
        next_step=None if can_change else f"Make new keys of {table.name} with UUID version 7: {function}.",
    )
