"""An index on a column of very few values, each of which many rows have.

## Why it matters

An index helps when it leads to few of the rows.
If each value stands in a tenth of the table or more, reading the table is as quick, so the planner passes the index by.
Changes of the column cannot be heap-only because of it.
When one value is rare and it is the rare one that is looked for, a partial index on it alone is small and does the same.

## When to ignore

When queries count by this column alone (an index-only scan), or a rare value is looked for that the planner's sample did not meet.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.columns import statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import (
    IndexUse,
    drop,
    foreign_keys_left_alone,
    index_ref,
    is_free,
    own_tables,
    use_of,
)
from dbwright.model.indexing import free_name
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.statistics import ColumnStatistics
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "statistics.indexes", "statistics.columns", "statistics.tables")
LIMITS = {"rows": 200_000, "values": 8, "common": 0.1, "rare": 0.05, "narrow_scan": 0.05, "scans": 50}
COVERS = ("index-low-cardinality", "index-on-boolean", "DL-02")
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/covered-by-include",
    "indexes/prefix-of-another",
    "indexes/partial-inside-full",
    "indexes/unused",
    "indexes/invalid",
    "indexes/mostly-null",
)

_TABLE = """
CREATE TABLE item (id integer PRIMARY KEY, is_active boolean NOT NULL, is_spam boolean NOT NULL, kind text NOT NULL, step integer);
INSERT INTO item SELECT n, n % 2 = 0, n % 100 = 0, 'kind' || n % 3, n FROM generate_series(1, 3000) n; ANALYZE item;
"""
_LARGE = {"item": {"rows": 2e7}, "i": {"bytes": 150e6, "rows": 2e7}}
_BROAD = {"i": {**_LARGE["i"], "scans": 700, "rows_read": 700 * 9_000_000}}
_NARROW = {"i": {**_LARGE["i"], "scans": 700, "rows_read": 700 * 190_000}}

BAD = (
    Sample(_TABLE + "CREATE INDEX i ON item (is_active);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON item (kind);", statistics={**_LARGE, **_BROAD}),
    Sample(_TABLE + "CREATE INDEX i ON item (is_spam);", statistics={**_LARGE, **_NARROW}),
)
GOOD = (
    Sample(_TABLE + "CREATE INDEX i ON item (is_active);"),
    Sample(_TABLE + "CREATE INDEX i ON item (is_active) WHERE is_active;", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON item (is_active, step);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON item (step);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON item (is_active);", statistics={**_LARGE, **_NARROW}),
    Sample(
        "CREATE TABLE kind (id integer PRIMARY KEY); INSERT INTO kind VALUES (0), (1);"
        "CREATE TABLE item (id integer PRIMARY KEY, kind_id integer REFERENCES kind);"
        "INSERT INTO item SELECT n, n % 2 FROM generate_series(1, 2000) n; ANALYZE item; CREATE INDEX i ON item (kind_id);",
        statistics=_LARGE,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} indexes are on columns of few values")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        rows = snapshot.rows(table)
        for index in indexes if rows >= limits["rows"] else ():
            single = len(index.keys) == 1 and index.columns[0] and index.predicate is None and not index.include
            if not single or index.is_unique or index.access_method not in ("btree", "hash"):
                continue
            statistics, use = statistics_of(snapshot, table, index.keys[0]), use_of(snapshot, index)
            if statistics is None or use is None or not _few_values(statistics, limits):
                continue
            if is_free(snapshot, table, index) and not foreign_keys_left_alone(snapshot, table, index):
                yield from _judge(snapshot, table, index, statistics, use, rows, limits)


def _few_values(statistics: ColumnStatistics, limits: Limits) -> bool:
    """Whether the planner's list of common values is the list of all values, and a short one."""
    listed = sum(statistics.common_frequencies) + statistics.null_fraction
    return 0 < statistics.distinct <= limits["values"] and len(statistics.common_frequencies) > 1 and listed > 0.98


def _judge(
    snapshot: Snapshot,
    table: Table,
    index: Index,
    statistics: ColumnStatistics,
    use: IndexUse,
    rows: int,
    limits: Limits,
) -> Iterator[Finding]:
    per_scan = use.rows_read / use.scans if use.scans else None
    narrow = per_scan is not None and per_scan < limits["narrow_scan"] * rows
    rarest = min(statistics.common_frequencies)
    if rarest >= limits["common"] and not narrow:
        yield _all_common(table, index, statistics, use, rows, limits)
    elif rarest < limits["rare"] and narrow and use.scans >= limits["scans"]:
        yield from _one_rare(snapshot, table, index, statistics, use, rows, limits)


def _evidence(index: Index, statistics: ColumnStatistics, use: IndexUse, rows: int) -> dict[str, object]:
    return {
        "rows": rows,
        "bytes": use.bytes,
        "scans": use.scans,
        "rows_read_per_scan": round(use.rows_read / use.scans) if use.scans else None,
        "frequencies": [round(f, 4) for f in statistics.common_frequencies],
        "definition": index.definition,
    }


def _all_common(
    table: Table, index: Index, statistics: ColumnStatistics, use: IndexUse, rows: int, limits: Limits
) -> Finding:
    rarest = min(statistics.common_frequencies)
    read = (
        f"its {use.scans:,} scans read {use.rows_read / use.scans:,.0f} rows each"
        if use.scans
        else "no scan used it so far"
    )
    return Finding(
        title=f"{index.name} on {table.name} cannot narrow a search",
        message=f"{index.keys[0]} has {statistics.distinct:.0f} values and the rarest stands in {rarest:.0%} of about {rows:,} rows "
        f"(planner's estimates); {read}. The index takes {bytes_text(use.bytes)}.",
        objects=(index_ref(table, index),),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence=_evidence(index, statistics, use, rows),
        confidence="low" if use.scans else "medium",
        change=Change(
            (drop(table, index),),
            note=f"If a query filters by {index.keys[0]} and sorts by another column, an index on both is what it needs.",
        ),
    )


def _one_rare(
    snapshot: Snapshot,
    table: Table,
    index: Index,
    statistics: ColumnStatistics,
    use: IndexUse,
    rows: int,
    limits: Limits,
) -> Iterator[Finding]:
    column = snapshot.catalog.column(table, index.keys[0])
    if column is None or column.base_type != "bool" or len(statistics.common_values) != 2:
        return
    shares = dict(zip(statistics.common_values, statistics.common_frequencies, strict=False))
    value = min(shares, key=lambda v: shares[v])
    quoted = quote_identifier(column.name)
    predicate = quoted if value.startswith("t") else f"NOT {quoted}"
    key = snapshot.catalog.primary_key(table)
    leading = key.columns[0] if key and len(key.columns) == 1 else column.name
    create = CreateIndex(
        table.schema,
        table.name,
        free_name(snapshot.catalog, table, (column.name, leading) if leading != column.name else (leading,)),
        (IndexKey(leading),),
        predicate=predicate,
        on_partitioned=table.kind == "partitioned table",
    )
    yield Finding(
        title=f"{index.name} on {table.name} is read for its rare value only",
        message=f"{column.name} is {'true' if value.startswith('t') else 'false'} in {shares[value]:.1%} of about {rows:,} rows "
        f"(planner's estimate) and those are what is looked for; a partial index on them would take about "
        f"{bytes_text(use.bytes * shares[value])} instead of "
        f"{bytes_text(use.bytes)} (estimated).",
        objects=(index_ref(table, index),),
        impact=Impact(rows, "rows", limits["rows"], 100_000_000, estimated=True),
        evidence=_evidence(index, statistics, use, rows),
        confidence="medium",
        change=Change(
            (create, drop(table, index)),
            note=f"It serves queries that write the value itself (WHERE {predicate}), as Django does; not those with it as a parameter.",
        ),
    )
