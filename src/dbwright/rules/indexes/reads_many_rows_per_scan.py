"""An index leads to thousands of rows at each search, many times a day.

## Why it matters

An index narrows a search only as far as its columns go; the rest is filtered row by row.
When each of many scans reads tens of thousands of entries, the query filters or sorts by something that the index does not hold.

## When to ignore

When the queries really use all those rows (sums, exports).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbwright.model.activity import Statement
from dbwright.model.catalog import Index, Table
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import (
    IndexUse,
    StatementsByWord,
    columns_text,
    index_ref,
    own_tables,
    statements_about,
    statements_by_word,
    use_of,
)
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import shortened
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "statistics.indexes", "statistics.tables")
LIMITS = {"days": 1, "scans_per_day": 100, "rows_per_scan": 10_000, "share_of_table": 0.01, "rows_per_day": 100_000_000}
COVERS = ("low-efficiency-index",)
YIELDS_TO = ("indexes/low-cardinality", "indexes/invalid", "indexes/range-column-first")

_TABLE = "CREATE TABLE event (id bigint PRIMARY KEY, shop_id bigint, kind text, at timestamptz); CREATE INDEX i ON event (shop_id);"
_BROAD: dict[str, dict[str, Any]] = {
    "event": {"rows": 5e6},
    "i": {"bytes": 1e8, "scans": 70_000, "rows_read": 70_000 * 120_000},
    "event_pkey": {"scans": 70_000, "rows_read": 70_000 * 900_000},
}
_QUERY = "SELECT * FROM event WHERE shop_id = $1 AND kind = $2 ORDER BY at DESC LIMIT $3"

BAD = (
    Sample(_TABLE, statistics=_BROAD, edit=with_history(7)),
    Sample(_TABLE, statistics=_BROAD, edit=with_history(7, _QUERY)),
)
GOOD = (
    Sample(_TABLE, statistics=_BROAD),
    Sample(_TABLE, statistics={**_BROAD, "i": {"scans": 70_000, "rows_read": 70_000 * 120}}, edit=with_history(7)),
    Sample(_TABLE, statistics={**_BROAD, "i": {"scans": 70, "rows_read": 70 * 1_200_000}}, edit=with_history(7)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.statistics_days or 0
    if not days or days < limits["days"]:
        return
    words: StatementsByWord | None = None
    for table, indexes in own_tables(snapshot):
        rows = snapshot.rows(table)
        for index in indexes if rows >= limits["rows_per_scan"] else ():
            use = None if index.is_unique else use_of(snapshot, index)
            if use is None or use.scans < max(limits["scans_per_day"] * days, 1):
                continue
            if use.rows_read < limits["rows_per_day"] * days:
                continue
            if use.rows_read / use.scans >= max(limits["rows_per_scan"], limits["share_of_table"] * rows):
                words = statements_by_word(snapshot.workload.statements) if words is None else words
                column = index.columns[0]
                about = statements_about(words, table.name, column) if column else []
                yield _finding(table, index, use, rows, days, about[:3], limits)


def _finding(
    table: Table, index: Index, use: IndexUse, rows: int, days: float, statements: list[Statement], limits: Limits
) -> Finding:
    per_scan = use.rows_read / use.scans
    return Finding(
        title=f"Searches by {index.name} on {table.name} read {per_scan:,.0f} entries each",
        message=f"{use.scans:,} scans in {days:.0f} days read {use.rows_read / days:,.0f} entries a day: ({columns_text(index)}) "
        f"narrows {rows:,} rows (estimated) no further.",
        objects=(index_ref(table, index),),
        impact=Impact(use.rows_read / days, "entries read per day", limits["rows_per_day"], 100_000_000_000),
        evidence={
            "scans": use.scans,
            "entries_per_scan": round(per_scan),
            "rows": rows,
            "days": round(days, 1),
            "statements": [{"query": shortened(s.query), "calls": s.calls} for s in statements],
            "definition": index.definition,
        },
        confidence="low",
        next_step=_next_step(table, index, statements),
    )


def _next_step(table: Table, index: Index, statements: list[Statement]) -> str:
    first = index.keys[0]
    if statements:
        query = shortened(statements[0].query)
        return f"See what else this statement filters or sorts by, and put it behind {first} in the index: {query}"
    return f"Find the statements on {table.name} that filter by {first}; put what else they filter or sort by behind it in the index."
