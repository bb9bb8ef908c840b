"""Moments are stored without a time zone.

## Why it matters

``timestamp`` is what a clock on some wall showed: which wall, the column does not tell.
Values that now() or clients in another zone wrote are hours apart, the hour of a clock change occurs twice, and a comparison with
``timestamptz`` is made in the session's zone.

## When to ignore

When every writer uses UTC and always will (SQLAlchemy's ``DateTime`` makes such columns by default), or the column means local wall
time, as opening hours do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ("timestamp-without-tz",)

_TABLE = "CREATE TABLE post (id bigint PRIMARY KEY, created_at timestamp, sent_at timestamp);"
_LARGE = {"post": {"rows": 2e6}, "shop": {"rows": 2e6}}

BAD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample(_TABLE.replace("created_at timestamp", "created_at timestamptz DEFAULT now()"), statistics=_LARGE),
    Sample(_TABLE.replace(" timestamp", " timetz"), statistics=_LARGE),
    # Indico: a schema for each part of the application. One message.
    Sample(
        _TABLE + "CREATE SCHEMA events; CREATE TABLE events.talk (id bigint PRIMARY KEY, starts timestamp);",
        statistics={**_LARGE, "talk": {"rows": 2e6}},
    ),
)
GOOD = (
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
    if naive:  # one decision, however many schemas there are
        naive.sort(key=lambda entry: (-entry[0], entry[1].schema, entry[1].name, entry[2].number))
        yield _finding(snapshot, naive, aware, limits)


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
        confidence="medium" if aware or (clocks and zone.upper() not in ("UTC", "ETC/UTC", "GMT")) else "low",
        next_step=f"If the values are UTC: SET timezone = 'UTC'; ALTER TABLE {table.name} ALTER COLUMN "
        f"{column.name} TYPE timestamptz. "
        "Under that zone PostgreSQL rewrites no rows. Change the models with it (SQLAlchemy: DateTime(timezone=True)).",
        identity="zone",
    )
