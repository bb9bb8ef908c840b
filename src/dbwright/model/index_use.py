"""What the rules of the area ``indexes`` share: how an index is used, what it is needed for, and what covers it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dbwright.model.activity import Statement
from dbwright.model.catalog import FRAMEWORK_TABLES, Constraint, Index, Table
from dbwright.model.change import CreateIndex, DropIndex, IndexKey
from dbwright.model.finding import Confidence, ObjectRef
from dbwright.model.indexing import is_usable, serves_equality
from dbwright.model.snapshot import Snapshot, object_ref, once

_ENTRY_BYTES = 20
"""What an entry of a small key takes, where an engine does not tell the size of its indexes (SQLite)."""


@dataclass(frozen=True, slots=True)
class IndexUse:
    """Size and counters of an index with those of its partitions; ``scans`` adds those of the replicas."""

    bytes: int
    rows: float
    scans: int
    rows_read: int
    rows_fetched: int
    last_scan: datetime | None
    blocks_read: int
    blocks_hit: int


def use_of(snapshot: Snapshot, index: Index) -> IndexUse | None:
    """None when the counters of the index, or of one of its partitions, could not be read."""
    return _uses(snapshot).get(index.oid)


@once
def _uses(snapshot: Snapshot) -> dict[int, IndexUse]:
    found = ((index.oid, _use(snapshot, snapshot.catalog.index_leaves_of(index))) for index in snapshot.catalog.indexes)
    return {oid: use for oid, use in found if use}


def _use(snapshot: Snapshot, leaves: Sequence[Index]) -> IndexUse | None:
    statistics = snapshot.statistics
    rows = [row for leaf in leaves if (row := statistics.index_by_oid.get(leaf.oid))]
    if len(rows) < len(leaves):
        return None
    if len(rows) == 1:
        (row,) = rows
        return IndexUse(
            row.bytes,
            max(row.rows, 0),
            row.scans + statistics.node_index_scans.get(row.oid, 0),
            row.rows_read,
            row.rows_fetched,
            row.last_scan,
            row.blocks_read,
            row.blocks_hit,
        )
    replica_scans = sum(statistics.node_index_scans.get(leaf.oid, 0) for leaf in leaves)
    return IndexUse(
        bytes=sum(row.bytes for row in rows),
        rows=sum(max(row.rows, 0) for row in rows),
        scans=sum(row.scans for row in rows) + replica_scans,
        rows_read=sum(row.rows_read for row in rows),
        rows_fetched=sum(row.rows_fetched for row in rows),
        last_scan=max((row.last_scan for row in rows if row.last_scan), default=None),
        blocks_read=sum(row.blocks_read for row in rows),
        blocks_hit=sum(row.blocks_hit for row in rows),
    )


def size_of(snapshot: Snapshot, table: Table, index: Index) -> int:
    """Bytes of an index with its partitions; from the number of rows where the engine does not tell."""
    use = use_of(snapshot, index)
    if use and use.bytes:
        return use.bytes
    return snapshot.rows(table) * _ENTRY_BYTES if snapshot.target.engine == "sqlite" else 0


@once
def own_tables(snapshot: Snapshot) -> tuple[tuple[Table, tuple[Index, ...]], ...]:
    """Tables whose indexes the users decide about, each with its usable indexes; tables of frameworks are left out."""
    catalog = snapshot.catalog
    owned = (table for table in catalog.user_tables if table.name not in FRAMEWORK_TABLES and catalog.indexes_of(table))
    return tuple(
        (table, tuple(i for i in catalog.indexes_of(table) if is_usable(i) and i.extension is None)) for table in owned
    )


def index_ref(table: Table, index: Index) -> ObjectRef:
    return object_ref("index", table, index.name)


def references_through(snapshot: Snapshot, table: Table, index: Index) -> tuple[Constraint, ...]:
    """Foreign keys of other tables that stand on this (unique) index."""
    return tuple(key for key in snapshot.catalog.references_to(table) if key.index_oid == index.oid)


def is_free(snapshot: Snapshot, table: Table, index: Index) -> bool:
    """Whether the index is there for reading alone, apart from uniqueness: no constraint, no foreign key stands on it, no replication or
    CLUSTER goes by it."""
    bound = (
        index.constraint or index.is_primary or index.is_exclusion or index.is_replica_identity or index.is_clustered
    )
    return not bound and not references_through(snapshot, table, index)


def keep_rank(snapshot: Snapshot, table: Table, index: Index) -> tuple[object, ...]:
    """Which of equal indexes is to stay: the first in this order."""
    return (
        not index.is_primary,
        not references_through(snapshot, table, index),
        index.constraint is None,
        not index.is_replica_identity,
        not index.is_clustered,
        not index.is_unique,
        index.name if _is_sqlite(index) else index.oid,  # the older one; SQLite does not tell
    )


def reading_order(index: Index) -> tuple[tuple[str, bool, bool, bool, str, str | None], ...]:
    """The keys as a reader sees them. A B-tree is read from both ends, so ``(a DESC)`` and ``(a)`` give the same."""
    flip = bool(index.descending) and index.descending[0]
    keys = zip(
        index.keys,
        index.is_expression,
        index.descending,
        index.nulls_first,
        index.opclasses,
        index.collations,
        strict=False,
    )
    # SQLite does not tell expressions; those of two indexes are then taken for different.
    hidden = f" of {index.definition}" if _is_sqlite(index) else ""
    return tuple((k + hidden if e else k, e, d != flip, n != flip, o, c) for k, e, d, n, o, c in keys)


def leads(wide: Index, narrow: Index) -> bool:
    """Whether the keys of ``wide`` begin with all keys of ``narrow``, read in the same order (both B-trees)."""
    if wide.access_method != "btree" or narrow.access_method != "btree":
        return False
    if narrow.keys[:1] != wide.keys[:1] or len(narrow.keys) > len(wide.keys):  # nearly all, and cheap to see
        return False
    keys = reading_order(narrow)
    return bool(keys) and reading_order(wide)[: len(keys)] == keys


def holds_payload(wide: Index, narrow: Index) -> bool:
    """Whether ``wide`` holds every column that ``narrow`` carries as payload."""
    return set(narrow.include) <= {*wide.include, *(c for c in wide.columns if c)}


def is_idle_cover(snapshot: Snapshot, wide: Index, narrow: Index) -> bool:
    """Whether the wide index was never read while the narrow one was: then it is the wide one that may be too much."""
    wide_use, narrow_use = use_of(snapshot, wide), use_of(snapshot, narrow)
    return not wide.is_unique and bool(wide_use and narrow_use) and not wide_use.scans and narrow_use.scans > 0  # type: ignore[union-attr]


def is_half_of_a_pair(snapshot: Snapshot, indexes: Sequence[Index], index: Index) -> bool:
    """A text's plain index and the one for patterns beside it (Django's ``_like``) come from one word in the model and go with it: the
    one cannot be taken out while the other is read, or is the unique one."""
    return len(index.keys) == 1 and any(
        other.is_unique or ((use := use_of(snapshot, other)) is not None and use.scans > 0)
        for other in indexes
        if other.oid != index.oid
        and other.keys == index.keys
        and other.opclasses[0].endswith("_pattern_ops") != index.opclasses[0].endswith("_pattern_ops")
    )


def drop(table: Table, index: Index) -> DropIndex:
    """The operation that drops the index. The definition of a partitioned one is made to build its partitions again too."""
    definition = re.sub(
        r'\A(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|\S+) ON )ONLY ', r"\1", index.definition, count=1
    )
    return DropIndex(index.schema, index.name, definition, on_partitioned=table.kind == "partitioned table")


def _is_sqlite(index: Index) -> bool:
    """SQLite has no operator classes."""
    return index.opclasses[:1] == ("",)


def create_like(table: Table, index: Index, name: str, **changes: object) -> CreateIndex:
    """The operation that builds an index like this one, with the given fields of ``CreateIndex`` changed."""
    fields: dict[str, object] = {
        "keys": index_keys(index),
        "unique": index.is_unique,
        "method": index.access_method,
        "include": index.include,
        "predicate": index.predicate,
        "nulls_not_distinct": index.nulls_not_distinct,
        "on_partitioned": table.kind == "partitioned table",
        "options": index.options,
    }
    return CreateIndex(table.schema, table.name, name, **(fields | changes))  # type: ignore[arg-type]


def index_keys(index: Index) -> tuple[IndexKey, ...]:
    """The keys of an index as those of one to be made. Collations of keys are not carried over: see ``is_plain``."""
    btree = index.access_method == "btree"
    return tuple(
        IndexKey(
            column=None if is_expression else key,
            expression=key if is_expression else None,
            descending=btree and descending,
            nulls_first=nulls_first if btree and nulls_first != descending else None,
            opclass=None if is_default else opclass,
        )
        for key, is_expression, descending, nulls_first, opclass, is_default in zip(
            index.keys,
            index.is_expression,
            index.descending,
            index.nulls_first,
            index.opclasses,
            index.default_opclass,
            strict=False,
        )
    )


def is_plain(snapshot: Snapshot, table: Table, index: Index) -> bool:
    """Whether all keys are columns in their own collation, so that ``create_like`` makes the same index."""
    columns = [snapshot.catalog.column(table, name) for name in index.columns if name]
    return len(columns) == len(index.keys) and all(
        column is not None and (collation is None or collation == column.collation)
        for column, collation in zip(columns, index.collations, strict=False)
    )


def is_told_elsewhere(snapshot: Snapshot, table: Table, index: Index, days: float = 30) -> bool:
    """Whether messages about single indexes already propose to drop this one: another covers it, or nobody read it for so many days."""
    if index.is_unique or not is_free(snapshot, table, index):
        return False
    use = use_of(snapshot, index)
    if use is not None and not use.scans and window_days(snapshot) >= days:
        return True
    return any(
        other.oid != index.oid
        and other.predicate == index.predicate
        and leads(other, index)
        and holds_payload(other, index)
        and (len(other.keys) > len(index.keys) or keep_rank(snapshot, table, other) < keep_rank(snapshot, table, index))
        for other in snapshot.catalog.indexes_of(table)
        if is_usable(other)
    )


def foreign_keys_left_alone(snapshot: Snapshot, table: Table, index: Index) -> tuple[Constraint, ...]:
    """Foreign keys of the table whose look-ups would have no index without this one. Other indexes count only when they are sure
    to stay: because a constraint or uniqueness needs them, or because they are read."""
    others = [
        other for other in snapshot.catalog.indexes_of(table) if other.oid != index.oid and _stays(snapshot, other)
    ]
    return tuple(
        key
        for key in snapshot.catalog.constraints_of(table, "foreign key")
        if serves_equality(index, key.columns) and not any(serves_equality(other, key.columns) for other in others)
    )


def _stays(snapshot: Snapshot, index: Index) -> bool:
    if index.constraint or index.is_unique:
        return True
    use = use_of(snapshot, index)
    return use is None or use.scans > 0


def replicas_seen(snapshot: Snapshot) -> tuple[Confidence, str]:
    """How sure it is that no reader was overlooked, and the nodes that were looked at, in words."""
    nodes, standbys = len(snapshot.statistics.nodes), len(snapshot.replication.standbys)
    hidden = any("replication.standbys".startswith(gap.section) for gap in snapshot.gaps)
    if standbys > nodes:
        return "low", f"on this server; {standbys - nodes} of its {standbys} replicas were not looked at"
    if nodes:
        return "high", f"on this server and {nodes} replica{'s' if nodes > 1 else ''}"
    return ("low" if hidden else "medium"), "on this server, the only one known"


def window_days(snapshot: Snapshot) -> float:
    """Days that the counters cover on every node that was looked at; 0 when it is not known, and on a replica."""
    if snapshot.replication.recovery and snapshot.replication.recovery.in_recovery:
        return 0.0
    starts = [node.reset_at or node.started_at for node in snapshot.statistics.nodes]
    own = snapshot.statistics_days
    return min([own or 0.0, *((snapshot.taken_at - start).total_seconds() / 86400 for start in starts)])


def index_writes(snapshot: Snapshot, table: Table) -> int:
    """Row versions since the counters began that needed an entry in every index: inserts, and updates that were not heap-only."""
    rows = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
    return sum(row.inserted + max(row.updated - row.hot_updated, 0) for row in rows if row)


def table_scans(snapshot: Snapshot, table: Table) -> int:
    """Scans of a table and its partitions of any kind."""
    rows = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
    return sum(row.scans for row in rows if row)


_WORD = re.compile(r"\w+")
StatementsByWord = dict[str, dict[int, Statement]]
"""Statements by word, then by their rank."""


def statements_by_word(statements: Iterable[Statement]) -> StatementsByWord:
    """Recorded statements by the words in them, in lower case; those that took the longest in total come first."""
    found: defaultdict[str, dict[int, Statement]] = defaultdict(dict)
    for rank, statement in enumerate(sorted(statements, key=lambda s: -s.total_milliseconds)):
        for word in set(_WORD.findall(statement.query.lower())):
            found[word][rank] = statement
    return found


def statements_about(words: StatementsByWord, *names: str) -> list[Statement]:
    """Statements in which all of these names stand, those that took the longest in total first."""
    groups = [words.get(part, {}) for name in names for part in _WORD.findall(name.lower())]
    fewest = min(groups, key=len, default={})
    return [statement for rank, statement in fewest.items() if all(rank in group for group in groups)]


def columns_text(index: Index) -> str:
    """The keys as people write them."""
    keys = ", ".join(
        key + (" DESC" if descending else "") for key, descending in zip(index.keys, index.descending, strict=False)
    )
    return keys + (f" INCLUDE ({', '.join(index.include)})" if index.include else "")
