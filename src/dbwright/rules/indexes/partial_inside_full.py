"""A partial index holds nearly every row, beside a full index with the same keys.

## Why it matters

A partial index pays when it is much smaller than the full one.
Where its condition holds for almost all rows, the full index finds the same rows at the same cost, and both are written at every INSERT.

## When to ignore

When the condition will soon hold for few rows only (a flag that was introduced lately).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import drop, holds_payload, index_ref, is_free, is_idle_cover, leads, own_tables, use_of
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes")
LIMITS = {"bytes": 1024**2, "rows": 10_000, "share": 0.8, "share_sure": 0.95, "ratio": 8}
COVERS = ("redundant-prefix-index", "AB-17")
YIELDS_TO = ("indexes/duplicate", "indexes/beside-unique-twin", "indexes/prefix-of-another")

_TABLE = "CREATE TABLE job (id bigint PRIMARY KEY, queue text, state text, run_at timestamptz);"
_PAIR = "CREATE INDEX part ON job (queue) WHERE state <> 'dead'; CREATE INDEX whole ON job (queue, run_at);"


def _sizes(share: float) -> dict[str, dict[str, float]]:
    return {"part": {"bytes": 2e8 * share, "rows": 5e6 * share}, "whole": {"bytes": 3e8, "rows": 5e6}}


BAD = (
    Sample(_TABLE + _PAIR, statistics=_sizes(0.97)),
    Sample(
        _TABLE + "CREATE INDEX part ON job (run_at DESC) WHERE run_at IS NOT NULL; CREATE INDEX whole ON job (run_at);",
        statistics=_sizes(1),
    ),
)
GOOD = (
    Sample(_TABLE + _PAIR, statistics=_sizes(0.1)),
    Sample(_TABLE + _PAIR),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX part ON job (queue) WHERE state <> 'dead'; CREATE INDEX whole ON job (queue, run_at);",
        statistics=_sizes(0.97),
    ),
    Sample(
        _TABLE + "CREATE INDEX part ON job (run_at) WHERE state <> 'dead'; CREATE INDEX whole ON job (queue, run_at);",
        statistics=_sizes(0.97),
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        for index in indexes:
            use = use_of(snapshot, index)
            if index.predicate is None or index.is_unique or use is None or use.bytes < limits["bytes"]:
                continue
            if not is_free(snapshot, table, index):
                continue
            whole = _whole(snapshot, index, indexes, limits)
            if whole is None:
                continue
            share = min(use.rows / whole[1], 1.0)
            yield Finding(
                title=f"The condition of {index.name} on {table.name} leaves out almost nothing",
                message=f"{index.name} holds {share:.0%} of the rows that {whole[0].name} holds (estimated), and the full index has the "
                f"same keys; the partial one takes {bytes_text(use.bytes)}.",
                objects=(index_ref(table, index), index_ref(table, whole[0])),
                impact=Impact(use.bytes, "bytes", limits["bytes"], 1024**3),
                evidence={
                    "bytes": use.bytes,
                    "share": round(share, 3),
                    "predicate": index.predicate,
                    "full_index": whole[0].name,
                },
                confidence="high" if share >= limits["share_sure"] else "medium",
                change=Change((drop(table, index),)),
            )


def _whole(snapshot: Snapshot, index: Index, indexes: tuple[Index, ...], limits: Limits) -> tuple[Index, float] | None:
    """A full index that covers this one and holds few rows more, with the number of its rows."""
    use = use_of(snapshot, index)
    for whole in indexes:
        whole_use = use_of(snapshot, whole) if whole.predicate is None else None
        if (
            not use
            or not whole_use
            or whole_use.rows < max(limits["rows"], 1)
            or use.rows < whole_use.rows * limits["share"]
        ):
            continue
        if whole_use.bytes > use.bytes * limits["ratio"] or is_idle_cover(snapshot, whole, index):
            continue
        if leads(whole, index) and holds_payload(whole, index):
            return whole, whole_use.rows
    return None
