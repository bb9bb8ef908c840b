"""The operating system sorts text differently from when the indexes were built.

## Why it matters

The order of text comes from the C library or ICU. After an upgrade of the operating system it may differ in a few characters, and an index
built under the old order is then wrong: rows are not found, unique columns take the same value twice, merge joins lose rows.
Nothing fails at first.

## When to ignore

When every index on text was rebuilt after the upgrade and only REFRESH COLLATION VERSION was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.catalog import Index
from dbwright.model.change import Change, Operation, RefreshCollationVersion, Reindex
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit
from dbwright.model.server import current_database
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "integrity"
MINIMUM_MAJOR = 15  # the version of a database's collation is recorded from there on
NEEDS = ("catalog.databases", "catalog.indexes", "catalog.columns")
LIMITS = {"indexes_in_change": 200}
COVERS = ("collation-version-listed",)

_TEXT = frozenset(("text", "varchar", "bpchar", "citext"))
_BINARY = frozenset(("C", "POSIX", "C.UTF-8", "C.UTF8", "C.utf8", "ucs_basic", "pg_c_utf8"))


def _versions(recorded: str | None, actual: str | None, collate: str = "en_US.UTF-8") -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        databases = (
            replace(d, collation_version=recorded, actual_collation_version=actual, collate=collate)
            if d.is_current
            else d
            for d in snapshot.catalog.databases
        )
        return replace(snapshot, catalog=replace(snapshot.catalog, databases=tuple(databases)))

    return edit


_TABLE = 'CREATE TABLE person (id bigint PRIMARY KEY, name text UNIQUE, code text COLLATE "C" UNIQUE);'
BAD = (
    Sample(_TABLE, edit=_versions("2.31", "2.36")),
    Sample(_TABLE + "CREATE INDEX ON person (lower(name)) WHERE id > 5;", edit=_versions("2.31", "2.36")),
)
GOOD = (
    Sample(_TABLE, edit=_versions("2.36", "2.36")),
    Sample(_TABLE, edit=_versions(None, "2.36")),
    Sample(_TABLE, edit=_versions("2.31", None)),
    Sample("CREATE TABLE person (id bigint PRIMARY KEY, born date UNIQUE);", edit=_versions("2.36", "2.36")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    database = current_database(snapshot)
    if database is None or not database.collation_version or not database.actual_collation_version:
        return
    old, new = database.collation_version, database.actual_collation_version
    if old == new:
        return
    indexes = [index for index in snapshot.catalog.indexes if _sorts_text(snapshot, index)]
    by_oid = snapshot.statistics.index_by_oid
    held = sum(by_oid[index.oid].bytes for index in indexes if index.oid in by_oid)
    steps: list[Operation] = [Reindex(index.schema, index.name) for index in indexes]
    steps.append(RefreshCollationVersion(database.name))
    listed = len(steps) <= limits["indexes_in_change"]
    quoted = quote_identifier(database.name)
    unique = sum(1 for index in indexes if index.is_unique)
    yield Finding(
        title=f"Text sorts by collation version {new}, indexes were built under {old}",
        message=f"{len(indexes)} indexes on text ({bytes_text(held)}, {unique} of them unique) may be in the wrong order, so that "
        "rows are not found or duplicates got in; constraints and partitions by text may be as well.",
        objects=(ObjectRef("database", database.name),),
        impact=Impact(max(held, 1), "bytes", 8192, 10e9, estimated=True),
        evidence={
            "recorded_version": old,
            "actual_version": new,
            "indexes": [f"{index.schema}.{index.name}" for index in indexes[:200]],
            "index_count": len(indexes),
        },
        confidence="high" if indexes else "low",
        change=Change(
            tuple(steps),
            "Where a unique index cannot be rebuilt, rows are there twice and have to be sorted out first. Refresh the version last: "
            "it silences the server's warning.",
        )
        if listed
        else None,
        next_step=None
        if listed
        else "Run `reindexdb --concurrently --jobs 4` on this database, then "
        f"`ALTER DATABASE {quoted} REFRESH COLLATION VERSION;`.",
    )


def _sorts_text(snapshot: Snapshot, index: Index) -> bool:
    """Whether a key is text in the database's own collation. Expressions count: most of them on text give text."""
    if index.access_method not in ("btree", "gist", "spgist", "brin"):
        return False
    table = snapshot.catalog.table_by_oid.get(index.table_oid)
    if table is None or table.kind == "partitioned table":  # its partitions' indexes hold the order
        return False
    keys = zip(index.keys, index.is_expression, index.collations, index.opclasses, strict=False)
    for key, is_expression, collation, opclass in keys:
        if collation is not None or opclass.endswith("_pattern_ops"):
            continue
        names = index.referenced_columns if is_expression else (key,)
        columns = [snapshot.catalog.column(table, name) for name in names]
        if any(c is not None and c.base_type in _TEXT and (c.collation or "default") not in _BINARY for c in columns):
            return True
    return False
