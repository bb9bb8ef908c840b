"""A BRIN index on a column whose values are scattered over the table.

## Why it matters

A BRIN index remembers the least and the greatest value of each range of pages, so it can only skip ranges when neighbouring rows
have neighbouring values.
On scattered values nearly every range may hold a match, and a query through the index reads the whole table.

## When to ignore

When the table is about to be clustered by this column.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import create_like, drop, index_ref, is_free, is_plain, own_tables, use_of
from dbwright.model.indexing import free_name
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.indexes", "statistics.columns", "statistics.tables")
LIMITS = {"rows": 100_000, "correlation": 0.5}
COVERS = ("brin-uncorrelated",)
YIELDS_TO = ("indexes/duplicate", "indexes/unused", "indexes/invalid")

_TABLE = """
CREATE TABLE reading (id integer, at integer, device integer);
INSERT INTO reading SELECT n, n, n * 7919 % 5003 FROM generate_series(1, 5000) n; ANALYZE reading;
"""
_LARGE = {"reading": {"rows": 3e7}}

BAD = (Sample(_TABLE + "CREATE INDEX i ON reading USING brin (device);", statistics=_LARGE),)
GOOD = (
    Sample(_TABLE + "CREATE INDEX i ON reading USING brin (at);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON reading USING brin (device);"),
    Sample(
        _TABLE + "CREATE INDEX i ON reading USING brin (device int4_minmax_multi_ops);",
        statistics=_LARGE,
        minimum_major=14,
    ),
    Sample(_TABLE + "CREATE INDEX i ON reading (device);", statistics=_LARGE),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        rows = snapshot.rows(table)
        for index in indexes if rows >= limits["rows"] else ():
            if index.access_method != "brin" or len(index.keys) != 1 or not index.opclasses[0].endswith("_minmax_ops"):
                continue
            statistics = _of_largest_leaf(snapshot, table, index.columns[0] or "")
            correlation = statistics.correlation if statistics else None
            if correlation is None or abs(correlation) >= limits["correlation"]:
                continue
            replaceable = is_plain(snapshot, table, index) and is_free(snapshot, table, index)
            name = free_name(snapshot.catalog, table, (index.keys[0],))
            btree = create_like(table, index, name, method="btree", options=())
            use = use_of(snapshot, index)
            yield Finding(
                title=f"{index.name} on {table.name} is a BRIN index on scattered values",
                message=f"The order of {index.keys[0]} and that of the {rows:,} rows (estimated) correlate by {correlation:.2f} only, "
                "so the index can hardly skip a part of the table.",
                objects=(index_ref(table, index),),
                impact=Impact(rows, "rows", limits["rows"], 1_000_000_000, estimated=True),
                evidence={
                    "rows": rows,
                    "correlation": round(correlation, 3),
                    "scans": use.scans if use else None,
                    "definition": index.definition,
                },
                confidence="medium",
                change=Change((btree, drop(table, index)), note="The B-tree takes far more room than the BRIN index.")
                if replaceable
                else None,
                next_step=None if replaceable else f"Replace {index.name} by a B-tree on {index.keys[0]}.",
            )


def _of_largest_leaf(snapshot: Snapshot, table: Table, column: str) -> ColumnStatistics | None:
    """Correlation says something about a table with rows of its own only."""
    leaf = max(snapshot.catalog.leaves_of(table), key=lambda t: snapshot.rows(t) if t.oid != table.oid else 0)
    return snapshot.statistics.column(leaf, column)
