"""A partitioned table as a whole was never analyzed.

## Why it matters

Autovacuum analyzes partitions but never their parent, and only an ANALYZE of the parent counts what holds across partitions.
Without it the planner estimates joins, DISTINCT and GROUP BY over the whole table from the partitions' figures put together badly,
or from none.

## When to ignore

When every query is pruned to one partition.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Maintain
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 100_000}
COVERS = ("planner-stats-missing",)

_EVENTS = """
CREATE TABLE events (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_b PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events SELECT n, date '2024-01-01' + n % 700 FROM generate_series(1, 5000) n;
ANALYZE events_a; ANALYZE events_b;
"""

BAD = (Sample(_EVENTS, limits={"rows": 1000}),)
GOOD = (
    Sample(_EVENTS + "ANALYZE events;", limits={"rows": 1000}),
    Sample(_EVENTS),
    Sample("CREATE TABLE events (id int) PARTITION BY RANGE (id);", limits={"rows": 0}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    whole = {row.table_oid for row in snapshot.statistics.columns if row.inherited}
    seen = {row.table_oid for row in snapshot.statistics.columns}
    for table in snapshot.catalog.user_tables:
        if table.kind != "partitioned table" or table.oid in whole or snapshot.rows(table) < limits["rows"]:
            continue
        own = snapshot.statistics_of(table)
        leaves = snapshot.catalog.leaves_of(table)
        # Statistics of partitions that are there show that this role may see some.
        if (own and own.last_analyze) or not any(leaf.oid in seen for leaf in leaves):
            continue
        yield Finding(
            title=f"The partitioned table {table.name} was never analyzed as a whole",
            message=f"Autovacuum analyzes its {len(leaves)} partitions but not the parent, so estimates over all {snapshot.rows(table):,} "
            "rows have no statistics of their own.",
            objects=(table_ref(table),),
            impact=Impact(snapshot.rows(table), "rows", limits["rows"], 1_000_000_000, estimated=True),
            evidence={"rows": snapshot.rows(table), "partitions": len(leaves)},
            confidence="medium",
            change=Change(
                (Maintain(table.schema, table.name, analyze=True),),
                note="Repeat it by a schedule; autovacuum will not.",
            ),
        )
