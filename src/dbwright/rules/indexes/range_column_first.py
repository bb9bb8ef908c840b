"""An index begins with a column that is searched by range, before one that is searched by value.

## Why it matters

A B-tree can narrow by a further column only within one value of the columns before it.
With `(created_at, shop_id)` the query `shop_id = 5 AND created_at > …` reads the entries of all shops in that time; with
`(shop_id, created_at)` it reads its own alone.

## When to ignore

When the other statements that use the index search by the range alone; then both indexes have their use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.activity import Statement
from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import (
    IndexUse,
    columns_text,
    create_like,
    index_keys,
    index_ref,
    is_plain,
    own_tables,
    statements_about,
    statements_by_word,
    use_of,
)
from dbwright.model.indexing import free_name, serves_equality
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.statements import shortened
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.indexes", "statistics.tables", "workload.statements")
LIMITS = {"rows": 100_000, "rows_per_scan": 1_000, "calls": 1_000, "entries_per_day": 10_000_000, "days": 1}
COVERS = ("index-column-order", "index-timestamp-in-middle")
YIELDS_TO = ("indexes/duplicate", "indexes/prefix-of-another", "indexes/invalid")

_RANGES = ("timestamp", "timestamptz", "date", "time", "numeric", "float8")

_TABLE = """
CREATE TABLE sale (id bigint PRIMARY KEY, shop_id bigint, at timestamptz, total numeric);
CREATE INDEX i ON sale (at, shop_id);
"""
_READ = {"sale": {"rows": 8e6}, "i": {"bytes": 4e8, "scans": 50_000, "rows_read": 50_000 * 60_000}}
_QUERY = 'SELECT sum(total) FROM sale s WHERE s."shop_id" = $1 AND s."at" >= $2 AND s."at" < $3'

BAD = (Sample(_TABLE, statistics=_READ, edit=with_history(10, _QUERY)),)
GOOD = (
    Sample(_TABLE, statistics=_READ, edit=with_history(10, "SELECT sum(total) FROM sale WHERE at >= $1")),
    Sample(_TABLE, statistics=_READ, edit=with_history(10, "SELECT * FROM sale WHERE shop_id = $1 AND at = $2")),
    Sample(_TABLE + "CREATE INDEX j ON sale (shop_id, at);", statistics=_READ, edit=with_history(10, _QUERY)),
    Sample(_TABLE, statistics={**_READ, "i": {"scans": 50_000, "rows_read": 900_000}}, edit=with_history(10, _QUERY)),
    Sample(_TABLE, statistics=_READ, edit=with_history(10, _QUERY, calls=3)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.statistics_days or 0
    if not snapshot.workload.statements or not days or days < limits["days"]:
        return
    words = statements_by_word(s for s in snapshot.workload.statements if s.calls >= limits["calls"])
    for table, indexes in own_tables(snapshot):
        for index in indexes if snapshot.rows(table) >= limits["rows"] else ():
            if index.access_method != "btree" or len(index.keys) < 2 or not is_plain(snapshot, table, index):
                continue
            column, use = snapshot.catalog.column(table, index.keys[0]), use_of(snapshot, index)
            if column is None or column.base_type not in _RANGES or use is None or not use.scans or index.is_unique:
                continue
            if use.rows_read < max(limits["rows_per_scan"] * use.scans, limits["entries_per_day"] * days):
                continue
            first, second = index.keys[:2]
            if any(serves_equality(other, (second,)) and first in other.columns for other in indexes):
                continue
            about = statements_about(words, table.name, first, second)
            statement = next((s for s in about if _is_range_and_value(s, first, second)), None)
            if statement:
                yield _finding(snapshot, table, index, use, statement, limits)


def _is_range_and_value(statement: Statement, ranged: str, valued: str) -> bool:
    """Whether the text compares the one by range and the other by value. Patterns suffice: a wrong guess needs all other signs too."""
    value = rf'\b{re.escape(valued)}"?\s*(=\s*(\$\d|any\b)|in\s*\()'
    span = rf'\b{re.escape(ranged)}"?\s*(>=?|<=?|between)\s'
    return bool(re.search(value, statement.query, re.I) and re.search(span, statement.query, re.I))


def _finding(
    snapshot: Snapshot, table: Table, index: Index, use: IndexUse, statement: Statement, limits: Limits
) -> Finding:
    days = snapshot.statistics_days or 1
    first, second = index.keys[:2]
    keys = index_keys(index)
    create = create_like(
        table, index, free_name(snapshot.catalog, table, (second, first)), keys=(keys[1], keys[0], *keys[2:])
    )
    return Finding(
        title=f"{index.name} on {table.name} has the range before the value",
        message=f"A statement called {statement.calls:,} times asks for one {second} in a range of {first}; by "
        f"({columns_text(index)}) each scan reads {use.rows_read / use.scans:,.0f} entries, those of every {second} in the range.",
        objects=(index_ref(table, index),),
        impact=Impact(use.rows_read / days, "entries read per day", limits["entries_per_day"], 100_000_000_000),
        evidence={
            "statement": shortened(statement.query),
            "calls": statement.calls,
            "scans": use.scans,
            "entries_per_scan": round(use.rows_read / use.scans),
            "definition": index.definition,
        },
        confidence="medium",
        change=Change((create,), note=f"Drop {index.name} afterwards if nothing searches by {first} alone."),
    )
