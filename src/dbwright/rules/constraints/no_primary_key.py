"""A table has no primary key.

## Why it matters

Nothing tells one row from another: duplicates cannot be kept out or deleted singly, an ORM cannot address a row, no foreign key can
point at it, and logical replication refuses UPDATE and DELETE on it (or, with REPLICA IDENTITY FULL, searches by whole rows).

## When to ignore

Raw events that are only appended and read in bulk, and tables that are loaded and thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Index, Table
from dbwright.model.change import Change, PromoteToPrimaryKey
from dbwright.model.columns import own_tables
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.grouping import told_once
from dbwright.model.indexing import free_name, is_usable
from dbwright.model.links import bare_link
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import counted
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.tables", "catalog.constraints", "catalog.indexes", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ("no-primary-key", "no-unique-key", "BP-15", "DL-01")

_LARGE = {"visit": {"rows": 2e6, "updated": 500}}

BAD = (
    Sample("CREATE TABLE visit (page text, at timestamptz);", statistics=_LARGE),
    Sample(
        "CREATE TABLE visit (id bigint NOT NULL, page text); CREATE UNIQUE INDEX visit_id ON visit (id);",
        statistics=_LARGE,
    ),
    # Superset: user_favorite_tag.
    Sample(
        "CREATE TABLE person (id bigint PRIMARY KEY); CREATE TABLE tag (id bigint PRIMARY KEY);"
        "CREATE TABLE visit (person_id bigint REFERENCES person, tag_id bigint REFERENCES tag);",
        statistics=_LARGE,
    ),
    # Superset: embedded_dashboards. One message, though nothing keeps the UUID unique either.
    Sample("CREATE TABLE visit (uuid uuid, page text);", statistics=_LARGE),
    Sample(
        "CREATE TABLE visit (id bigint, page text) PARTITION BY RANGE (id);"
        "CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (1000);",
        statistics={"visit_1": {"rows": 2e6}},
    ),
    Sample("CREATE TABLE visit (page text, at timestamptz);", statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample("CREATE TABLE visit (page text, at timestamptz);", statistics={"visit": {"rows": 40}}),
    Sample("CREATE TABLE visit (id bigint PRIMARY KEY, page text);", statistics=_LARGE),
    Sample("CREATE UNLOGGED TABLE visit (page text);", statistics=_LARGE),
    Sample("CREATE TABLE visit_import (page text);", statistics={"visit_import": {"rows": 2e6}}),
    Sample("CREATE TABLE visit (page text, id INTEGER PRIMARY KEY);", statistics=_LARGE, engine="sqlite"),
    Sample(
        "CREATE TABLE visit (code text NOT NULL); CREATE UNIQUE INDEX visit_code ON visit (code);",
        statistics=_LARGE,
        engine="sqlite",
    ),
    # A unique constraint on required columns addresses every row.
    Sample("CREATE TABLE visit (code text NOT NULL UNIQUE, page text);", statistics=_LARGE),
    # Each partition has its own key; the parent cannot have one that leaves out the partition key.
    Sample(
        "CREATE TABLE visit (id bigint, at date) PARTITION BY RANGE (at);"
        "CREATE TABLE visit_1 (id bigint PRIMARY KEY, at date);"
        "ALTER TABLE visit ATTACH PARTITION visit_1 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');",
        statistics={"visit_1": {"rows": 2e6}},
    ),
)

_SQLITE_MESSAGE = (
    "Nothing keeps duplicates out of its about {:,} rows; their hidden rowid may change at VACUUM, and no foreign key can "
    "point at it."
)
_SQLITE_STEP = "Add a primary key to the model; the migration rebuilds the table."


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} tables have no primary key")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    published = {oid for p in catalog.publications if p.updates or p.deletes for oid in p.table_oids}
    for table, rows in own_tables(snapshot, limits["rows"]):
        if _has_key(catalog, table):
            continue
        candidate = _candidate(catalog, table)
        is_sqlite = snapshot.target.engine == "sqlite"
        if candidate and is_sqlite:
            continue  # it cannot be promoted there, and serves as well
        changed = _changed_rows(snapshot, table)
        replicated = table.oid in published
        yield Finding(
            title=f"{table.name} has no primary key",
            message=_SQLITE_MESSAGE.format(rows) if is_sqlite else _message(rows, changed, candidate, replicated),
            objects=(table_ref(table),),
            # With a unique index on required columns the rows can be told apart: only the declaration is missing.
            impact=Impact(rows, "rows", limits["rows"], 1e12 if candidate else 1e8, estimated=True),
            evidence={
                "rows": rows,
                "rows_updated_or_deleted": changed,
                "published": replicated,
                "unique_index": candidate.name if candidate else None,
            },
            confidence="high" if changed and not candidate else "medium",
            change=_promotion(catalog, table, candidate) if candidate else None,
            next_step=_SQLITE_STEP if is_sqlite else None if candidate else _next_step(catalog, table),
        )


def _has_key(catalog: Catalog, table: Table) -> bool:
    if _addressable(catalog, table):
        return True
    leaves = catalog.leaves_of(table)
    return table.kind == "partitioned table" and all(_addressable(catalog, leaf) for leaf in leaves)


def _addressable(catalog: Catalog, table: Table) -> bool:
    if catalog.primary_key(table):
        return True
    uniques = catalog.constraints_of(table, "unique")
    return any(_all_required(catalog, table, c.columns) for c in uniques)


def _all_required(catalog: Catalog, table: Table, names: tuple[str, ...]) -> bool:
    columns = [catalog.column(table, name) for name in names]
    return bool(columns) and all(column is not None and column.not_null for column in columns)


def _candidate(catalog: Catalog, table: Table) -> Index | None:
    """The narrowest unique index that PRIMARY KEY USING INDEX accepts."""
    found = [
        index
        for index in catalog.indexes_of(table)
        if index.is_unique
        and is_usable(index)
        and index.access_method == "btree"
        and index.predicate is None
        and index.constraint is None
        and not any(index.is_expression)
        and not any(index.descending)
        and all(index.default_opclass)
        and table.kind == "table"
        and _all_required(catalog, table, index.keys)
    ]
    return min(found, key=lambda index: (len(index.keys), index.name), default=None)


def _changed_rows(snapshot: Snapshot, table: Table) -> int:
    rows = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
    return sum(row.updated + row.deleted for row in rows if row)


def _message(rows: int, changed: int, candidate: Index | None, replicated: bool) -> str:
    if candidate:
        return (
            f"The unique index {candidate.name} tells its about {rows:,} rows apart, but only a declared "
            "primary key serves "
            "logical replication and tools that look for one."
        )
    use = f"{changed:,} rows were updated or deleted" if changed else "its rows were only ever appended"
    text = f"Nothing keeps duplicates out of its about {rows:,} rows or addresses a single one; {use} since the counters began."
    return text + (" It is published: without a replica identity its UPDATE and DELETE fail." if replicated else "")


def _promotion(catalog: Catalog, table: Table, index: Index) -> Change:
    name = free_name(catalog, table, (), "pkey")
    operation = PromoteToPrimaryKey(table.schema, table.name, name, index.name, index.definition)
    return Change((operation,), note=f"Takes an exclusive lock for a moment. The index is renamed to {name}.")


def _next_step(catalog: Catalog, table: Table) -> str:
    if catalog.column(table, "id"):
        return (
            f"Look for values of id that occur twice in {table.name}, mend those rows, build a unique index "
            "on id CONCURRENTLY "
            "and make it the key: ADD PRIMARY KEY USING INDEX."
        )
    pair = bare_link(catalog, table)
    if pair:
        both = ", ".join(quote_identifier(name) for name in pair)
        optional = [name for name in pair if (column := catalog.column(table, name)) and not column.not_null]
        required = f"SET NOT NULL on {' and '.join(map(quote_identifier, optional))}, " if optional else ""
        return (
            f"Delete links that occur twice, build a unique index on ({both}) CONCURRENTLY, {required}and make it the key: "
            f"ALTER TABLE {quote_identifier(table.schema, table.name)} ADD PRIMARY KEY USING INDEX. Declare it in the model."
        )
    if table.kind == "partitioned table":
        return f"Add a key column to {table.name} and a primary key of it together with ({table.partition_key})."
    own = next(
        (c.name for c in catalog.columns_of(table) if c.base_type == "uuid" and c.name in ("uuid", "guid")), None
    )
    if own:
        column = catalog.column(table, own)
        may_be_null = column is not None and not column.not_null
        return (
            f"Look for values of {own} that occur twice in {table.name}{' or are NULL' if may_be_null else ''}, mend those rows, build a "
            f"unique index on {own} CONCURRENTLY, {'SET NOT NULL, ' if may_be_null else ''}and make it the key: "
            "ADD PRIMARY KEY USING INDEX. Its model may say so already."
        )
    return (
        f"ALTER TABLE {table.name} ADD COLUMN id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY; it "
        "rewrites the table under "
        "an exclusive lock: on a busy one fill a nullable column in batches first."
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    catalog = snapshot.catalog
    keyed = [(t, key) for t in snapshot.filled_tables if (key := catalog.primary_key(t))]
    if not keyed:
        return
    uuids = 0
    for table, key in keyed:
        columns = [catalog.column(table, name) for name in key.columns]
        uuids += all(column is not None and column.base_type == "uuid" for column in columns)
    detail = (
        f" {uuids} of them are UUIDs, which can be made anywhere and tell nothing of how many rows there are."
        if uuids
        else ""
    )
    yield Strength(
        "Tables have primary keys",
        f"{len(keyed)} of {counted(len(snapshot.filled_tables), 'table')} with rows declare one, among them every table of "
        f"{limits['rows']:,.0f} rows or more.{detail}",
        {"tables": len(snapshot.filled_tables), "primary_keys": len(keyed), "uuid_keys": uuids},
    )
