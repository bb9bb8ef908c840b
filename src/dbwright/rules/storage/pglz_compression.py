"""Large values are compressed with pglz although the server offers lz4.

## Why it matters

Values too long for a row are compressed before they are stored apart (TOAST). lz4 packs and unpacks them with a fraction of the
processor time of pglz at about the same size; pglz stayed the default only for old builds.

## When to ignore

When the server was built without lz4, or the values are compressed already (images, archives).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import Table
from dbwright.model.change import AlterColumn, Change
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "performance"
MINIMUM_MAJOR = 14
NEEDS = ("catalog.columns", "statistics.tables", "settings")
LIMITS = {
    "bytes": 10 * 1024**3,
    # Rows written or TOAST blocks touched since the counters began: without any, nothing is compressed or unpacked.
    "blocks": 100_000,
}
COVERS = ("toast-compression", "toast-heavy", "DL-18")

_TABLE = "CREATE TABLE entry (id bigint PRIMARY KEY, content jsonb, title text);"
_GB = 1024**3
_LARGE = {"entry": {"rows": 5e6, "toast_bytes": 60 * _GB, "table_bytes": 70 * _GB, "toast_blocks_hit": 10**8}}


def _unchanged(snapshot: Snapshot) -> Snapshot:
    """The test server may have been built without lz4, so the change is shown, not applied."""
    return snapshot


BAD = (Sample(_TABLE, statistics=_LARGE, edit=_unchanged),)
GOOD = (
    Sample(_TABLE, statistics={"entry": {"rows": 5e6, "toast_bytes": _GB, "toast_blocks_hit": 10**8}}),
    Sample(_TABLE, statistics={"entry": {"rows": 5e6, "toast_bytes": 60 * _GB}}),
    Sample(
        _TABLE + "ALTER TABLE entry ALTER content SET STORAGE EXTERNAL, ALTER title SET STORAGE EXTERNAL;",
        statistics=_LARGE,
    ),
)

_LONG = frozenset({"text", "jsonb", "json", "varchar", "xml", "tsvector", "hstore"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    if snapshot.settings.text("default_toast_compression") != "pglz":
        return
    found = [
        (size, table) for table in snapshot.catalog.storage_tables if (size := _compressed(snapshot, table, limits))
    ]
    if not found:
        return
    found.sort(key=lambda entry: (-entry[0], entry[1].schema, entry[1].name))
    total = sum(size for size, _ in found)
    columns = [(table, name) for _, table in found[:20] for name in _columns(snapshot, table)]
    names = ", ".join(table.name for _, table in found[:4])
    yield Finding(
        title=f"{bytes_text(total)} of long values are compressed with pglz"[:79],
        message=f"{names} {'keep' if len(found) > 1 else 'keeps'} {bytes_text(total)} in TOAST, compressed by the default method, pglz; "
        "lz4 costs much less processor time for values written from then on.",
        objects=tuple(object_ref("column", table, name) for table, name in columns[:20]),
        impact=Impact(total, "bytes", limits["bytes"], 10 * 1024**4),
        evidence={"toast_bytes": {table.name: size for size, table in found[:20]}, "default_toast_compression": "pglz"},
        confidence="low",
        change=Change(
            tuple(
                AlterColumn(table.schema, table.name, name, "COMPRESSION", "default", "lz4") for table, name in columns
            ),
            "Needs a server built with lz4 (packages of the distributions and the large platforms are). Values already stored stay as they "
            "are until they are written again; VACUUM FULL does not recompress them.",
        ),
    )


def _compressed(snapshot: Snapshot, table: Table, limits: Limits) -> int:
    """Bytes of TOAST in use by columns that the default compresses; 0 where that is too little to speak of."""
    row = snapshot.statistics_of(table)
    if table.kind != "table" or row is None or row.toast_bytes < limits["bytes"]:
        return 0
    used = row.toast_blocks_hit + row.toast_blocks_read >= limits["blocks"]
    return row.toast_bytes if used and _columns(snapshot, table) else 0


def _columns(snapshot: Snapshot, table: Table) -> list[str]:
    return [
        column.name
        for column in snapshot.catalog.columns_of(table)
        if column.base_type in _LONG
        and column.compression == ""
        and column.storage in ("extended", "main")
        and (column.max_length is None or column.max_length > 2000)
    ]


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    if snapshot.settings.text("default_toast_compression") == "lz4":
        yield Strength(
            "Long values are compressed with lz4",
            "default_toast_compression is lz4, which unpacks faster than pglz.",
            {"default_toast_compression": "lz4"},
        )
