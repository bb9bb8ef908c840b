"""An index is the beginning of a wider index.

## Why it matters

A B-tree on `(customer_id, created_at)` finds rows by `customer_id` alone just as one on `(customer_id)` does.
The narrower index is still written at every INSERT and at every UPDATE that is not heap-only, and takes its own memory.

## When to ignore

When the narrow index is much smaller (many equal values are stored compactly since PostgreSQL 13), is read very often and the wide one
would not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change
from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.index_use import (
    columns_text,
    drop,
    holds_payload,
    index_ref,
    is_free,
    is_idle_cover,
    keep_rank,
    leads,
    own_tables,
    size_of,
    use_of,
)
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

ENGINES = ("postgresql", "sqlite")
RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes")
LIMITS = {
    "bytes": 1024**2,
    "join_table_bytes": 256
    * 1024**2,  # the ORM makes both indexes of a join table; taking one away needs a migration by hand
    "ratio_sure": 2.5,
    "ratio": 8,
}
COVERS = ("redundant-prefix-index", "BP-03", "BP-08", "AB-17")
YIELDS_TO = ("indexes/duplicate", "indexes/beside-unique-twin", "indexes/covered-by-include")

_TABLE = """
CREATE TABLE customer (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer, created_at timestamptz, state text);
"""
_PAIR = "CREATE INDEX narrow ON orders (customer_id); CREATE INDEX wide ON orders (customer_id, created_at DESC);"
_LARGE = {"narrow": {"bytes": 200 * 1024**2}, "wide": {"bytes": 400 * 1024**2}}
_JOIN_TABLE = """
CREATE TABLE post (id bigint PRIMARY KEY); CREATE TABLE tag (id bigint PRIMARY KEY);
CREATE TABLE post_tags (id bigint PRIMARY KEY, post_id bigint NOT NULL REFERENCES post, tag_id bigint NOT NULL REFERENCES tag);
CREATE UNIQUE INDEX wide ON post_tags (post_id, tag_id);
CREATE INDEX narrow ON post_tags (post_id); CREATE INDEX back ON post_tags (tag_id);
"""

BAD = (
    Sample(_TABLE + _PAIR, statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX narrow ON orders (created_at DESC);"
        "CREATE INDEX middle ON orders (created_at, state DESC);"
        "CREATE INDEX wide ON orders (created_at, state DESC, id);",
        statistics={**_LARGE, "middle": {"bytes": 300 * 1024**2}},
    ),
    Sample(
        _TABLE + "CREATE INDEX narrow ON orders (state) INCLUDE (created_at) WHERE state <> 'done';"
        "CREATE UNIQUE INDEX wide ON orders (state, customer_id, created_at) WHERE state <> 'done';",
        statistics=_LARGE,
    ),
    Sample(_JOIN_TABLE, statistics={"narrow": {"bytes": 1024**3}, "wide": {"bytes": 2 * 1024**3}}),
    Sample(_TABLE + _PAIR, statistics=_LARGE, engine="sqlite"),
    # pretix, Nautobot: Django indexes each foreign key, and a unique constraint begins with it.
    Sample(
        "".join(
            (_TABLE + _PAIR)
            .replace("orders", f"orders_{n}")
            .replace("narrow", f"narrow_{n}")
            .replace("wide", f"wide_{n}")
            .replace("CREATE TABLE customer", "CREATE TABLE IF NOT EXISTS customer")
            for n in range(5)
        ),
        statistics={
            f"{name}_{n}": {"bytes": size} for n in range(5) for name, size in (("narrow", 3e6), ("wide", 4e6))
        },
    ),
)
GOOD = (
    Sample(_TABLE + _PAIR),
    Sample(_TABLE + _PAIR, statistics={"narrow": {"bytes": 20 * 1024**2}, "wide": {"bytes": 900 * 1024**2}}),
    Sample(_TABLE + _PAIR, statistics={"narrow": {"bytes": 2e8, "scans": 70_000}, "wide": {"bytes": 4e8}}),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX narrow ON orders (customer_id); CREATE INDEX wide ON orders (customer_id, created_at);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX narrow ON orders (created_at); CREATE INDEX wide ON orders (customer_id, created_at);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX narrow ON orders (customer_id, created_at);"
        "CREATE INDEX wide ON orders (customer_id, created_at DESC, id);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE
        + "CREATE INDEX narrow ON orders (customer_id); CREATE INDEX wide ON orders (customer_id, id) WHERE id > 7;",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX narrow ON orders (state text_pattern_ops); CREATE INDEX wide ON orders (state, id);",
        statistics=_LARGE,
    ),
    Sample(_JOIN_TABLE, statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX narrow ON orders (lower(state)); CREATE INDEX wide ON orders (upper(state), id);",
        statistics=_LARGE,
        engine="sqlite",
    ),
)


_Found = tuple[Table, Index, Index, float, int]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found: list[_Found] = []
    for table, indexes in own_tables(snapshot):
        least = limits["join_table_bytes" if _is_join_table(snapshot, table) else "bytes"]
        for index in indexes:
            size = size_of(snapshot, table, index)
            if index.is_unique or size < least or not is_free(snapshot, table, index) or _has_equal(indexes, index):
                continue
            wide = _widest(snapshot, table, index, indexes)
            if wide is None:
                continue
            ratio = size_of(snapshot, table, wide) / max(size, 1)
            if ratio <= limits["ratio"]:
                found.append((table, index, wide, ratio, size))
    if len(found) > 1:  # one habit: an ORM indexes each foreign key
        yield _together(found, limits)
    else:
        for table, index, wide, ratio, _ in found:
            yield _finding(snapshot, table, index, wide, ratio, limits)


def _together(small: list[_Found], limits: Limits) -> Finding:
    small = sorted(small, key=lambda entry: (-entry[4], entry[0].schema, entry[0].name, entry[1].name))
    size = sum(entry[4] for entry in small)
    table, index, wide, _, _ = small[0]
    return Finding(
        title=f"{len(small)} indexes are the beginning of others",
        message=f"Together they take {bytes_text(size)} and a write each on every insert, though a wider index of the same table "
        f"finds all that they find: {index.name} of {table.name} is the beginning of {wide.name}, and so on.",
        objects=tuple(index_ref(t, i) for t, i, _, _, _ in small),
        impact=Impact(size, "bytes", limits["bytes"], 1024**3),
        evidence={
            "bytes": size,
            "indexes": [
                {
                    "table": f"{t.schema}.{t.name}",
                    "index": i.name,
                    "covered_by": w.name,
                    "bytes": b,
                    "size_ratio": round(r, 2),
                }
                for t, i, w, r, b in small
            ],
        },
        confidence="high" if all(entry[3] <= limits["ratio_sure"] for entry in small) else "medium",
        change=Change(
            tuple(drop(t, i) for t, i, _, _, _ in small),
            note="Django: db_index=False on a ForeignKey whose column leads a unique constraint; SQLAlchemy: no index=True there.",
        ),
        identity="small",
    )


def _has_equal(indexes: tuple[Index, ...], index: Index) -> bool:
    """Another index on the same columns: one of the two is told of by another rule, and the group must not fall silent for it."""
    return any(
        other.oid != index.oid
        and len(other.keys) == len(index.keys)
        and other.predicate == index.predicate
        and leads(other, index)
        and holds_payload(other, index)
        for other in indexes
    )


def _widest(snapshot: Snapshot, table: Table, index: Index, indexes: tuple[Index, ...]) -> Index | None:
    """The index that covers this one and has the most reason to stay: a unique one, else the one with the most keys."""
    covers = [w for w in indexes if _covers(w, index) and not is_idle_cover(snapshot, w, index)]
    return min(covers, key=lambda w: (not w.is_unique, -len(w.keys), keep_rank(snapshot, table, w)), default=None)


def _covers(wide: Index, index: Index) -> bool:
    longer = len(wide.keys) > len(index.keys) and wide.predicate == index.predicate
    return longer and leads(wide, index) and holds_payload(wide, index)


def _is_join_table(snapshot: Snapshot, table: Table) -> bool:
    """The table that an ORM makes for a many-to-many relation: two references that are unique together, and a key at most."""
    columns = {c.name for c in snapshot.catalog.columns_of(table)}
    references = {c.columns[0] for c in snapshot.catalog.constraints_of(table, "foreign key") if len(c.columns) == 1}
    return len(columns) <= 3 and len(references) == 2 and references <= columns


def _finding(snapshot: Snapshot, table: Table, index: Index, wide: Index, ratio: float, limits: Limits) -> Finding:
    size, use = size_of(snapshot, table, index), use_of(snapshot, index)
    larger = "about as large" if ratio < 1.15 else f"{ratio:.1f} times as large"
    confidence: Confidence = "high" if ratio <= limits["ratio_sure"] else "medium"
    return Finding(
        title=f"{index.name} is the beginning of {wide.name}",
        message=f"({columns_text(wide)}) of {table.name} finds everything that ({columns_text(index)}) finds and is {larger}; "
        f"{index.name} takes {bytes_text(size)} and a write on every insert.",
        objects=(index_ref(table, index), index_ref(table, wide)),
        impact=Impact(size, "bytes", limits["bytes"], 1024**3),
        evidence={
            "bytes": size,
            "covered_by": wide.name,
            "size_ratio": round(ratio, 2),
            "scans": use.scans if use else None,
            "definition": index.definition,
            "covering_definition": wide.definition,
        },
        confidence=confidence,
        change=Change((drop(table, index),)),
    )
