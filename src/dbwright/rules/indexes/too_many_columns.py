"""An index goes on with more columns after the first has found the row.

## Why it matters

If nearly every value of the first column occurs once or a few times, the columns behind it narrow nothing.
They make each entry larger, and their changes keep UPDATEs from being heap-only.

## When to ignore

When queries read the further columns from the index alone (index-only scans).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, Operation
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import (
    IndexUse,
    columns_text,
    create_like,
    drop,
    index_keys,
    index_ref,
    is_free,
    is_plain,
    own_tables,
    use_of,
)
from dbwright.model.indexing import free_name, serves_equality
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.indexes", "statistics.columns", "statistics.tables")
LIMITS = {
    "columns": 3,
    "bytes_won": 50 * 1024**2,
    "rows_per_value": 5,
    "rows_per_scan": 20,
    "plain_reads": 0.5,
    "scans": 100,
}
COVERS = ("index-too-many-columns",)
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/covered-by-include",
    "indexes/prefix-of-another",
    "indexes/unused",
    "indexes/invalid",
)

_TABLE = """
CREATE TABLE visit (id integer PRIMARY KEY, token text, state text, country text, at timestamptz, shop integer);
INSERT INTO visit SELECT n, 'token' || n, 'new', 'NL', now(), n % 7 FROM generate_series(1, 1000) n; ANALYZE visit;
"""
_LOOKED_UP = {"scans": 90_000, "rows_read": 95_000, "rows_fetched": 94_000, "bytes": 3e9}
_LARGE = {"visit": {"rows": 3e7}, "i": _LOOKED_UP}

BAD = (Sample(_TABLE + "CREATE INDEX i ON visit (token, state, country, at);", statistics=_LARGE),)
GOOD = (
    Sample(_TABLE + "CREATE INDEX i ON visit (shop, state, country, at);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON visit (token, state);", statistics=_LARGE),
    # MLflow: types that are all different are not what the column is for.
    Sample(
        _TABLE.replace("token text", "target_type text") + "CREATE INDEX i ON visit (target_type, state, country, at);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX i ON visit (token, state, country, at);",
        statistics={**_LARGE, "i": {**_LOOKED_UP, "rows_fetched": 30}},
    ),
    Sample(
        _TABLE + "CREATE INDEX i ON visit (token, state, country, at);",
        statistics={**_LARGE, "i": {**_LOOKED_UP, "rows_read": 90_000_000, "rows_fetched": 90_000_000}},
    ),
)

_CATEGORY = re.compile(
    r"(^|_)(type|kind|status|state|category|class|level|role|mode|country|currency|language|locale)$|^(is|has)_"
)
"""A few words are meant, however many a young table holds: that they are unique so far is an accident."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} indexes need their first column only")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        rows = snapshot.rows(table)
        for index in indexes:
            if _CATEGORY.search((index.keys or ("",))[0].lower()):
                continue
            if len(index.keys) < limits["columns"] or index.is_unique or index.access_method != "btree":
                continue
            if not is_plain(snapshot, table, index) or not is_free(snapshot, table, index):
                continue
            use, share = use_of(snapshot, index), _share_behind(snapshot, table, index)
            if use is None or share is None or not _is_looked_up(use, limits):
                continue
            first = statistics_of(snapshot, table, index.keys[0])
            values = first.distinct_values(rows * (1 - first.null_fraction)) if first else 0
            won = int(use.bytes * share)
            if values and rows / values <= limits["rows_per_value"] and won >= limits["bytes_won"]:
                yield _finding(snapshot, table, index, use, won, rows / values, limits)


def _is_looked_up(use: IndexUse, limits: Limits) -> bool:
    """Whether it is read row by row and for the rows themselves: then neither order nor payload of the further columns is used."""
    few = use.rows_read <= limits["rows_per_scan"] * use.scans
    return use.scans >= limits["scans"] and few and use.rows_fetched >= limits["plain_reads"] * use.rows_read > 0


def _share_behind(snapshot: Snapshot, table: Table, index: Index) -> float | None:
    """The part of an entry that the columns behind the first take."""
    rows = [statistics_of(snapshot, table, name) for name in (*index.keys, *index.include)]
    widths = [row.average_width for row in rows if row]
    return sum(widths[1:]) / (sum(widths) + 12) if len(widths) == len(rows) else None


def _finding(
    snapshot: Snapshot, table: Table, index: Index, use: IndexUse, won: int, per_value: float, limits: Limits
) -> Finding:
    first = index.keys[0]
    others = (i for i in snapshot.catalog.indexes_of(table) if i.oid != index.oid)
    operations: tuple[Operation, ...] = (drop(table, index),)
    if not any(serves_equality(other, (first,)) for other in others):
        name = free_name(snapshot.catalog, table, (first,))
        operations = (create_like(table, index, name, keys=index_keys(index)[:1], include=()), *operations)
    return Finding(
        title=f"{index.name} on {table.name} needs its first column only",
        message=f"A value of {first} stands in {per_value:.1f} rows on average (estimated), so the other {len(index.keys) - 1} of "
        f"({columns_text(index)}) narrow nothing; without them it would take about "
        f"{bytes_text(won)} less of {bytes_text(use.bytes)} (estimated).",
        objects=(index_ref(table, index),),
        impact=Impact(won, "bytes", limits["bytes_won"], 20 * 1024**3, estimated=True),
        evidence={
            "bytes": use.bytes,
            "bytes_won": won,
            "rows_per_value": round(per_value, 2),
            "scans": use.scans,
            "entries_per_scan": round(use.rows_read / use.scans, 1),
            "definition": index.definition,
        },
        confidence="medium",
        change=Change(operations),
    )
