"""A table repeats a column under numbers: phone1, phone2, phone3.

## Why it matters

Every search must look in all of them, "how many" means counting what is not empty, and one more than foreseen needs a new column, a
migration and a change of every form.

## When to ignore

When the number is part of the meaning (quarters of a year, corners of a square) and every row fills all of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dbwright.model.catalog import Column, Table
from dbwright.model.columns import own_tables, statistics_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.columns", "statistics.tables")
ENGINES = ("postgresql", "sqlite")
LIMITS = {"rows": 1_000, "columns": 3, "empty": 0.1}
COVERS = ("incrementing-columns",)

_TABLE = "CREATE TABLE person (id bigint PRIMARY KEY, phone1 text, phone2 text, phone3 text);"
_LARGE = {"person": {"rows": 50_000}}
_ROWS = "INSERT INTO person SELECT n, 'x', CASE WHEN n % 5 = 0 THEN 'y' END, {} FROM generate_series(1, 500) n; ANALYZE person;"

BAD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample(_TABLE + _ROWS.format("NULL"), statistics=_LARGE),
    Sample(_TABLE, statistics=_LARGE, engine="sqlite"),
)
GOOD = (
    Sample(_TABLE, statistics={"person": {"rows": 50}}),
    Sample(_TABLE.replace(", phone3 text", ""), statistics=_LARGE),
    Sample(_TABLE.replace("phone", "address_line_"), statistics=_LARGE),
    Sample(_TABLE.replace("phone", "q"), statistics=_LARGE),
    # Every row fills all of them.
    Sample(_TABLE + _ROWS.format("'z'"), statistics=_LARGE),
    Sample(_TABLE.replace("phone2 text", "phone2 int"), statistics=_LARGE),
    Sample(_TABLE.replace("phone", "q"), statistics=_LARGE, engine="sqlite"),
)

_NUMBERED = re.compile(r"(?P<stem>[a-z][a-z_]*?[a-z])_?(?P<number>\d{1,2})(?P<rest>(_[a-z_]+)?)")
_FIXED = re.compile(
    r"address|addr|line|street|quarter|level|lvl|stage|step|round|md|sha|ipv|utf|int|float|"
    r"percentile|quantile|dim|axis|point|"
    r"week|month|day|hour|year|score|question|answer|param|arg|option|custom|metric|feature|band|coef|hash|tier"
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} tables have numbered columns")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, rows in own_tables(snapshot, limits["rows"]):
        groups: defaultdict[tuple[str, str, str], list[tuple[int, Column]]] = defaultdict(list)
        for column in snapshot.catalog.columns_of(table):
            match = _NUMBERED.fullmatch(column.name)
            if match and len(match["stem"]) >= 3 and not _FIXED.search(match["stem"]):
                groups[match["stem"], match["rest"], column.base_type].append((int(match["number"]), column))
        repeated = [_run(group) for group in groups.values()]
        repeated = [
            g for g in repeated if len(g) >= limits["columns"] and _last_often_empty(snapshot, table, g, limits)
        ]
        if repeated:
            yield _finding(table, rows, repeated, limits)


def _run(group: list[tuple[int, Column]]) -> list[Column]:
    """The columns in order, if their numbers follow one another from 0 or 1."""
    ordered = sorted(group, key=lambda entry: entry[0])
    numbers = [number for number, _ in ordered]
    starts = numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return [column for _, column in ordered] if starts else []


def _last_often_empty(snapshot: Snapshot, table: Table, group: list[Column], limits: Limits) -> bool:
    """Whether the last of them is often not used, which shows a list rather than a shape; yes when it is not known."""
    statistics = statistics_of(snapshot, table, group[-1].name)
    if statistics is None:
        return not group[-1].not_null
    blank = dict(zip(statistics.common_values, statistics.common_frequencies, strict=False)).get("", 0.0)
    return statistics.null_fraction + blank >= limits["empty"]


def _finding(table: Table, rows: int, repeated: list[list[Column]], limits: Limits) -> Finding:
    columns = [column for group in repeated for column in group]
    first = repeated[0]
    return Finding(
        title=f"{table.name} repeats {first[0].name} up to {first[-1].name}"[:79],
        message=f"{len(columns)} numbered columns ({listed(c.name for c in columns)}) make a list of fixed "
        f"length in about {rows:,} rows: a "
        "search must look in each of them, and a further one needs a migration.",
        objects=tuple(object_ref("column", table, column.name) for column in columns),
        impact=Impact(rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={"rows": rows, "columns": [column.name for column in columns]},
        confidence="medium",
        next_step=f"Move them to a child table with one row each: (reference to {table.name}, position, value), "
        "unique on the first two.",
    )
