"""Rows have landed in the default partition of a table partitioned by range.

## Why it matters

The default partition takes rows for which no partition was made: it is never pruned by the range, and never dropped with its month.
While it holds rows of a range, a partition for that range cannot be made: CREATE TABLE ... PARTITION OF fails, after having read
the whole default partition under an exclusive lock.

## When to ignore

When the default partition is meant for stray values outside all ranges and stays small.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {"rows": 100}
COVERS = ()

_EVENTS = """
CREATE TABLE events (id bigint, at date) PARTITION BY {};
CREATE TABLE events_one PARTITION OF events FOR VALUES {};
CREATE TABLE events_rest PARTITION OF events DEFAULT;
"""
_RANGE = _EVENTS.format("RANGE (at)", "FROM ('2024-01-01') TO ('2024-02-01')")

BAD = (Sample(_RANGE, statistics={"events_rest": {"rows": 40_000}}),)
GOOD = (
    Sample(_RANGE, statistics={"events_one": {"rows": 40_000}}),
    Sample(_RANGE, statistics={"events_one": {"rows": 40_000}, "events_rest": {"rows": 12}}),
    Sample(_EVENTS.format("LIST (id)", "IN (1)"), statistics={"events_rest": {"rows": 40_000}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_relations:
        if table.partition_strategy != "range":
            continue
        default = next((t for t in snapshot.catalog.children_of(table) if t.partition_bound == "DEFAULT"), None)
        rows = snapshot.rows(default) if default else 0
        if default is None or rows < limits["rows"]:
            continue
        share = rows / max(snapshot.rows(table), 1)
        yield Finding(
            title=f"Default partition {default.name} holds about {rows:,} rows",
            message=f"About {rows:,} rows ({share:.0%}) of {table.name} found no partition of their range; one for that range cannot "
            "be made before they are moved.",
            objects=(table_ref(default), table_ref(table)),
            impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
            evidence={"rows": rows, "share": round(share, 4), "partition_key": table.partition_key},
            next_step=f"In one transaction at a quiet time: ALTER TABLE {quote_identifier(table.schema, table.name)} DETACH PARTITION "
            f"{quote_identifier(default.schema, default.name)}, create the missing partitions, insert its rows into {table.name}, delete "
            "them there and attach it again; then make partitions ahead on a schedule.",
        )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    defaults = [
        child
        for table in snapshot.catalog.user_relations
        if table.partition_strategy == "range"
        for child in snapshot.catalog.children_of(table)
        if child.partition_bound == "DEFAULT" and snapshot.statistics_of(child)
    ]
    if defaults:
        yield Strength(
            "Default partitions are as good as empty",
            f"None of {len(defaults)} default partitions of ranges holds {limits['rows']:,.0f} rows or more.",
            {"default_partitions": [t.name for t in defaults[:20]]},
        )
