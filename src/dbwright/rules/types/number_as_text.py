"""A text column holds only numbers that are counted or compared.

## Why it matters

As text '9' is greater than '10': ORDER BY, max() and range conditions give wrong answers, sums need a cast in every query, and one
value that is no number breaks them all.

## When to ignore

Numbers that only name something, such as codes and telephone numbers: the rule leaves those out by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.columns import TEXTS, Measured, measured_columns, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "values": 10}
COVERS = ("text-holds-other-type",)

_TABLE = "CREATE TABLE item (id bigint PRIMARY KEY, quantity varchar(10));"
_ROWS = "INSERT INTO item SELECT n, n % 90 FROM generate_series(1, 2000) n; ANALYZE item;"

BAD = (Sample(_TABLE + _ROWS), Sample(_TABLE + _ROWS.replace("n % 90", "n % 90 + 0.5")))
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "300")),
    Sample(_TABLE.replace("varchar(10)", "int") + _ROWS),
    Sample(_TABLE + _ROWS.replace("n % 90", "n % 90 || ' kg'")),
    # Zeros that lead are part of a code.
    Sample(_TABLE + _ROWS.replace("n % 90", "lpad((n % 90)::text, 4, '0')")),
    # Digits that only name something.
    Sample((_TABLE + _ROWS).replace("quantity", "phone")),
)

_COUNTED = re.compile(
    r"(^|_)(amount|price|cost|total|quantity|qty|count|age|year|duration|size|length|width|height|"
    r"weight|score|rating|percent|"
    r"percentage|balance|latitude|longitude|lat|lon|lng|position|rank|seconds|minutes|hours|days|"
    r"bytes|views|likes|distance)$"
)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_WHOLE = re.compile(r"-?\d{1,9}")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} columns keep numbers as text")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for entry in measured_columns(snapshot, limits["rows"], TEXTS):
        if not _COUNTED.search(entry.name.lower()) or entry.column.type_kind != "base" or entry.column.generated:
            continue
        values = [value.strip() for value in entry.values]
        if len(values) >= limits["values"] and all(_NUMBER.fullmatch(value) for value in values):
            yield _finding(snapshot, entry, all(_WHOLE.fullmatch(value) for value in values), limits)


def _finding(snapshot: Snapshot, entry: Measured, whole: bool, limits: Limits) -> Finding:
    new_type = "bigint" if whole else "numeric"
    note = f"It fails at the first value that is no {'whole ' if whole else ''}number. Change the models with it."
    advice = retype(snapshot, [(entry.table, entry.column)], new_type, note, cast=True)
    return Finding(
        title=f"{entry.label} holds numbers as text",
        message=f"All {len(entry.values)} sampled values are {'whole ' if whole else ''}numbers, but as text "
        "they sort '10' before '9': "
        f"order, largest value and ranges over about {entry.rows:,} rows come out wrong.",
        objects=(entry.ref,),
        impact=Impact(entry.rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={
            "rows": entry.rows,
            "type": entry.column.type,
            "sampled_values": len(entry.values),
            "fitting_type": new_type,
        },
        confidence="medium",
        change=advice.change,
        next_step=advice.next_step,
    )
