"""Two indexes of a table are the same.

## Why it matters

Each of them is written at every INSERT and at every UPDATE that is not heap-only, takes its own room on disk and in memory, and is
vacuumed by itself.
The planner needs one of them only.
A B-tree is read from both ends, so `(created_at)` and `(created_at DESC)` are the same index too.

## When to ignore

While a new copy is being built to replace a bloated one by hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, DropConstraint, Operation
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.index_use import (
    columns_text,
    drop,
    index_ref,
    is_free,
    keep_rank,
    own_tables,
    reading_order,
    references_through,
    size_of,
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
    # An exact copy is never of use, so that a small database may hear of it before it is large.
    "exact_bytes": 0,
}
COVERS = ("duplicate-index", "BP-03", "AB-17")

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, created_at timestamptz, email text);"
_LARGE = {name: {"bytes": 300 * 1024**2} for name in ("a", "b", "c", "orders_pkey", "orders_email_key")}
_BOTH = "CREATE INDEX a ON orders (customer_id); CREATE INDEX b ON orders (customer_id);"

BAD = (
    Sample(_TABLE + _BOTH, statistics=_LARGE),
    Sample(_TABLE + _BOTH + "CREATE INDEX c ON orders (customer_id);", statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (created_at); CREATE INDEX b ON orders (created_at DESC);", statistics=_LARGE
    ),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (lower(email)) WHERE email IS NOT NULL;"
        "CREATE INDEX b ON orders (lower(email)) WHERE email IS NOT NULL;",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE
        + "ALTER TABLE orders ADD CONSTRAINT orders_email_key UNIQUE (email); CREATE UNIQUE INDEX b ON orders (email);",
        statistics=_LARGE,
    ),
    Sample(_TABLE + "ALTER TABLE orders ADD CONSTRAINT a UNIQUE (id);", statistics=_LARGE),
    Sample(
        "CREATE TABLE part (day date, id bigint) PARTITION BY RANGE (day);"
        "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
        "CREATE INDEX a ON part (day); CREATE INDEX b ON part (day);",
        statistics={"part_1_day_idx": {"bytes": 1e9}, "part_1_day_idx1": {"bytes": 1e9}},
    ),
    Sample(_TABLE + _BOTH, statistics=_LARGE, engine="sqlite"),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (email DESC); CREATE INDEX b ON orders (email);",
        statistics=_LARGE,
        engine="sqlite",
    ),
    # A development database: small, and the same twice all the same.
    Sample(_TABLE + _BOTH),
    Sample(_TABLE + _BOTH, engine="sqlite"),
    # Superset, Nautobot: index=True beside an index declared by name. One message.
    Sample(
        "".join(
            (_TABLE + _BOTH).replace("orders", f"o_{n}").replace(" a ON", f" a_{n} ON").replace(" b ON", f" b_{n} ON")
            for n in range(4)
        ),
        statistics={f"{name}_{n}": {"bytes": 5e6} for n in range(4) for name in "ab"},
    ),
)
GOOD = (
    # Only sorted the other way round, and small.
    Sample(_TABLE + "CREATE INDEX a ON orders (created_at); CREATE INDEX b ON orders (created_at DESC);"),
    Sample(_TABLE + _BOTH, limits={"exact_bytes": 1024**2}),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (email); CREATE INDEX b ON orders (email text_pattern_ops);"
        'CREATE INDEX c ON orders (email COLLATE "C");',
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (customer_id); CREATE INDEX b ON orders (customer_id) WHERE id > 7;",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (customer_id, created_at);"
        "CREATE INDEX b ON orders (customer_id, created_at DESC);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (created_at DESC); CREATE INDEX b ON orders USING brin (created_at);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE
        + "ALTER TABLE orders ADD CONSTRAINT a UNIQUE (email) DEFERRABLE; CREATE UNIQUE INDEX b ON orders (email);",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (email); CREATE INDEX b ON orders (email DESC);",
        engine="sqlite",
    ),
    Sample(
        _TABLE + "CREATE INDEX a ON orders (lower(email)); CREATE INDEX b ON orders (upper(email));"
        "CREATE INDEX c ON orders (email COLLATE NOCASE); CREATE INDEX d ON orders (email);",
        statistics={**_LARGE, "d": {"bytes": 3e8}},
        engine="sqlite",
    ),
)


_Found = tuple[Table, Index, Index, int, Operation | None]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = list(_found(snapshot, limits))
    removable = [entry for entry in found if entry[4]]
    for entry in found:
        if len(removable) < 2 or not entry[4]:
            yield _report(*entry, limits)
    if len(removable) > 1:  # one habit: index=True beside an index declared by name
        yield _together(removable, limits)


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[_Found]:
    for table, indexes in own_tables(snapshot):
        groups: defaultdict[object, list[Index]] = defaultdict(list)
        for index in indexes:
            groups[_identity(snapshot, table, index)].append(index)
        for group in groups.values():
            kept, *others = sorted(group, key=lambda i: keep_rank(snapshot, table, i))
            for index in others:
                size = size_of(snapshot, table, index)
                if size >= limits["exact_bytes" if _is_exact(kept, index) else "bytes"]:
                    yield table, kept, index, size, _removal(snapshot, table, index)


def _is_exact(kept: Index, index: Index) -> bool:
    return (kept.descending, kept.nulls_first) == (index.descending, index.nulls_first)


def _identity(snapshot: Snapshot, table: Table, index: Index) -> object:
    constraint = next((c for c in snapshot.catalog.constraints_of(table) if c.name == index.constraint), None)
    return (
        index.access_method,
        reading_order(index) if index.access_method == "btree" else (index.key_signature, index.is_expression),
        frozenset(index.include),
        index.predicate,
        index.is_unique,
        index.is_exclusion and index.oid,
        index.nulls_not_distinct,
        bool(constraint and constraint.is_deferrable),
    )


def _together(small: list[_Found], limits: Limits) -> Finding:
    small = sorted(small, key=lambda entry: (-entry[3], entry[0].schema, entry[0].name, entry[2].name))
    size = sum(entry[3] for entry in small)
    table, kept, index, _, _ = small[0]
    return Finding(
        title=f"{len(small)} indexes repeat others of the same table",
        message=f"Together they {_takes('take', size)}are written on every insert, though another answers the same queries: "
        f"{index.name} of {table.name} repeats {kept.name}, and so on.",
        objects=tuple(index_ref(t, i) for t, _, i, _, _ in small),
        impact=Impact(size, "bytes", limits["bytes"], 1024**3),
        evidence={
            "bytes": size,
            "indexes": [
                {"table": f"{t.schema}.{t.name}", "index": i.name, "kept": k.name, "bytes": b}
                for t, k, i, b, _ in small
            ],
        },
        change=Change(tuple(operation for *_, operation in small if operation)),
        identity="small",
    )


def _takes(verb: str, size: int) -> str:
    """Nothing where the size is not known: SQLite tells none, and there are no rows to estimate it from."""
    return f"{verb} {bytes_text(size)} and " if size else ""


def _report(table: Table, kept: Index, index: Index, size: int, operation: Operation | None, limits: Limits) -> Finding:
    mirrored = "" if kept.descending == index.descending else ", only sorted the other way round"
    return Finding(
        title=f"{index.name} on {table.name} repeats {kept.name}",
        message=f"Both index ({columns_text(kept)}){mirrored}; {index.name} {_takes('takes', size)}is written on every "
        f"insert, and {kept.name} answers the same queries.",
        objects=(index_ref(table, index), index_ref(table, kept)),
        impact=Impact(size, "bytes", limits["bytes"], 1024**3),
        evidence={"bytes": size, "kept": kept.name, "definition": index.definition, "kept_definition": kept.definition},
        change=Change((operation,)) if operation else None,
        next_step=None
        if operation
        else f"Both are needed by name (constraint, foreign key or replication): declare it once, so that {kept.name} stays alone.",
    )


def _removal(snapshot: Snapshot, table: Table, index: Index) -> Operation | None:
    if is_free(snapshot, table, index):
        return drop(table, index)
    constraint = next(
        (
            c
            for c in snapshot.catalog.constraints_of(table, "unique")
            if c.name == index.constraint and not c.is_inherited
        ),
        None,
    )
    tied = (
        snapshot.target.engine == "sqlite"
        or index.is_replica_identity
        or index.is_clustered
        or references_through(snapshot, table, index)
    )
    if constraint is None or tied:
        return None
    return DropConstraint(table.schema, table.name, constraint.name, constraint.definition)


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    number = sum(len(indexes) for table, indexes in own_tables(snapshot) if snapshot.rows(table))
    if number >= 10:
        yield Strength(
            "No index repeats another", f"None of {number} indexes is a copy of another one.", {"indexes": number}
        )
