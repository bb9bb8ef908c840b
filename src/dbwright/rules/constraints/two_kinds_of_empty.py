"""A text column says "no value" by NULL in some rows and by the empty string in others.

## Why it matters

``IS NULL`` finds one kind, ``= ''`` the other, and counts, unique rules and exports treat them differently.
Each query that asks for one of them silently misses the rest.

## When to ignore

When the two mean different things: NULL "not asked yet", '' "asked, and there is none".
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.columns import TEXTS, Measured, key_columns, measured_in, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "share": 0.02}
COVERS = ("BP-17", "django-null-string-field")

_TABLE = "CREATE TABLE store (id bigint PRIMARY KEY, subtitle varchar(100));"
_ROWS = (
    "INSERT INTO store SELECT n, (ARRAY['', NULL, 's' || n])[n % 3 + 1] FROM generate_series(1, 3000) n; ANALYZE store;"
)

BAD = (Sample(_TABLE + _ROWS),)
GOOD = (
    Sample(_TABLE + _ROWS.replace("3000", "300")),
    Sample(_TABLE + _ROWS.replace("''", "NULL")),
    Sample(_TABLE + _ROWS.replace("NULL", "''")),
    # A single slip in thousands of rows is none to report.
    Sample(
        _TABLE
        + _ROWS.replace(
            "(ARRAY['', NULL, 's' || n])[n % 3 + 1]", "CASE WHEN n = 7 THEN NULL WHEN n % 2 = 0 THEN '' ELSE 'x' END"
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        mixed = [
            entry
            for entry in measured_in(snapshot, table, rows, TEXTS)
            if entry.statistics.null_fraction >= limits["share"] and entry.frequency("") >= limits["share"]
        ]
        keys = key_columns(snapshot, table) if mixed else frozenset()
        mixed = [entry for entry in mixed if entry.name not in keys]
        if mixed:
            yield _finding(mixed)


def _finding(mixed: list[Measured]) -> Finding:
    table, rows = mixed[0].table, mixed[0].rows
    shares = [f"{e.name} is NULL in {e.statistics.null_fraction:.0%} and '' in {e.frequency(''):.0%}" for e in mixed]
    return Finding(
        title=f"{listed((e.name for e in mixed), 2)} of {table.name}: empty is both NULL and ''",
        message=f"By the planner's sample of about {rows:,} rows {listed(shares, 3)}: a query for one kind "
        "misses the other.",
        objects=tuple(entry.ref for entry in mixed),
        # What goes wrong is the rarer kind, which queries forget.
        impact=Impact(
            max(rows * min(e.statistics.null_fraction, e.frequency("")) for e in mixed), "rows", 10, 1e8, estimated=True
        ),
        evidence={
            "rows": rows,
            "columns": {
                e.name: {"null": round(e.statistics.null_fraction, 3), "blank": round(e.frequency(""), 3)}
                for e in mixed
            },
        },
        confidence="low",
        next_step=f"Choose one kind. For '': replace NULL in {table.name} in batches, then SET DEFAULT '' and SET "
        "NOT NULL "
        "(Django: null=False, blank=True). For NULL: turn '' into NULL in batches and add CHECK (column <> '').",
    )
