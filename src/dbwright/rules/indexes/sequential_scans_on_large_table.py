"""A large table is read from end to end again and again.

## Why it matters

A sequential scan reads every row to find those that a query wants.
Now and then that is right (reports, exports); thousands of times a day it means that a frequent query has no index to go by, and each
execution costs time in proportion to the size of the table.

## When to ignore

When the scans come from reports or exports that need most of the rows, or the table is always in memory and still quick enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.activity import Statement
from dbwright.model.catalog import Table
from dbwright.model.finding import Confidence, Finding, Impact, Risk, Strength
from dbwright.model.index_use import StatementsByWord, statements_about, statements_by_word
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.statements import shortened
from dbwright.model.statistics import TableStatistics
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {
    "rows": 50_000,
    "days": 1,
    "scans_per_day": 100,
    "rows_per_scan": 10_000,
    "share_of_table": 0.2,
    "share_of_scans": 0.02,
    "rows_per_day": 100_000_000,  # some tens of seconds of one core
}
COVERS = ("missing-index-seqscan", "partition-seq-scan-ratio", "BP-03", "BP-04", "DL-02")
YIELDS_TO = ("indexes/none-on-large-table",)

_TABLE = "CREATE TABLE message (id bigint PRIMARY KEY, ip inet, at timestamptz);"
_SCANNED = {
    "message": {"rows": 400_000, "sequential_scans": 21_000, "sequential_rows": 400_000 * 20_000, "index_scans": 50_000}
}
_QUERY = "SELECT count(*) FROM message WHERE ip = $1 AND at > $2"


BAD = (
    Sample(_TABLE, statistics=_SCANNED, edit=with_history(7)),
    Sample(_TABLE, statistics=_SCANNED, edit=with_history(7, _QUERY, "SELECT 1")),
)
GOOD = (
    Sample(_TABLE, statistics=_SCANNED),  # counters too young to give a rate
    Sample(
        _TABLE,
        statistics={"message": {"rows": 400_000, "sequential_scans": 60, "sequential_rows": 400_000 * 60}},
        edit=with_history(7),
    ),
    Sample(
        _TABLE,
        statistics={"message": {"rows": 400_000, "sequential_scans": 90_000, "sequential_rows": 90_000 * 3}},
        edit=with_history(7),
    ),
    Sample(
        _TABLE,
        statistics={"message": {"rows": 900, "sequential_scans": 9_000_000, "sequential_rows": 9_000_000 * 900}},
        edit=with_history(7),
    ),
    Sample(
        _TABLE,
        statistics={"message": {**_SCANNED["message"], "index_scans": 90_000_000}},
        edit=with_history(7),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    days = snapshot.statistics_days or 0
    if not days or days < limits["days"]:
        return
    words: StatementsByWord | None = None
    for table in snapshot.catalog.user_tables:
        if snapshot.rows(table) < limits["rows"]:
            continue
        leaves = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
        scanned = [row for row in leaves if row and _is_scanned(row, days, limits)]
        read = sum(row.sequential_rows for row in scanned) / days
        if scanned and read >= limits["rows_per_day"]:
            words = statements_by_word(snapshot.workload.statements) if words is None else words
            yield _finding(snapshot, table, scanned, statements_about(words, table.name, "where"), limits)


def _is_scanned(row: TableStatistics, days: float, limits: Limits) -> bool:
    if row.sequential_scans < max(limits["scans_per_day"] * days, 1):
        return False
    per_scan = row.sequential_rows / row.sequential_scans
    return (
        per_scan >= max(limits["rows_per_scan"], limits["share_of_table"] * row.estimated_rows)
        and row.sequential_scans >= limits["share_of_scans"] * row.scans
    )


def _finding(
    snapshot: Snapshot, table: Table, scanned: list[TableStatistics], statements: list[Statement], limits: Limits
) -> Finding:
    days = snapshot.statistics_days or 1
    scans = sum(row.sequential_scans for row in scanned)
    read = sum(row.sequential_rows for row in scanned)
    # Statements with about as many calls as there were scans are the likeliest to have made them.
    likely = [s for s in statements if s.calls >= limits["scans_per_day"] * days][:3]
    confidence: Confidence = "medium" if likely or not snapshot.workload.available else "low"
    return Finding(
        title=f"{table.name} is read from end to end {scans / days:,.0f} times a day",
        message=f"{scans:,} sequential scans in {days:.0f} days read {read / max(scans, 1):,.0f} rows each, "
        f"{read / days:,.0f} rows a day; the table has {snapshot.rows(table):,} rows (estimated)."
        + (f" The most expensive statement about it: {shortened(likely[0].query)}" if likely else ""),
        objects=(table_ref(table),),
        impact=Impact(read / days, "rows read per day", limits["rows_per_day"], 100_000_000_000),
        evidence={
            "rows": snapshot.rows(table),
            "sequential_scans": scans,
            "rows_per_scan": round(read / max(scans, 1)),
            "share_of_scans": round(scans / max(sum(row.scans for row in scanned), 1), 3),
            "days": round(days, 1),
            "statements": [
                {"query": shortened(s.query), "calls": s.calls, "mean_milliseconds": round(s.mean_milliseconds, 1)}
                for s in likely
            ],
        },
        confidence=confidence,
        next_step=_next_step(snapshot, table, likely),
    )


def _next_step(snapshot: Snapshot, table: Table, likely: list[Statement]) -> str:
    if likely:
        explain = (
            "EXPLAIN (GENERIC_PLAN)" if snapshot.target.major >= 16 else "EXPLAIN, with real values for the parameters,"
        )
        return f"Look at the plan: {explain} {shortened(likely[0].query)} — and index the columns that its Seq Scan filters by."
    if snapshot.workload.available:
        return f"Look for statements about {table.name} in the slow query log; those in pg_stat_statements are called too seldom to be it."
    return f"Install pg_stat_statements to see which statements read {table.name}, then index the columns that they filter by."


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    days = snapshot.statistics_days or 0
    large = [t for t in snapshot.catalog.user_tables if snapshot.rows(t) >= limits["rows"]]
    scanned = [
        row for t in large if (row := snapshot.statistics_of(t)) and row.index_scans >= limits["scans_per_day"] * days
    ]
    if days >= limits["days"] and scanned:
        yield Strength(
            "Large tables are read through their indexes",
            f"None of {len(large)} tables of {limits['rows']:,.0f} rows or more is read from end to end as a rule.",
            {"tables": len(large), "days": round(days, 1)},
        )
