"""A text column holds UUIDs.

## Why it matters

Written out a UUID takes 37 bytes instead of 16, in the table, in every index on it and in every column that refers to it.
As text, upper and lower case are different keys and "not-a-uuid" is accepted.

## When to ignore

When the values come from outside and may one day be something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.columns import TEXTS, Measured, measured_columns, retype, share_matching
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "waste"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 10_000, "values": 10, "saved_bytes": 5_000_000}
COVERS = ("uuid-stored-as-text", "text-holds-other-type")

_TABLE = "CREATE TABLE job (id bigint PRIMARY KEY, key varchar(36) NOT NULL);"
_ROWS = "INSERT INTO job SELECT n, gen_random_uuid() FROM generate_series(1, 1000) n; ANALYZE job;"
_LARGE = {"job": {"rows": 2e6}}

BAD = (
    Sample(_TABLE + _ROWS, statistics=_LARGE),
    Sample(_TABLE + "CREATE UNIQUE INDEX ON job (key);" + _ROWS, statistics=_LARGE),
    # Other tables' columns must change with it.
    Sample(
        "CREATE TABLE job (key text PRIMARY KEY); CREATE TABLE step (id bigint PRIMARY KEY, job text REFERENCES job);"
        + _ROWS.replace("n, gen", "gen"),
        statistics=_LARGE,
    ),
)
GOOD = (
    Sample(_TABLE + _ROWS, statistics={"job": {"rows": 1000}}),
    Sample(_TABLE.replace("varchar(36)", "uuid") + _ROWS, statistics=_LARGE),
    Sample(
        _TABLE.replace("varchar(36)", "text") + _ROWS.replace("gen_random_uuid()", "md5(n::text)"), statistics=_LARGE
    ),
    # Some values are not.
    Sample(
        _TABLE.replace("varchar(36)", "text")
        + _ROWS.replace("gen_random_uuid()", "CASE WHEN n % 3 = 0 THEN 'x' || n ELSE gen_random_uuid()::text END"),
        statistics=_LARGE,
    ),
)

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_SAVED_EACH = 21
"""37 bytes of text against 16."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for entry in measured_columns(snapshot, limits["rows"], TEXTS):
        if entry.statistics.average_width not in (36, 37) or entry.column.type_kind != "base" or entry.column.generated:
            continue
        if len(entry.values) >= limits["values"] and all(_UUID.fullmatch(value.strip()) for value in entry.values):
            copies = 1 + sum(entry.name in index.keys for index in snapshot.catalog.indexes_of(entry.table))
            saved = _SAVED_EACH * entry.rows * (1 - entry.statistics.null_fraction) * copies
            if saved >= limits["saved_bytes"]:
                yield _finding(snapshot, entry, copies, saved, limits)


def _finding(snapshot: Snapshot, entry: Measured, copies: int, saved: float, limits: Limits) -> Finding:
    note = "It fails at the first value that is no UUID. Change the models with it."
    advice = retype(snapshot, [(entry.table, entry.column)], "uuid", note, cast=True)
    indexes = f" and {copies - 1} index{'es' if copies > 2 else ''}" if copies > 1 else ""
    return Finding(
        title=f"{entry.label} holds UUIDs as text",
        message=f"All {len(entry.values)} sampled values are UUIDs: as type uuid the table{indexes} would be an "
        "estimated "
        f"{saved / 2**20:,.0f} MB smaller, and nothing else could be stored.",
        objects=(entry.ref,),
        impact=Impact(saved, "bytes", limits["saved_bytes"], 20e9, estimated=True),
        evidence={
            "rows": entry.rows,
            "sampled_values": len(entry.values),
            "matching": share_matching(entry.values, _UUID),
            "copies_in_table_and_indexes": copies,
        },
        confidence="medium",
        change=advice.change,
        next_step=advice.next_step,
    )
