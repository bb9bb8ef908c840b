"""An index holds the same column twice.

## Why it matters

The second copy narrows nothing and orders nothing; it makes every entry larger.

## When to ignore

Never: copies with another operator class or collation serve other queries and are not reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index
from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import (
    columns_text,
    create_like,
    drop,
    index_keys,
    index_ref,
    is_free,
    is_plain,
    own_tables,
    size_of,
)
from dbwright.model.indexing import free_name
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.indexes", "statistics.indexes")
LIMITS = {"bytes": 1024**2}
COVERS = ("index-repeats-column",)
YIELDS_TO = ("indexes/duplicate", "indexes/prefix-of-another", "indexes/unused", "indexes/invalid")

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, state text);"
_LARGE = {"twice": {"bytes": 300 * 1024**2}}

BAD = (
    Sample(_TABLE + "CREATE INDEX twice ON orders (customer_id, state, customer_id);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX twice ON orders (customer_id) INCLUDE (state, customer_id);", statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX twice ON orders (customer_id DESC, state, customer_id);",
        statistics=_LARGE,
        engine="sqlite",
    ),
)
GOOD = (
    Sample(_TABLE + "CREATE INDEX twice ON orders (customer_id, state, customer_id);"),
    Sample(_TABLE + "CREATE INDEX twice ON orders (state, state text_pattern_ops);", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX twice ON orders (state, lower(state));", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX twice ON orders (state, lower(state));", statistics=_LARGE, engine="sqlite"),
    Sample(_TABLE + "CREATE INDEX twice ON orders (state, state COLLATE NOCASE);", statistics=_LARGE, engine="sqlite"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        for index in indexes:
            positions, include = _needed(index)
            if len(positions) == len(index.keys) and len(include) == len(index.include):
                continue
            size = size_of(snapshot, table, index)
            if size < limits["bytes"] or not is_plain(snapshot, table, index) or not is_free(snapshot, table, index):
                continue
            keys = index_keys(index)
            columns = tuple(index.keys[p] for p in positions)
            create = create_like(
                table,
                index,
                free_name(snapshot.catalog, table, columns),
                keys=tuple(keys[p] for p in positions),
                include=include,
            )
            yield Finding(
                title=f"{index.name} on {table.name} holds a column twice",
                message=f"({columns_text(index)}) repeats a column, which finds no row sooner; the index takes {bytes_text(size)}.",
                objects=(index_ref(table, index),),
                impact=Impact(
                    size / (len(index.keys) + len(index.include)), "bytes", limits["bytes"] / 8, 1024**3, estimated=True
                ),
                evidence={"bytes": size, "definition": index.definition},
                change=Change((create, drop(table, index))),
            )


def _needed(index: Index) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Positions of the keys that are no repetition, and the payload columns that are none."""
    seen: set[object] = set()
    positions = []
    for position, (key, _, _, opclass, collation) in enumerate(index.key_signature):
        if (key, opclass, collation) not in seen:
            positions.append(position)
        seen.add((key, opclass, collation))
    include = tuple(dict.fromkeys(c for c in index.include if c not in index.columns))
    return tuple(positions), include
