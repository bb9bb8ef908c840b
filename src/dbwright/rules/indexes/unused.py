"""An index was never read in a long time, on any server that was looked at.

## Why it matters

An index costs a write at every INSERT and at every UPDATE of its columns, keeps UPDATEs from being heap-only, is read by every vacuum and
takes memory from what is read.
One that no query uses gives nothing for it.

## When to ignore

When the index was made a short time ago (PostgreSQL does not record when), or serves a job that runs once a quarter or a year, or replicas
that were not looked at read it.
An index on an expression also gives the planner statistics about the expression.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change
from dbwright.model.finding import Confidence, Finding, Impact, Risk, Strength
from dbwright.model.index_use import (
    IndexUse,
    columns_text,
    drop,
    foreign_keys_left_alone,
    index_ref,
    index_writes,
    is_free,
    is_half_of_a_pair,
    leads,
    own_tables,
    replicas_seen,
    table_scans,
    use_of,
    window_days,
)
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes", "statistics.tables")
LIMITS = {
    "days": 30,  # a month holds the monthly jobs
    "bytes": 10 * 1024**2,
    "table_scans": 1_000,
    "small_together_bytes": 100 * 1024**2,
    "small_together_writes": 10_000_000,
}
COVERS = ("unused-index", "unused-index-on-all-nodes", "AB-16", "DL-15", "BP-03")
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/covered-by-include",
    "indexes/prefix-of-another",
    "indexes/partial-inside-full",
    "indexes/invalid",
)

_TABLE = """
CREATE TABLE customer (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer, state text, email text);
"""
_INDEX = "CREATE INDEX idle ON orders (state);"
_USED = {"orders": {"rows": 3e6, "index_scans": 90_000}, "idle": {"bytes": 3e8, "rows": 3e6}}
_NOW = {"days": 0}
"""A private server has run for some seconds; its counters are taken for a month's."""


BAD = (
    Sample(_TABLE + _INDEX, statistics=_USED, limits=_NOW),
    Sample(_TABLE + _INDEX, statistics=_USED, edit=with_history(45)),
    Sample(_TABLE + _INDEX, statistics=_USED, edit=with_history(45, replica_scans=0)),
    Sample(
        _TABLE + "CREATE INDEX idle ON orders (customer_id, state);"
        "CREATE UNIQUE INDEX serves_the_key ON orders (customer_id, id);",
        statistics=_USED,
        limits=_NOW,
    ),
    Sample(
        _TABLE + "".join(f"CREATE INDEX small_{n} ON orders (state, id) WHERE id > {n};" for n in range(30)),
        statistics={**_USED, **{f"small_{n}": {"bytes": 4e6, "rows": 1e5} for n in range(30)}},
        limits=_NOW,
    ),
    # Nobody reads either half of a pair.
    Sample(
        _TABLE + _INDEX + "CREATE INDEX like_twin ON orders (state text_pattern_ops);",
        statistics={**_USED, "like_twin": {"bytes": 3e8}},
        limits=_NOW,
    ),
    # Nautobot, pretix: a dozen of middling size are one message.
    Sample(
        _TABLE + "".join(f"CREATE INDEX medium_{n} ON orders (state, id) WHERE id > {n};" for n in range(4)),
        statistics={**_USED, **{f"medium_{n}": {"bytes": 4e7, "rows": 1e6} for n in range(4)}},
        limits=_NOW,
    ),
)
GOOD = (
    # Nautobot: (date_done) was never read, (date_done DESC) was, and indexes/duplicate takes one of them away.
    Sample(
        _TABLE + _INDEX + "CREATE INDEX read ON orders (state DESC);",
        statistics={**_USED, "read": {"bytes": 3e8, "scans": 600}},
        limits=_NOW,
    ),
    # pretix: of Django's pair for a text the one for patterns is read; the plain one goes only with it.
    Sample(
        _TABLE + _INDEX + "CREATE INDEX like_twin ON orders (state text_pattern_ops);",
        statistics={**_USED, "like_twin": {"bytes": 3e8, "scans": 600}},
        limits=_NOW,
    ),
    # Django makes the one for patterns of each unique text.
    Sample(
        _TABLE + "CREATE INDEX idle ON orders (state text_pattern_ops); CREATE UNIQUE INDEX one ON orders (state);",
        statistics={**_USED, "one": {"bytes": 3e8, "scans": 600}},
        limits=_NOW,
    ),
    Sample(_TABLE + _INDEX, statistics=_USED),
    Sample(_TABLE + _INDEX, statistics=_USED, edit=with_history(3)),
    Sample(_TABLE + _INDEX, statistics=_USED, edit=with_history(45, replica_scans=7)),
    Sample(_TABLE + _INDEX, statistics={**_USED, "idle": {"bytes": 3e8, "scans": 1}}, limits=_NOW),
    Sample(
        _TABLE + _INDEX, statistics={"orders": {"rows": 3e6, "index_scans": 3}, "idle": {"bytes": 3e8}}, limits=_NOW
    ),
    Sample(_TABLE + "CREATE INDEX idle ON orders (customer_id);", statistics=_USED, limits=_NOW),
    Sample(_TABLE + "CREATE UNIQUE INDEX idle ON orders (state);", statistics=_USED, limits=_NOW),
    Sample(_TABLE + _INDEX, statistics={**_USED, "idle": {"bytes": 2e5}}, limits=_NOW),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if window_days(snapshot) < limits["days"]:
        return
    confidence, nodes = replicas_seen(snapshot)
    small: list[tuple[Table, Index, IndexUse]] = []
    large: list[tuple[Table, Index, IndexUse]] = []
    for table, index, use, shadowed in _idle(snapshot, limits):
        if shadowed and use.bytes >= limits["bytes"]:
            yield _one(snapshot, table, index, use, confidence, nodes, limits)
        elif not shadowed:
            (large if use.bytes >= limits["bytes"] else small).append((table, index, use))
    if not _matters(snapshot, small, limits):
        small = []
    if len(large) == 1 and not small:
        yield _one(snapshot, *large[0], confidence, nodes, limits)
    elif large or small:
        yield _together(snapshot, large + small, confidence, nodes, limits)


def _idle(snapshot: Snapshot, limits: Limits) -> Iterator[tuple[Table, Index, IndexUse, bool]]:
    """Indexes of busy tables that no scan used, and whether another one begins with their columns."""
    for table, indexes in own_tables(snapshot):
        if table_scans(snapshot, table) < limits["table_scans"]:
            continue
        for index in indexes:
            use = use_of(snapshot, index)
            if (
                use is not None
                and _is_idle(snapshot, table, index, use)
                and not _has_used_twin(snapshot, indexes, index)
                and not is_half_of_a_pair(snapshot, indexes, index)
            ):
                yield table, index, use, _is_shadowed(indexes, index)


def _has_used_twin(snapshot: Snapshot, indexes: tuple[Index, ...], index: Index) -> bool:
    """Another index gives the same and was read: one of the two goes as a duplicate, and the one that stays is in use."""
    return any(
        (twin := use_of(snapshot, other)) is not None and twin.scans > 0
        for other in indexes
        if other.oid != index.oid
        and len(other.keys) == len(index.keys)
        and other.predicate == index.predicate
        and leads(other, index)
    )


def _is_shadowed(indexes: tuple[Index, ...], index: Index) -> bool:
    """Another index begins with its columns: other rules speak of it, and a group must not fall silent for one member."""
    return not index.is_valid or any(
        o.oid != index.oid
        and o.predicate in (None, index.predicate)
        and (leads(o, index) or o.key_signature == index.key_signature)
        for o in indexes
    )


def _matters(snapshot: Snapshot, small: list[tuple[Table, Index, IndexUse]], limits: Limits) -> bool:
    size = sum(use.bytes for _, _, use in small)
    writes = sum(index_writes(snapshot, table) for table, _, _ in small)
    return size >= limits["small_together_bytes"] or writes >= limits["small_together_writes"]


def _is_idle(snapshot: Snapshot, table: Table, index: Index, use: IndexUse) -> bool:
    recently = use.last_scan is not None
    if use.scans or recently or index.is_unique or not is_free(snapshot, table, index):
        return False
    return not foreign_keys_left_alone(snapshot, table, index)


_IN_MODEL = "Take it out of the model as well (Django: db_index or Meta.indexes; SQLAlchemy: index=True), or a migration makes it again."


def _one(
    snapshot: Snapshot, table: Table, index: Index, use: IndexUse, confidence: Confidence, nodes: str, limits: Limits
) -> Finding:
    days, writes = window_days(snapshot), index_writes(snapshot, table)
    note = f"A new index has no scans either: make sure that it is older than the counters. {_IN_MODEL}"
    if any(index.is_expression):
        note += " It also gives the planner statistics about its expression; after dropping it, compare the plans of queries that use it."
    return Finding(
        title=f"{index.name} on {table.name} was not read for {days:.0f} days",
        message=f"({columns_text(index)}) takes {bytes_text(use.bytes)} and got {writes:,} row versions to store, but no scan used it in "
        f"{days:.0f} days {nodes}; the table was scanned {table_scans(snapshot, table):,} times meanwhile.",
        objects=(index_ref(table, index),),
        impact=Impact(use.bytes, "bytes", limits["bytes"], 10 * 1024**3),
        evidence={
            "bytes": use.bytes,
            "scans": 0,
            "days": round(days, 1),
            "nodes": 1 + len(snapshot.statistics.nodes),
            "replicas_connected": len(snapshot.replication.standbys),
            "table_scans": table_scans(snapshot, table),
            "row_versions_written": writes,
            "definition": index.definition,
        },
        confidence=confidence,
        change=Change((drop(table, index),), note=note),
    )


def _together(
    snapshot: Snapshot, small: list[tuple[Table, Index, IndexUse]], confidence: Confidence, nodes: str, limits: Limits
) -> Finding:
    size = sum(use.bytes for _, _, use in small)
    writes = sum(index_writes(snapshot, table) for table, _, _ in small)
    small.sort(key=lambda entry: (-entry[2].bytes, entry[0].schema, entry[0].name, entry[1].name))
    days = window_days(snapshot)
    return Finding(
        title=f"{len(small)} indexes were not read for {days:.0f} days",
        message=f"Together they take {bytes_text(size)} and stored up to {writes:,} entries, but no scan used any of them in {days:.0f} "
        f"days "
        f"{nodes}, though their tables are in use.",
        objects=tuple(index_ref(table, index) for table, index, _ in small),
        impact=Impact(size, "bytes", limits["bytes"], 10 * 1024**3),
        evidence={
            "bytes": size,
            "entries_written": writes,
            "days": round(days, 1),
            "indexes": [f"{table.schema}.{table.name}.{index.name}" for table, index, _ in small],
        },
        confidence=confidence,
        change=Change(
            tuple(drop(table, index) for table, index, _ in small),
            note=f"New indexes have no scans either: leave out those that are younger than the counters. {_IN_MODEL}",
        ),
        identity="small",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    days = window_days(snapshot)
    tables = [t for t, _ in own_tables(snapshot) if table_scans(snapshot, t) >= limits["table_scans"]]
    number = sum(len(snapshot.catalog.indexes_of(t)) for t in tables)
    if days >= limits["days"] and number >= 10:
        _, nodes = replicas_seen(snapshot)
        yield Strength(
            "No large index lies unused",
            f"Every index worth the look of {len(tables)} busy tables was read in the last {days:.0f} days {nodes}.",
            {"days": round(days, 1), "indexes": number},
        )
