"""A text column holds JSON.

## Why it matters

Nothing checks that it is JSON: a cut or half-written document is found when somebody reads it.
No key can be searched or indexed without casting every row first.

## When to ignore

When the text must be kept byte for byte (signed payloads) or is never looked into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from dbwright.model.columns import TEXTS, Measured, checked_columns, measured_columns, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "values": 10}
COVERS = ("text-holds-other-type", "DL-12")

_TABLE = "CREATE TABLE task (id bigint PRIMARY KEY, arguments text);"
_ROWS = "INSERT INTO task SELECT n, json_build_object('n', n % 90) FROM generate_series(1, 2000) n; ANALYZE task;"

BAD = (Sample(_TABLE + _ROWS),)
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "300")),
    Sample(_TABLE.replace("text", "jsonb") + _ROWS),
    # Python's way of writing a dictionary is none of JSON's.
    Sample(_TABLE + _ROWS.replace("json_build_object('n', n % 90)", "'{''n'': ' || n || '}'")),
    # Kept as it came.
    Sample((_TABLE + _ROWS).replace("arguments", "raw_payload")),
    Sample(_TABLE.replace("arguments text", "arguments text CHECK (arguments::json IS NOT NULL)") + _ROWS),
)

_AS_IT_CAME = re.compile(r"(^|_)(raw|original|payload|signed|request|response|body)(_|$)")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} columns keep JSON as text")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for entry in measured_columns(snapshot, limits["rows"], TEXTS):
        values = [value for value in entry.values if value.strip()]
        if len(values) < limits["values"] or entry.column.generated or _AS_IT_CAME.search(entry.name.lower()):
            continue
        if all(_is_document(value) for value in values) and entry.name not in checked_columns(snapshot, entry.table):
            yield _finding(snapshot, entry, len(values), limits)


def _is_document(value: str) -> bool:
    if value[0] not in "{[" or value[-1] not in "}]":
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def _finding(snapshot: Snapshot, entry: Measured, sampled: int, limits: Limits) -> Finding:
    note = "It fails at the first value that is no JSON, the empty text among them. Change the models with it."
    advice = retype(snapshot, [(entry.table, entry.column)], "jsonb", note, cast=True)
    return Finding(
        title=f"{entry.label} holds JSON as text",
        message=f"All {sampled} sampled values are JSON documents, but in about {entry.rows:,} rows nothing "
        "checks that they are, and no key "
        "of them can be indexed.",
        objects=(entry.ref,),
        impact=Impact(entry.rows, "rows", limits["rows"], 1e10, estimated=True),
        evidence={"rows": entry.rows, "type": entry.column.type, "sampled_values": sampled},
        confidence="medium",
        change=advice.change,
        next_step=advice.next_step,
    )
