"""The indexes of a table take several times the room of its rows.

## Why it matters

Indexes are kept in the same memory as the rows and are written, logged, backed up and vacuumed like them.
When they are several times as large as what they index, most of that goes to finding data instead of holding it.
It is a sign of too many, too wide or bloated indexes.

## When to ignore

Tables of very few narrow columns that have to be searched from several sides, and full-text or trigram indexes that are used.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import is_told_elsewhere, own_tables, use_of
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "statistics.tables", "statistics.indexes")
LIMITS = {"bytes": 1024**3, "ratio": 3, "plain_indexes": 3}
COVERS = ("indexes-heavier-than-table", "AB-22")
YIELDS_TO = ("indexes/too-many-on-table",)

_TABLE = """
CREATE TABLE event (id bigint PRIMARY KEY, kind text, at timestamptz, who bigint);
CREATE INDEX a ON event (kind, at); CREATE INDEX b ON event (who, at); CREATE INDEX c ON event (at);
"""
_INDEXES = {name: {"bytes": 2 * 1024**3, "scans": 900} for name in ("a", "b", "c")}

BAD = (Sample(_TABLE, statistics={**_INDEXES, "event": {"rows": 2e7, "table_bytes": 1.5e9, "index_bytes": 6.6e9}}),)
GOOD = (
    Sample(_TABLE, statistics={**_INDEXES, "event": {"rows": 2e7, "table_bytes": 5e9, "index_bytes": 6.6e9}}),
    Sample(_TABLE, statistics={"event": {"rows": 2e4, "table_bytes": 1.5e6, "index_bytes": 6.6e6}}),
    Sample(
        "CREATE TABLE link (a bigint, b bigint, PRIMARY KEY (a, b)); CREATE INDEX ON link (b);",
        statistics={"link": {"rows": 2e7, "table_bytes": 1.5e9, "index_bytes": 6.6e9}},
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        leaves = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
        rows = [row for row in leaves if row]
        heap, size = sum(row.table_bytes for row in rows), sum(row.index_bytes for row in rows)
        if (
            size - heap < limits["bytes"] or size < limits["ratio"] * heap
        ):  # nearly all; to see what is told elsewhere costs more
            continue
        told = [index for index in indexes if is_told_elsewhere(snapshot, table, index)]
        size -= sum(use.bytes for index in told if (use := use_of(snapshot, index)))
        indexes = tuple(index for index in indexes if index not in told)
        plain = [i for i in indexes if not i.is_unique and not i.constraint]
        if size - heap < limits["bytes"] or size < limits["ratio"] * heap or len(plain) < limits["plain_indexes"]:
            continue
        largest = sorted(
            ((use.bytes, use.scans, i.name) for i in indexes if (use := use_of(snapshot, i))), reverse=True
        )
        named = ", ".join(f"{name} ({bytes_text(bytes_)}, {scans:,} scans)" for bytes_, scans, name in largest[:3])
        yield Finding(
            title=f"The indexes of {table.name} take {size / max(heap, 1):.1f} times the room of its rows",
            message=f"{len(indexes)} indexes take {bytes_text(size)} for {bytes_text(heap)} of rows. The largest: {named}.",
            objects=(table_ref(table),),
            impact=Impact(size - heap, "bytes", limits["bytes"], 100 * 1024**3),
            evidence={
                "index_bytes": size,
                "table_bytes": heap,
                "indexes": [{"name": name, "bytes": bytes_, "scans": scans} for bytes_, scans, name in largest],
            },
            confidence="medium",
            next_step=f"Begin with the largest index that is read little: {min(largest[:3], key=lambda entry: entry[1])[2]}."
            if largest
            else None,
        )
