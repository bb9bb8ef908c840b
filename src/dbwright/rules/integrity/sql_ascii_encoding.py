"""The database stores bytes without knowing their encoding: SQL_ASCII.

## Why it matters

With SQL_ASCII the server neither checks nor converts text. Clients with different settings store the same word as different bytes; search,
sorting and upper() are wrong beyond plain English, and the first client that insists on UTF-8 fails on some old row.

## When to ignore

Hardly ever. Where bytes are meant, bytea says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import Edit
from dbwright.model.server import current_database, database_bytes
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.databases",)
LIMITS = {"bytes": 8e6}  # about an empty database
COVERS = ("encoding-not-allowed",)


def _encoding(name: str, current: bool = True) -> Edit:
    def edit(snapshot: Snapshot) -> Snapshot:
        rows = (replace(d, encoding=name) if d.is_current == current else d for d in snapshot.catalog.databases)
        return replace(snapshot, catalog=replace(snapshot.catalog, databases=tuple(rows)))

    return edit


BAD = (Sample(edit=_encoding("SQL_ASCII")),)
GOOD = (Sample(), Sample(edit=_encoding("LATIN1")), Sample(edit=_encoding("SQL_ASCII", current=False)))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    database = current_database(snapshot)
    if database is None or database.encoding != "SQL_ASCII":
        return
    held = database_bytes(snapshot)
    yield Finding(
        title=f"Database {database.name} has the encoding SQL_ASCII"[:79],
        message=f"Text in these {bytes_text(held)} is stored as whatever bytes each client sent; the server checks and converts nothing.",
        objects=(ObjectRef("database", database.name),),
        impact=Impact(held, "bytes", limits["bytes"], 100e9),
        evidence={"encoding": database.encoding, "database_bytes": held},
        next_step="Dump with `pg_dump --encoding=UTF8` into a file, mend what `iconv -f UTF-8 -t UTF-8` complains about, and restore "
        "into a database made with `createdb --encoding=UTF8 --template=template0`.",
    )
