"""A table that takes many writes carries very many indexes.

## Why it matters

Each row version that is stored needs an entry in every index, each with its own page to find, change and log.
The more columns are indexed, the fewer UPDATEs can be heap-only, which then write all indexes too.

## When to ignore

When each of the indexes serves a frequent query and writers are quick enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.index_use import index_writes, is_told_elsewhere, own_tables, use_of
from dbwright.model.sample import Sample
from dbwright.model.sample_indexes import with_history
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import bytes_text, listed
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.indexes", "statistics.tables", "statistics.indexes")
LIMITS = {"indexes": 10, "row_versions": 1_000_000}  # the field says 8, 10 or 20
COVERS = ("too-many-indexes", "AB-16", "WB-10")

_COLUMNS = ", ".join(f"c{n} integer" for n in range(12))
_TABLE = f"CREATE TABLE wide (id bigint PRIMARY KEY, {_COLUMNS});"
_INDEXES = "".join(f"CREATE INDEX ON wide (c{n});" for n in range(12))

BAD = (
    Sample(_TABLE + _INDEXES, statistics={"wide": {"rows": 4e6, "inserted": 4e6, "updated": 9e6, "hot_updated": 1e6}}),
)
GOOD = (
    # Prefect: of 26 indexes the most are told of by themselves, as never read or as covered by another.
    Sample(
        _TABLE + _INDEXES,
        statistics={"wide": {"rows": 4e6, "inserted": 4e6}},
        edit=with_history(45),
    ),
    Sample(
        _TABLE + "".join(f"CREATE INDEX ON wide (c{n}); CREATE INDEX ON wide (c{n}, c{n + 5});" for n in range(6)),
        statistics={"wide": {"rows": 4e6, "inserted": 4e6}},
    ),
    Sample(_TABLE + _INDEXES, statistics={"wide": {"rows": 4e6, "inserted": 4e3}}),
    Sample(_TABLE + _INDEXES, statistics={"wide": {"rows": 4e6, "updated": 9e6, "hot_updated": 9e6}}),
    Sample(
        _TABLE + "CREATE INDEX ON wide (c1); CREATE INDEX ON wide (c2);",
        statistics={"wide": {"rows": 4e6, "inserted": 4e6}},
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(
        _found(snapshot, limits),
        "{} tables have many indexes to write",
        lambda members: (
            "Each row version needs an entry in every index: "
            + listed((f"{f.objects[0].label} has {f.evidence['indexes']}" for f in members), 4)
            + "."
        ),
    )


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, every in own_tables(snapshot):
        versions = index_writes(snapshot, table) if len(every) > limits["indexes"] else 0
        if versions < limits["row_versions"]:
            continue
        # What remains when those are gone that messages of their own propose to drop.
        indexes = [index for index in every if not is_told_elsewhere(snapshot, table, index)]
        told = len(every) - len(indexes)
        if len(indexes) <= limits["indexes"]:
            continue
        uses = sorted(
            ((use, i) for i in indexes if (use := use_of(snapshot, i))), key=lambda pair: (pair[0].scans, pair[1].name)
        )
        dispensable = [(use, i) for use, i in uses if not i.is_unique and not i.constraint]
        least = ", ".join(f"{i.name} ({use.scans:,} scans)" for use, i in dispensable[:3])
        size = sum(use.bytes for use, _ in uses)
        yield Finding(
            title=f"{table.name} has {len(indexes)} indexes to write",
            message=f"Each of {versions:,.0f} row versions stored since the counters began needed {len(indexes)} index entries"
            f"{f', beside those of {told} that other messages propose to drop' if told else ''}; the "
            f"indexes take {bytes_text(size)}." + (f" Least read: {least}." if least else ""),
            objects=(table_ref(table),),
            impact=Impact(versions * len(indexes), "index entries", limits["row_versions"] * limits["indexes"], 1e11),
            evidence={
                "indexes": len(indexes),
                "told_elsewhere": told,
                "row_versions": versions,
                "bytes": size,
                "scans": {i.name: use.scans for use, i in uses},
            },
            confidence="medium",
            next_step=f"See whether {least or 'the least read of them'} can go, or be merged into others on {table.name}.",
        )
