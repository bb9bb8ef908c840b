"""Some partitions lack an index that others have.

## Why it matters

Queries on the partitioned table are planned partition by partition: without the index those partitions are read from end to end, and
new partitions, which copy the indexes of the partitioned table only, will lack it too.

## When to ignore

When old partitions are deliberately indexed less because nobody queries them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, CreateIndex, IndexKey
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.indexing import free_name, is_usable
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.rules import Limits

RISK: Risk = "performance"
NEEDS = ("catalog.tables", "catalog.indexes", "statistics.tables")
LIMITS = {
    "rows": 100_000,
    # An index that fewer of the partitions have is rather an experiment on these.
    "share": 0.5,
}
COVERS = ()

_EVENTS = """
CREATE TABLE events (id bigint, owner bigint) PARTITION BY RANGE (id);
CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (1000);
CREATE TABLE e2 PARTITION OF events FOR VALUES FROM (1000) TO (2000);
CREATE TABLE e3 PARTITION OF events FOR VALUES FROM (2000) TO (3000);
"""
_ROWS = {name: {"rows": 1e7} for name in ("e1", "e2", "e3")}
_TWO = "CREATE INDEX ON e1 (owner, id DESC); CREATE INDEX ON e2 (owner, id DESC);"

BAD = (
    Sample(_EVENTS + _TWO, statistics=_ROWS),
    Sample(_EVENTS + _TWO + "CREATE INDEX ON e3 (owner, id DESC);", statistics=_ROWS),
)
GOOD = (
    Sample(_EVENTS + "CREATE INDEX ON events (owner, id DESC);", statistics=_ROWS),
    Sample(_EVENTS + "CREATE INDEX ON e1 (owner);", statistics=_ROWS),
    Sample(_EVENTS + _TWO, statistics=_ROWS | {"e3": {"rows": 100}}),
    Sample(_EVENTS + _TWO),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.user_tables:
        if table.kind != "partitioned table":
            continue
        leaves = [leaf for leaf in snapshot.catalog.leaves_of(table) if leaf.kind == "table"]
        groups: defaultdict[object, dict[int, Index]] = defaultdict(dict)
        for leaf in leaves:
            for index in snapshot.catalog.indexes_of(leaf):
                if is_usable(index) and not index.constraint and not any(index.collations):
                    groups[_shape(index)].setdefault(leaf.oid, index)
        for having in groups.values():
            own = [index for index in having.values() if index.parent_oid is None]
            if len(own) == len(having) and len(leaves) > 1 and len(having) / len(leaves) > limits["share"]:
                lacking = [leaf for leaf in leaves if leaf.oid not in having]
                yield from _findings(snapshot, table, own[0], len(having), lacking, limits)


def _shape(index: Index) -> object:
    return (index.access_method, index.key_signature, index.predicate, index.is_unique, tuple(sorted(index.include)))


def _findings(
    snapshot: Snapshot, table: Table, index: Index, having: int, lacking: list[Table], limits: Limits
) -> Iterator[Finding]:
    keys = ", ".join(index.keys)
    rows = sum(snapshot.rows(leaf) for leaf in lacking)
    shape = index.definition.partition(" USING ")[2]
    on_parent = f"CREATE INDEX ON {quote_identifier(table.schema, table.name)} USING {shape};"
    if lacking and rows >= limits["rows"]:
        yield Finding(
            title=f"{len(lacking)} of {having + len(lacking)} partitions of {table.name} lack ({keys})"[:79],
            message=f"{having} partitions have an index on ({keys}), {', '.join(leaf.name for leaf in lacking[:5])} (about {rows:,} rows) "
            "have not; it was built on partitions one by one.",
            objects=(table_ref(table), *(object_ref("table", leaf, leaf.name) for leaf in lacking[:19])),
            impact=Impact(rows, "rows", limits["rows"], 1_000_000_000, estimated=True),
            evidence={"having": having, "lacking": [leaf.name for leaf in lacking], "definition": index.definition},
            confidence="medium",
            change=Change(
                tuple(_create(snapshot, leaf, index) for leaf in lacking),
                f"Then {on_parent[:-1]} takes all of them in without building anything, and new partitions get it.",
            ),
            identity=keys,
        )
    elif not lacking and snapshot.rows(table) >= limits["rows"]:
        yield Finding(
            title=f"New partitions of {table.name} will lack ({keys})"[:79],
            message=f"All {having} partitions have an index on ({keys}), but {table.name} itself has not, so the next partition is made "
            "without it.",
            objects=(table_ref(table),),
            impact=Impact(snapshot.rows(table), "rows", limits["rows"], 100_000_000_000, estimated=True),
            evidence={"having": having, "definition": index.definition},
            confidence="medium",
            next_step=f"{on_parent} It takes in the indexes that are there and builds nothing.",
            identity=keys,
        )


def _create(snapshot: Snapshot, leaf: Table, index: Index) -> CreateIndex:
    keys = tuple(
        IndexKey(
            None if expression else key,
            key if expression else None,
            descending,
            nulls_first,
            None if default else opclass,
        )
        for key, expression, descending, nulls_first, opclass, default in zip(
            index.keys,
            index.is_expression,
            index.descending,
            index.nulls_first,
            index.opclasses,
            index.default_opclass,
            strict=True,
        )
    )
    columns = tuple(column or "expr" for column in index.columns)
    return CreateIndex(
        leaf.schema,
        leaf.name,
        free_name(snapshot.catalog, leaf, columns),
        keys,
        index.is_unique,
        index.access_method,
        index.include,
        index.predicate,
        index.nulls_not_distinct,
        options=index.options,
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    parents = [
        t for t in snapshot.catalog.user_tables if t.kind == "partitioned table" and snapshot.rows(t) >= limits["rows"]
    ]
    if parents:
        yield Strength(
            "Partitions have the indexes of their table",
            f"In {len(parents)} large partitioned tables no partition lacks an index that most others have.",
            {"tables": [t.name for t in parents[:20]]},
        )
