"""An index consists mostly of NULLs.

## Why it matters

PostgreSQL indexes NULLs like other values, though queries for a value, joins and foreign keys never look for them.
A partial index `WHERE column IS NOT NULL` serves those just as well, takes a fraction of the room, and rows without a value no longer
write it at all.

## When to ignore

When queries look for the rows without a value (`IS NULL`), or sort all rows by this column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import (
    StatementsByWord,
    create_like,
    drop,
    index_ref,
    is_free,
    is_plain,
    own_tables,
    statements_about,
    statements_by_word,
    use_of,
)
from dbwright.model.indexing import free_name
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "statistics.indexes", "statistics.columns")
LIMITS = {"bytes_won": 50 * 1024**2, "null_fraction": 0.8, "compact_entry_bytes": 7}
COVERS = ("index-mostly-null",)
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/covered-by-include",
    "indexes/prefix-of-another",
    "indexes/unused",
    "indexes/invalid",
)

_TABLE = """
CREATE TABLE orders (id integer PRIMARY KEY, parent_id integer, coupon text, state text NOT NULL);
INSERT INTO orders SELECT n, CASE WHEN n % 20 = 0 THEN n END, CASE WHEN n % 2 = 0 THEN 'c' || n END, 'new'
FROM generate_series(1, 2000) n; ANALYZE orders;
"""
_LARGE = {
    "orders": {"rows": 4e7},
    "sparse": {"bytes": 900 * 1024**2, "rows": 4e7},
    "dense": {"bytes": 900 * 1024**2, "rows": 4e7},
}

BAD: tuple[Sample, ...] = (
    Sample(_TABLE + "CREATE INDEX sparse ON orders (parent_id);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX sparse ON orders (parent_id DESC, state);", statistics=_LARGE),
)
GOOD: tuple[Sample, ...] = (
    Sample(_TABLE + "CREATE INDEX sparse ON orders (parent_id);"),
    Sample(_TABLE + "CREATE INDEX sparse ON orders (parent_id) WHERE parent_id IS NOT NULL;", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX dense ON orders (coupon);", statistics=_LARGE),
    Sample(_TABLE + "CREATE UNIQUE INDEX sparse ON orders (parent_id);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX sparse ON orders (state, parent_id);", statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX sparse ON orders (parent_id);",
        statistics=_LARGE,
        edit=with_history(9, "SELECT id FROM orders WHERE parent_id IS NULL"),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} indexes are mostly NULL")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    words: StatementsByWord | None = None
    for table, indexes in own_tables(snapshot):
        for index in indexes:
            use = use_of(snapshot, index)
            if use is None or use.bytes < limits["bytes_won"] or not _may_be_partial(snapshot, table, index):
                continue
            column = index.keys[0]
            statistics = statistics_of(snapshot, table, column)
            if statistics is None or statistics.null_fraction < limits["null_fraction"]:
                continue
            won = _won(
                snapshot, index, use.bytes, use.rows * statistics.null_fraction, statistics.null_fraction, limits
            )
            words = statements_by_word(snapshot.workload.statements) if words is None else words
            if won >= limits["bytes_won"] and not _reads_nulls(words, table, column):
                yield _finding(
                    snapshot, table, index, {"bytes": use.bytes, "won": won, "nulls": statistics.null_fraction}, limits
                )


def _may_be_partial(snapshot: Snapshot, table: Table, index: Index) -> bool:
    plain = index.access_method == "btree" and index.predicate is None and not index.is_unique
    return plain and is_plain(snapshot, table, index) and is_free(snapshot, table, index)


def _won(snapshot: Snapshot, index: Index, size: int, nulls: float, fraction: float, limits: Limits) -> int:
    """Bytes of the entries for NULL. Since PostgreSQL 13 equal keys share an entry and take some 7 bytes each."""
    compact = snapshot.target.major >= 13 and len(index.keys) == 1 and not index.include
    return int(min(size * fraction, nulls * limits["compact_entry_bytes"]) if compact else size * fraction)


def _reads_nulls(words: StatementsByWord, table: Table, column: str) -> bool:
    pattern = re.compile(rf'{re.escape(column.lower())}"?\s+is\s+null', re.I)
    sorts = re.compile(rf"order by\s+[^)]*\b{re.escape(column.lower())}\b", re.I)
    return any(pattern.search(s.query) or sorts.search(s.query) for s in statements_about(words, table.name, column))


def _finding(snapshot: Snapshot, table: Table, index: Index, figures: dict[str, Any], limits: Limits) -> Finding:
    column = index.keys[0]
    name = free_name(snapshot.catalog, table, tuple(c for c in index.columns if c))
    create = create_like(table, index, name, predicate=f"{quote_identifier(column)} IS NOT NULL")
    return Finding(
        title=f"{figures['nulls']:.0%} of index {index.name} on {table.name} are NULLs",
        message=f"{column} is NULL in {figures['nulls']:.0%} of the rows (planner's estimate); a partial index WHERE {column} IS NOT NULL "
        f"would be about {bytes_text(figures['won'])} smaller than its {bytes_text(figures['bytes'])} (estimated).",
        objects=(index_ref(table, index),),
        impact=Impact(figures["won"], "bytes", limits["bytes_won"], 10 * 1024**3, estimated=True),
        evidence={
            "bytes": figures["bytes"],
            "bytes_won": figures["won"],
            "null_fraction": round(figures["nulls"], 4),
            "definition": index.definition,
        },
        confidence="medium" if snapshot.workload.available else "low",
        change=Change(
            (create, drop(table, index)),
            note=f"Queries with {column} IS NULL, or that sort all rows by {column}, cannot use the partial index.",
        ),
    )
