"""A column is of type money.

## Why it matters

``money`` has no currency: it prints and reads by the server's ``lc_monetary``, so a dump restored under another locale means other
amounts, and dividing rounds to cents.
Drivers return it as text with a sign that the application must parse.

## When to ignore

When one locale is certain for ever and nothing but sums is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.columns import own_tables, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables")
LIMITS = {"rows": 1}
COVERS = ("money-type",)

_TABLE = "CREATE TABLE invoice (id bigint PRIMARY KEY, total money, tax money);"
_ROWS = "INSERT INTO invoice VALUES (1, 12.5, 2), (2, 3, 1); ANALYZE invoice;"

BAD = (Sample(_TABLE + _ROWS), Sample(_TABLE + "CREATE VIEW totals AS SELECT total FROM invoice;" + _ROWS))
GOOD = (
    Sample((_TABLE + _ROWS).replace(" money", " numeric(12, 2)")),
    # Nobody uses the table.
    Sample(_TABLE),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        columns = [c for c in snapshot.catalog.columns_of(table) if c.base_type == "money" and c.type_kind == "base"]
        if not columns:
            continue
        advice = retype(
            snapshot,
            [(table, column) for column in columns],
            "numeric(19,2)",
            "Choose another scale for currencies without or with more decimals, and keep the currency in a "
            "column of its own.",
        )
        names = listed((column.name for column in columns), 3)
        yield Finding(
            title=f"{table.name}: {names} {'is' if len(columns) == 1 else 'are'} of type money"[:79],
            message=f"What about {rows:,} amounts mean depends on the server's lc_monetary, not on the rows; "
            "numeric is exact and means the same everywhere.",
            objects=tuple(object_ref("column", table, column.name) for column in columns),
            impact=Impact(rows, "rows", limits["rows"], 1e8, estimated=True),
            evidence={
                "rows": rows,
                "columns": [column.name for column in columns],
                "lc_monetary": snapshot.settings.text("lc_monetary"),
            },
            change=advice.change,
            next_step=advice.next_step,
        )
