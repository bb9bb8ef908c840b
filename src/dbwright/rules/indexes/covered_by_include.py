"""An index has the same keys as another one that carries more columns along.

## Why it matters

`(customer_id) INCLUDE (total)` answers every query that `(customer_id)` answers.
Two indexes with the same keys are both written at every INSERT and compete for the same memory.

## When to ignore

When the plain index is far smaller, is read very often, and its readers do not need the included columns: it fits in memory better.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import (
    columns_text,
    drop,
    holds_payload,
    index_ref,
    is_free,
    is_idle_cover,
    leads,
    own_tables,
    size_of,
)
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes")
LIMITS = {"bytes": 1024**2, "ratio_sure": 2.5, "ratio": 8}
COVERS = ("redundant-prefix-index", "AB-17")
YIELDS_TO = ("indexes/duplicate", "indexes/beside-unique-twin")

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, total numeric, note text, email text);"
_PAIR = "CREATE INDEX plain ON orders (customer_id); CREATE INDEX wide ON orders (customer_id) INCLUDE (total);"
_LARGE = {"plain": {"bytes": 200 * 1024**2}, "wide": {"bytes": 350 * 1024**2}}

BAD = (
    Sample(_TABLE + _PAIR, statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX plain ON orders (customer_id DESC) INCLUDE (total) WHERE id > 9;"
        "CREATE INDEX wide ON orders (customer_id) INCLUDE (total, note) WHERE id > 9;",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX plain ON orders (email); CREATE UNIQUE INDEX wide ON orders (email) INCLUDE (total);",
        statistics=_LARGE,
    ),
)
GOOD = (
    Sample(_TABLE + _PAIR),
    Sample(_TABLE + _PAIR, statistics={"plain": {"bytes": 20 * 1024**2}, "wide": {"bytes": 900 * 1024**2}}),
    Sample(
        _TABLE + _PAIR,
        statistics={"plain": {"bytes": 200 * 1024**2, "scans": 90_000}, "wide": {"bytes": 350 * 1024**2}},
    ),
    Sample(
        _TABLE + "CREATE UNIQUE INDEX plain ON orders (email); CREATE INDEX wide ON orders (email) INCLUDE (total);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX plain ON orders (customer_id) INCLUDE (note);"
        "CREATE INDEX wide ON orders (customer_id) INCLUDE (total);",
        statistics=_LARGE,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} indexes are covered by others")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        carriers = [i for i in indexes if i.include]
        for index in indexes if carriers else ():
            size = size_of(snapshot, table, index)
            if size < limits["bytes"] or not is_free(snapshot, table, index):
                continue
            wide = next((w for w in carriers if _covers(w, index) and not is_idle_cover(snapshot, w, index)), None)
            if wide is None:
                continue
            ratio = size_of(snapshot, table, wide) / max(size, 1)
            if ratio > limits["ratio"]:
                continue
            yield Finding(
                title=f"{index.name} on {table.name} is covered by {wide.name}",
                message=f"Both have the keys ({columns_text(index)}); {wide.name} also carries "
                f"{', '.join(c for c in wide.include if c not in index.include)}, is {ratio:.1f} times as large and answers the "
                f"same queries. {index.name} takes {bytes_text(size)}.",
                objects=(index_ref(table, index), index_ref(table, wide)),
                impact=Impact(size, "bytes", limits["bytes"], 1024**3),
                evidence={
                    "bytes": size,
                    "covered_by": wide.name,
                    "size_ratio": round(ratio, 2),
                    "definition": index.definition,
                },
                confidence="high" if ratio <= limits["ratio_sure"] else "medium",
                change=Change((drop(table, index),)),
            )


def _covers(wide: Index, index: Index) -> bool:
    return (
        wide.oid != index.oid
        and len(wide.keys) == len(index.keys)
        and set(index.include) < set(wide.include)
        and wide.predicate == index.predicate
        and (wide.is_unique if index.is_unique else True)
        and wide.nulls_not_distinct == index.nulls_not_distinct
        and leads(wide, index)
    ) and holds_payload(wide, index)
