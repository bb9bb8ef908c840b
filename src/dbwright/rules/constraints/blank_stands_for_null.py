"""A required text column mostly holds the empty string: blank stands for "no value".

## Why it matters

NOT NULL promises a value, and an empty string keeps the promise in form only; reports and joins must know that it means "none".
Django makes text columns so on purpose, so that there is only one kind of empty: that is a convention and no fault, as long as every
writer keeps to it.

## When to ignore

In Django projects that keep to the convention, which is nearly always.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.columns import MOST_OBJECTS, TEXTS, Measured, key_columns, measured_in, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "share": 0.5}
COVERS = ("BP-17",)

_TABLE = "CREATE TABLE store (id bigint PRIMARY KEY, logo varchar(100) NOT NULL);"
_ROWS = "INSERT INTO store SELECT n, CASE WHEN n % 5 = 0 THEN 'p' || n ELSE '' END FROM generate_series(1, 2000) n; ANALYZE store;"

BAD = (Sample(_TABLE + _ROWS), Sample(_TABLE + _ROWS.replace("n % 5 = 0", "false")))
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "300")),
    Sample(_TABLE + _ROWS.replace("n % 5 = 0", "n % 5 <> 0")),
    # NULL says it.
    Sample(_TABLE.replace(" NOT NULL", "") + _ROWS.replace("ELSE ''", "ELSE NULL")),
    # '0' is a value.
    Sample(_TABLE + _ROWS.replace("ELSE ''", "ELSE '0'")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found: list[Measured] = []
    for table, rows in own_tables(snapshot, limits["rows"]):
        blank = [
            entry
            for entry in measured_in(snapshot, table, rows, TEXTS)
            if entry.column.not_null and entry.frequency("") >= limits["share"]
        ]
        if blank:
            keys = key_columns(snapshot, table)
            found += [entry for entry in blank if entry.name not in keys]
    if not found:
        return
    found.sort(key=lambda entry: (-entry.rows * entry.frequency(""), entry.label))
    blanks = int(sum(entry.rows * entry.frequency("") for entry in found))
    convention = " (Django's convention)" if "django" in snapshot.project.frameworks else ""
    yield Finding(
        title=f"{len(found)} required text column{'s' if len(found) > 1 else ''} mostly hold the empty string",
        message=f"{listed(entry.label for entry in found)} are NOT NULL, yet '' stands for \"no value\" in at least "
        f"{limits['share']:.0%} of their rows by the planner's sample{convention}; every query must know it.",
        objects=tuple(entry.ref for entry in found[:MOST_OBJECTS]),
        impact=Impact(blanks, "values", limits["rows"], 1e10, estimated=True),
        evidence={"columns": {entry.label: round(entry.frequency(""), 3) for entry in found[:50]}, "count": len(found)},
        confidence="low",
        next_step="Keep one kind of empty everywhere. Where a value is truly required add CHECK (column <> ''); "
        "where it is not "
        "and other programs read the table, drop NOT NULL and turn '' into NULL in batches.",
    )
