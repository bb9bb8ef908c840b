"""Moments are stored without a time zone.

## Why it matters

``timestamp`` is what a clock on some wall showed: which wall, the column does not tell.
Values that now() or clients in another zone wrote are hours apart, the hour of a clock change occurs twice, and a comparison with
``timestamptz`` is made in the session's zone.

## When to ignore

When every writer uses UTC and always will (SQLAlchemy's ``DateTime`` makes such columns by default), or the column means local wall
time, as opening hours do.
The rule speaks where something may differ: columns with a zone beside them, values that the server's clock writes (``DEFAULT now()``), a
server whose zone is not UTC, ``timetz``. What the code writes is told with the code (``models/naive-datetime``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_rows import with_settings
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ("timestamp-without-tz",)

_TABLE = "CREATE TABLE post (id bigint PRIMARY KEY, created_at timestamp, sent_at timestamp);"
_LARGE = {"post": {"rows": 2e6}, "shop": {"rows": 2e6}}

_BERLIN = with_settings(TimeZone="Europe/Berlin")
_UTC = with_settings(TimeZone="Etc/UTC")

BAD = (
    Sample(_TABLE, statistics=_LARGE, edit=_BERLIN),
    Sample(_TABLE.replace("sent_at timestamp", "sent_at timestamp DEFAULT now()"), statistics=_LARGE, edit=_UTC),
    Sample(_TABLE.replace("created_at timestamp", "created_at timestamptz DEFAULT now()"), statistics=_LARGE),
    Sample(_TABLE.replace(" timestamp", " timetz"), statistics=_LARGE),
    # Indico: a schema for each part of the application. One message.
    Sample(
        _TABLE + "CREATE SCHEMA events; CREATE TABLE events.talk (id bigint PRIMARY KEY, starts timestamp);",
        statistics={**_LARGE, "talk": {"rows": 2e6}},
        edit=_BERLIN,
    ),
)
GOOD = (
    # JupyterHub: all in UTC, by its code.
    Sample(_TABLE, statistics=_LARGE, edit=_UTC),
    Sample(_TABLE, statistics={"post": {"rows": 90}}),
    Sample(_TABLE.replace("timestamp", "timestamptz"), statistics=_LARGE),
    # Local time is meant, and says so.
    Sample("CREATE TABLE shop (id bigint PRIMARY KEY, local_time timestamp, opens_at timestamp);", statistics=_LARGE),
    Sample(_TABLE.replace("post", "post_import"), statistics={"post_import": {"rows": 2e6}}),
)

_NAIVE = frozenset({"timestamp", "timetz"})
_WALL = re.compile(r"(^|_)(local|wall|utc|naive)(_|$)|^(opens|closes|birth|born)")
_NOW = re.compile(
    r"\bnow\(\)|CURRENT_TIMESTAMP|LOCALTIMESTAMP|clock_timestamp\(\)|statement_timestamp\(\)|transaction_timestamp\(\)"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    naive: list[tuple[int, Table, Column]] = []
    aware = 0
    for table, rows in own_tables(snapshot, limits["rows"]):
        for column in snapshot.catalog.columns_of(table):
            if column.base_type == "timestamptz":
                aware += 1
            elif column.base_type in _NAIVE and not _WALL.search(column.name.lower()):
                naive.append((rows, table, column))
    if naive and _may_differ(snapshot, naive, aware):  # one decision, however many schemas there are
        naive.sort(key=lambda entry: (-entry[0], entry[1].schema, entry[1].name, entry[2].number))
        yield _finding(snapshot, naive, aware, limits)


def _may_differ(snapshot: Snapshot, naive: list[tuple[int, Table, Column]], aware: int) -> bool:
    """Whether something says that the values may not all be of one zone."""
    clocks = any(_NOW.search(column.default or "") for _, _, column in naive)
    return bool(aware) or clocks or not _is_utc(snapshot) or any(c.base_type == "timetz" for _, _, c in naive)


def _is_utc(snapshot: Snapshot) -> bool:
    return (snapshot.settings.text("TimeZone") or "unknown").upper() in ("UTC", "ETC/UTC", "GMT", "UNKNOWN")


def _finding(snapshot: Snapshot, found: list[tuple[int, Table, Column]], aware: int, limits: Limits) -> Finding:
    zone = snapshot.settings.text("TimeZone") or "unknown"
    clocks = [f"{t.name}.{c.name}" for _, t, c in found if _NOW.search(c.default or "")]
    mixed = f" beside {aware} with one: comparing the two kinds depends on the session's zone" if aware else ""
    filled = f" {len(clocks)} get the time of the session's zone from now()." if clocks else ""
    rows, table, column = found[0]
    return Finding(
        title=f"{len(found)} column{'s hold' if len(found) > 1 else ' holds'} times without a zone",
        message=f"{listed(f'{t.name}.{c.name}' for _, t, c in found)} {'have' if len(found) > 1 else 'has'} no time zone{mixed}.{filled} "
        f"The server's zone is {zone}.",
        objects=tuple(object_ref("column", t, c.name) for _, t, c in found),
        impact=Impact(rows, "rows in the largest table", limits["rows"], 1e10, estimated=True),
        evidence={
            "columns": [f"{t.name}.{c.name}" for _, t, c in found[:100]],
            "count": len(found),
            "columns_with_zone": aware,
            "default_now": clocks[:50],
            "server_time_zone": zone,
        },
        confidence="medium" if aware or (clocks and not _is_utc(snapshot)) else "low",
        next_step=f"If the values are UTC: SET timezone = 'UTC'; ALTER TABLE {table.name} ALTER COLUMN "
        f"{column.name} TYPE timestamptz. "
        "Under that zone PostgreSQL rewrites no rows. Change the models with it (SQLAlchemy: DateTime(timezone=True)), and the code first: "
        "drivers then give aware values, and comparing or subtracting naive ones (utcnow()) raises TypeError.",
        identity="zone",
    )
