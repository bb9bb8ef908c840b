"""A char(n) column is mostly padding.

## Why it matters

PostgreSQL fills ``char(n)`` with spaces up to n and stores them; the type is neither faster nor smaller than ``varchar``.
The spaces vanish when it is cast to text, so that LIKE, length and concatenation surprise.

## When to ignore

Codes that always have the full length: there is no padding then, and this rule is silent.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.columns import Measured, measured_in, own_tables, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "length": 4, "padded_values": 0.5}
COVERS = ("char-n-type",)

_TABLE = "CREATE TABLE city (id bigint PRIMARY KEY, name char(40));"
_ROWS = "INSERT INTO city SELECT n, 'city ' || n FROM generate_series(1, 2000) n; ANALYZE city;"

BAD = (Sample(_TABLE + _ROWS), Sample(_TABLE + "CREATE INDEX ON city (name);" + _ROWS))
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "200")),
    Sample(_TABLE.replace("char(40)", "varchar(40)") + _ROWS),
    # Always of full length.
    Sample(_TABLE.replace("char(40)", "char(32)") + _ROWS.replace("'city ' || n", "md5(n::text)")),
    Sample(_TABLE.replace("char(40)", "char(2)") + _ROWS.replace("'city ' || n", "'d'")),
)

_PADDED = frozenset({"bpchar"})


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        padded = [e for e in measured_in(snapshot, table, rows, _PADDED) if _padding(e, limits) > 0]
        for length in sorted({entry.column.max_length or 0 for entry in padded}):
            group = [entry for entry in padded if entry.column.max_length == length]
            yield _finding(snapshot, group, length, limits)


def _padding(entry: Measured, limits: Limits) -> float:
    """Average spaces at the end of a sampled value; 0 when most values have none."""
    length = entry.column.max_length or 0
    if length < limits["length"] or not entry.values or entry.column.type_kind != "base":
        return 0.0
    spaces = [length - len(value.rstrip(" ")) for value in entry.values]
    if sum(1 for count in spaces if count > 0) < limits["padded_values"] * len(spaces):
        return 0.0
    return sum(spaces) / len(spaces)


def _finding(snapshot: Snapshot, group: list[Measured], length: int, limits: Limits) -> Finding:
    table, rows = group[0].table, group[0].rows
    names = listed((entry.name for entry in group), 3)
    waste = sum(_padding(entry, limits) for entry in group) * rows * (1 - group[0].statistics.null_fraction)
    note = "Trailing spaces go; compare places that pad or trim in the code."
    advice = retype(snapshot, [(table, entry.column) for entry in group], f"varchar({length})", note)
    return Finding(
        title=f"{table.name}: {names} {'is' if len(group) == 1 else 'are'} padded with spaces"[:79],
        message=f"Values of char({length}) carry {_padding(group[0], limits):.0f} spaces on average by the "
        "planner's sample, an "
        f"estimated {waste / 2**20:,.1f} MB in about {rows:,} rows, and lose them in every cast to text.",
        objects=tuple(entry.ref for entry in group),
        impact=Impact(waste, "bytes", 10_000, 10e9, estimated=True),
        evidence={
            "rows": rows,
            "length": length,
            "average_spaces": {e.name: round(_padding(e, limits), 1) for e in group},
        },
        change=advice.change,
        next_step=advice.next_step,
    )
