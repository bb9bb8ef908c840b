"""An unlogged table holds data that seem meant to stay.

## Why it matters

An unlogged table is not written to the WAL: after a crash or a kill of the server it is empty, it never reaches a replica, and
no base backup or point-in-time recovery brings its rows back.

## When to ignore

When the rows can be made again at any time: caches, sessions, staging tables of a load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "data loss"
NEEDS = ("catalog.tables", "statistics.tables")
LIMITS = {
    "rows": 1_000,
    # Deleted for each inserted row, above which rows only pass through.
    "passing": 0.5,
}
COVERS = ("unlogged-table",)

_TABLE = "CREATE UNLOGGED TABLE {} (id bigint PRIMARY KEY, note text);"
_ROWS = {"rows": 4e5, "inserted": 4e5}

BAD = (Sample(_TABLE.format("orders"), statistics={"orders": _ROWS}),)
GOOD = (
    Sample(_TABLE.format("page_cache"), statistics={"page_cache": _ROWS}),
    Sample(_TABLE.format("orders"), statistics={"orders": {"rows": 50}}),
    Sample(_TABLE.format("orders"), statistics={"orders": _ROWS | {"deleted": 390_000}}),
    Sample(_TABLE.replace("UNLOGGED ", "").format("orders"), statistics={"orders": _ROWS}),
)

_PASSING = re.compile(
    r"cache|session|te?mp(_|$)|stag(e|ing)|queue|scratch|import|export|(^|_)load|work(_|$)|lock|rate|throttl|buffer|raw",
    re.I,
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table in snapshot.catalog.storage_tables:
        row = snapshot.statistics_of(table) if table.persistence == "unlogged" and table.kind == "table" else None
        if row is None or row.estimated_rows < limits["rows"] or _PASSING.search(table.name):
            continue
        if row.deleted > limits["passing"] * max(row.inserted, 1):
            continue
        alter = f"ALTER TABLE {quote_identifier(table.schema, table.name)} SET"
        yield Finding(
            title=f"{table.name} is unlogged: a crash empties it",
            message=f"About {row.estimated_rows:,} rows ({bytes_text(row.total_bytes)}) are in no WAL, on no replica and in no "
            "point-in-time recovery; the first crash of the server takes them all.",
            objects=(table_ref(table),),
            impact=Impact(row.estimated_rows, "rows", limits["rows"], 10_000_000, estimated=True),
            evidence={
                "rows": row.estimated_rows,
                "bytes": row.total_bytes,
                "inserted": row.inserted,
                "deleted": row.deleted,
            },
            confidence="medium",
            change=Change(
                (Verbatim(f"{alter} LOGGED", f"{alter} UNLOGGED"),),
                f"Writes the whole table ({bytes_text(row.total_bytes)}) to the WAL under an exclusive lock; tables that it references "
                "must be logged first.",
            ),
        )
