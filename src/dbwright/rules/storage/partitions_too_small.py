"""A table is cut into very many small partitions.

## Why it matters

Each partition is a table with its own indexes, statistics and files: planning a query, opening a session's caches and locking grow
with their number, and beyond a few hundred they show.
What partitions give in return (quick removal, smaller maintenance) needs partitions of some size.

## When to ignore

When rows are removed partition by partition at this pace, or the partitions are still filling.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {
    # The manual: the planner handles up to a few thousand partitions fairly well if queries prune all but a few; memory and
    # planning time grow with their number. https://www.postgresql.org/docs/current/ddl-partitioning.html
    "partitions": 500,
    "bytes": 32 * 1024**2,
}
COVERS = ("partitions-inefficient",)

_TABLE = """
CREATE TABLE events (id bigint) PARTITION BY HASH (id);
CREATE TABLE e0 PARTITION OF events FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE e1 PARTITION OF events FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE e2 PARTITION OF events FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE e3 PARTITION OF events FOR VALUES WITH (MODULUS 4, REMAINDER 3);
"""
_FEW = {"partitions": 3.0}

BAD = (Sample(_TABLE, limits=_FEW, statistics={"e0": {"table_bytes": 10**6}}),)
GOOD = (
    Sample(_TABLE, statistics={"e0": {"table_bytes": 10**6}}),
    Sample(_TABLE, limits=_FEW, statistics={f"e{n}": {"table_bytes": 10**9} for n in range(4)}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        leaves = snapshot.catalog.leaves_of(table) if table.kind == "partitioned table" else ()
        if len(leaves) < limits["partitions"]:
            continue
        sizes = sorted(row.total_bytes for leaf in leaves if (row := snapshot.statistics_of(leaf)))
        if not sizes or sum(sizes) / len(sizes) >= limits["bytes"]:
            continue
        mean, empty = sum(sizes) / len(sizes), sum(1 for size in sizes if size <= 65536)
        yield Finding(
            title=f"{table.name} has {len(leaves):,} partitions of {bytes_text(mean)} on average",
            message=f"{bytes_text(sum(sizes))} of {table.name} are spread over {len(leaves):,} partitions, {empty:,} of them as good as "
            "empty; every plan and every lock has to go through those that cannot be pruned.",
            objects=(table_ref(table),),
            impact=Impact(len(leaves), "partitions", limits["partitions"] / 2, 20_000),
            evidence={"partitions": len(leaves), "mean_bytes": round(mean), "largest_bytes": sizes[-1], "empty": empty},
            confidence="medium",
            next_step=f"Make the coming partitions of {table.name} wider (a month instead of a day), and merge old ones: fill a wider "
            "table, then in one transaction detach the small ones and attach it.",
        )
