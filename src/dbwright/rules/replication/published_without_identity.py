"""A published table has no replica identity, so that its updates and deletes fail.

## Why it matters

Logical replication names the row that an UPDATE or DELETE changed by its replica identity: the primary key, unless set otherwise.
Once a publication that publishes updates or deletes holds a table without one, the server refuses these statements on the publisher
itself, subscribers or not. The publication FOR ALL TABLES takes in every table made later.

## When to ignore

When the table only ever takes inserts, or is cut by TRUNCATE.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Index, Publication, Table
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.indexing import is_usable
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.publications", "catalog.tables", "catalog.indexes", "statistics.tables")
LIMITS = {
    # Updates and deletes counted on the table from which its loss could not be greater.
    "changes": 1_000,
}
COVERS = ()

_LOG = "CREATE TABLE log (id bigint, code text NOT NULL);"
_PUBLISH = "CREATE PUBLICATION feed FOR TABLE log{};"
_USED = {"log": {"updated": 5_000}}

BAD = (
    Sample(_LOG + _PUBLISH.format(""), statistics=_USED),
    Sample(_LOG + "CREATE UNIQUE INDEX log_code ON log (code);" + _PUBLISH.format(""), statistics=_USED),
    Sample(
        _LOG + "ALTER TABLE log ADD PRIMARY KEY (id), REPLICA IDENTITY NOTHING;" + _PUBLISH.format(""), statistics=_USED
    ),
    Sample(_LOG + "CREATE PUBLICATION feed FOR ALL TABLES;"),
    Sample(_LOG + "CREATE PUBLICATION feed FOR TABLES IN SCHEMA public;", minimum_major=15, statistics=_USED),
    Sample(
        "CREATE TABLE log (id bigint) PARTITION BY RANGE (id);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (10);" + _PUBLISH.format(""),
        statistics={"log_1": {"deleted": 5_000}},
    ),
)
GOOD = (
    Sample(_LOG + _PUBLISH.format(" WITH (publish = 'insert')"), statistics=_USED),
    Sample(_LOG + "ALTER TABLE log REPLICA IDENTITY FULL;" + _PUBLISH.format(""), statistics=_USED),
    Sample(_LOG + "ALTER TABLE log ADD PRIMARY KEY (id);" + _PUBLISH.format(""), statistics=_USED),
    Sample(
        _LOG
        + "CREATE UNIQUE INDEX log_code ON log (code); ALTER TABLE log REPLICA IDENTITY USING INDEX log_code;"
        + _PUBLISH.format(""),
        statistics=_USED,
    ),
    Sample(_LOG, statistics=_USED),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, publication in _published(snapshot.catalog).values():
        if _identity(snapshot.catalog, table):
            continue
        row = snapshot.statistics_of(table)
        changes = (
            (row.updated if publication.updates else 0) + (row.deleted if publication.deletes else 0) if row else 0
        )
        kinds = " and ".join(
            name for name, on in (("UPDATE", publication.updates), ("DELETE", publication.deletes)) if on
        )
        seen = f"it took {changes:,} of them since the counters began" if changes else "none was counted so far"
        why = "is set to NOTHING" if table.replica_identity == "nothing" else "is missing: there is no primary key"
        yield Finding(
            title=f"{table.name} is published without a replica identity",
            message=f"The publication {publication.name} publishes {kinds} of {table.name}, whose replica identity {why}; the server "
            f"refuses these statements ({seen}).",
            objects=(table_ref(table),),
            impact=Impact(max(changes, 1), "updates and deletes", 1, limits["changes"]),
            evidence={
                "publication": publication.name,
                "all_tables": publication.all_tables,
                "replica_identity": table.replica_identity,
                "updates_and_deletes": changes,
            },
            change=_change(snapshot.catalog, table),
        )


def _published(catalog: Catalog) -> dict[int, tuple[Table, Publication]]:
    """Tables whose updates or deletes are published, each once; a partitioned table stands for its partitions, which are what is
    written."""
    found: dict[int, tuple[Table, Publication]] = {}
    everything = [t for t in catalog.storage_tables if t.kind == "table" and t.persistence == "permanent"]
    for publication in catalog.publications:
        if not (publication.updates or publication.deletes):
            continue
        named = [catalog.table_by_oid[oid] for oid in publication.table_oids if oid in catalog.table_by_oid]
        tables = (
            everything if publication.all_tables else [leaf for table in named for leaf in catalog.leaves_of(table)]
        )
        for table in tables:
            if table.kind == "table":
                found.setdefault(table.oid, (table, publication))
    return found


def _identity(catalog: Catalog, table: Table) -> bool:
    if table.replica_identity == "full":
        return True
    if table.replica_identity == "default":
        return any(index.is_primary for index in catalog.indexes_of(table))
    return table.replica_identity == "index" and any(index.is_replica_identity for index in catalog.indexes_of(table))


def _change(catalog: Catalog, table: Table) -> Change:
    alter = f"ALTER TABLE {quote_identifier(table.schema, table.name)} REPLICA IDENTITY "
    before = alter + ("NOTHING" if table.replica_identity == "nothing" else "DEFAULT")
    indexes = catalog.indexes_of(table)
    if any(index.is_primary for index in indexes):
        return Change((Verbatim(alter + "DEFAULT", before),), "The primary key then names the rows.")
    unique = next((index for index in indexes if _can_identify(catalog, table, index)), None)
    if unique:
        return Change(
            (Verbatim(alter + f"USING INDEX {quote_identifier(unique.name)}", before),),
            f"{unique.name} then names the rows.",
        )
    return Change(
        (Verbatim(alter + "FULL", before),),
        "Writes whole old rows to the WAL, and the subscriber searches for them; a primary key is the better way where one can be added.",
    )


def _can_identify(catalog: Catalog, table: Table, index: Index) -> bool:
    """What PostgreSQL asks of it: unique, whole, at once, on columns that are NOT NULL."""
    if not (index.is_unique and is_usable(index)) or index.predicate or any(index.is_expression):
        return False
    deferrable = any(c.index_oid == index.oid and c.is_deferrable for c in catalog.constraints_of(table, "unique"))
    columns = [catalog.column(table, name) for name in index.keys]
    return not deferrable and all(column and column.not_null for column in columns)


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    published = _published(snapshot.catalog)
    if published:
        yield Strength(
            "Every published table has a replica identity",
            f"Updates and deletes of {len(published)} published tables can be replicated.",
            {"tables": len(published)},
        )
