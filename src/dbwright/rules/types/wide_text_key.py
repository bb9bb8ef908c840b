"""A large table's primary key is long text that other tables repeat.

## Why it matters

The key is stored in the table, in its index, and again in every row and index that refers to it, and compared by collation at each
join.

## When to ignore

When few rows refer to it, or the text saves a join that every query would need.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.columns import TEXTS, Measured, measured_in, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.columns", "catalog.constraints", "catalog.indexes", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 100_000, "width": 24, "bytes": 100_000_000}
COVERS = ("varchar-primary-key", "natural-key-pk")
YIELDS_TO = ("types/uuid-as-text",)

_TABLES = (
    "CREATE TABLE page (url text PRIMARY KEY);"
    "CREATE TABLE visit (id bigint PRIMARY KEY, page text REFERENCES page);"
    "CREATE INDEX ON visit (page);"
    "INSERT INTO page SELECT 'https://example.org/a/longer/path/' || n FROM generate_series(1, 1000) n; ANALYZE page;"
)
_LARGE = {"page": {"rows": 300_000}, "visit": {"rows": 20_000_000}}

BAD = (Sample(_TABLES, statistics=_LARGE),)
GOOD = (
    Sample(_TABLES, statistics={"page": {"rows": 300_000}}),
    Sample(_TABLES.replace("'https://example.org/a/longer/path/' || n", "'p' || n"), statistics=_LARGE),
    # Nobody refers to it.
    Sample(_TABLES.replace(" REFERENCES page", ""), statistics=_LARGE),
)

_NUMBER_BYTES = 8


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table, rows in own_tables(snapshot, limits["rows"]):
        key = catalog.primary_key(table)
        references = catalog.references_to(table)
        if key is None or len(key.columns) != 1 or not references:
            continue
        entry = next((e for e in measured_in(snapshot, table, rows, TEXTS) if e.name == key.columns[0]), None)
        if entry is None or entry.statistics.average_width < limits["width"]:
            continue
        children = {
            catalog.table_by_oid[r.table_oid]: r.columns for r in references if r.table_oid in catalog.table_by_oid
        }
        saved = sum(_copies(snapshot, child, columns) for child, columns in children.items())
        saved = saved * (entry.statistics.average_width - _NUMBER_BYTES)
        if saved >= limits["bytes"]:
            yield _finding(entry, list(children), saved, limits)


def _copies(snapshot: Snapshot, child: Table, columns: tuple[str, ...]) -> int:
    """How often a table that refers to the key stores it: in its rows and in the indexes that hold the column."""
    indexes = sum(1 for index in snapshot.catalog.indexes_of(child) if set(columns) & set(index.keys))
    return snapshot.rows(child) * (1 + indexes)


def _finding(entry: Measured, children: list[Table], saved: float, limits: Limits) -> Finding:
    names = ", ".join(sorted(child.name for child in children)[:4])
    width = entry.statistics.average_width
    return Finding(
        title=f"The key of {entry.table.name} is text of {width} bytes, repeated elsewhere"[:79],
        message=f"{names} repeat {entry.name} ({width} bytes on average) in rows and indexes: a bigint key "
        "instead would make them an estimated "
        f"{saved / 2**20:,.0f} MB smaller.",
        objects=(object_ref("column", entry.table, entry.name),),
        impact=Impact(saved, "bytes", limits["bytes"], 1e12, estimated=True),
        evidence={
            "rows": entry.rows,
            "average_width": width,
            "referring_tables": sorted(child.name for child in children)[:20],
        },
        confidence="low",
        next_step=f"Give {entry.table.name} a bigint identity key, keep {entry.name} unique, and let the referring "
        "tables point at the number: "
        "worth it only when they are to be rewritten anyway.",
    )
