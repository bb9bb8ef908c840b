"""Files are kept in the rows of a table.

## Why it matters

Binary contents go through shared buffers, the WAL, every base backup, every dump and every replica, and make each of them several
times larger and slower than the data that the application works with.
An object store with a key in the row serves them better, at a fraction of the cost.

## When to ignore

When a file has to be written in the same transaction as its row, or must be under the same access rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref, table_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.columns", "statistics.tables")
LIMITS = {"bytes": 20 * 1024**3, "share_of_table": 0.8, "share_of_database": 0.25, "bytes_a_row": 20_000}
COVERS = ("toast-heavy", "large-object-type", "too-many-lob-columns")

_GB = 1024**3
_TABLE = "CREATE TABLE attachment (id bigint PRIMARY KEY, name text, content {});"
_LARGE = {"attachment": {"rows": 4e5, "toast_bytes": 90 * _GB, "table_bytes": 91 * _GB}}

BAD = (Sample(_TABLE.format("bytea"), statistics=_LARGE),)
GOOD = (
    Sample(_TABLE.format("bytea"), statistics={"attachment": {"rows": 4e5, "toast_bytes": _GB, "table_bytes": _GB}}),
    Sample(_TABLE.format("jsonb"), statistics=_LARGE),
    Sample(_TABLE.format("bytea"), statistics={"attachment": _LARGE["attachment"] | {"rows": 4e7}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    tables = snapshot.catalog.storage_tables
    everything = sum(row.total_bytes for table in tables if (row := snapshot.statistics_of(table)))
    for table in tables:
        row = snapshot.statistics_of(table)
        if row is None or row.toast_bytes < max(limits["bytes"], limits["share_of_table"] * row.table_bytes):
            continue
        columns = snapshot.catalog.columns_of(table)
        binary = [column.name for column in columns if column.base_type == "bytea"]
        long = [c for c in columns if c.type_length == -1 and c.base_type in ("text", "json", "jsonb", "xml")]
        each = row.toast_bytes / max(row.estimated_rows, 1)
        share = row.toast_bytes / max(everything, 1)
        if not binary or each < limits["bytes_a_row"] or share < limits["share_of_database"]:
            continue
        yield Finding(
            title=f"{table.name} keeps {bytes_text(row.toast_bytes)} of binary contents",
            message=f"{share:.0%} of all the bytes of this database are long values of {table.name}, about {bytes_text(each)} a row, by "
            f"their type binary ({', '.join(binary)}); every backup and replica carries them.",
            objects=(table_ref(table), *(object_ref("column", table, name) for name in binary)),
            impact=Impact(row.toast_bytes, "bytes", limits["bytes"], 4 * 1024**4),
            evidence={
                "toast_bytes": row.toast_bytes,
                "bytes_a_row": round(each),
                "share_of_database": round(share, 3),
                "columns": binary,
            },
            confidence="low" if len(long) > 1 else "medium",
            next_step=f"Store new contents in an object store and keep key, size and checksum in {table.name}; move the old ones in "
            "batches, then drop the column and rewrite the table (pg_repack or VACUUM FULL) to win the space.",
        )
