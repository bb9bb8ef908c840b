"""A text column holds only dates or times.

## Why it matters

Text sorts by characters: dates written day first come in the wrong order, ranges and intervals need a cast in every query, no index on
the column serves a cast, and the 31st of February is accepted.

## When to ignore

When the text must be kept exactly as a partner sent it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.columns import TEXTS, Measured, measured_columns, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables", "statistics.columns")
LIMITS = {"rows": 1_000, "values": 10}
COVERS = ("text-holds-other-type",)

_TABLE = "CREATE TABLE visit (id bigint PRIMARY KEY, day text);"
_ROWS = "INSERT INTO visit SELECT n, '2024-01-01'::date + n % 300 FROM generate_series(1, 2000) n; ANALYZE visit;"

BAD = (
    Sample(_TABLE + _ROWS),
    Sample(
        _TABLE + _ROWS.replace("'2024-01-01'::date + n % 300", "to_char('2024-01-01'::date + n % 300, 'DD.MM.YYYY')")
    ),
    Sample(_TABLE + _ROWS.replace("'2024-01-01'::date + n % 300", "'2024-01-01'::timestamptz + n * interval '1 h'")),
)
GOOD = (
    Sample(_TABLE + _ROWS.replace("2000", "300")),
    Sample(_TABLE.replace("day text", "day date") + _ROWS),
    # A month is no date, and a name that begins with one neither.
    Sample(_TABLE + _ROWS.replace("'2024-01-01'::date + n % 300", "to_char('2024-01-01'::date + n % 300, 'YYYY-MM')")),
    Sample(_TABLE + _ROWS.replace("'2024-01-01'::date + n % 300", "'2024-01-01'::date + n % 300 || '-report.csv'")),
)

_TIME = r"[ T]\d\d:\d\d(:\d\d(\.\d+)?)?"
_ISO = re.compile(r"(19|20)\d\d-\d\d-\d\d")
_ISO_TIME = re.compile(rf"(19|20)\d\d-\d\d-\d\d{_TIME}")
_ISO_ZONE = re.compile(rf"(19|20)\d\d-\d\d-\d\d{_TIME} ?(Z|[+-]\d\d(:?\d\d)?)")
_OTHER = re.compile(rf"\d\d?[./-]\d\d?[./-](19|20)\d\d({_TIME})?")
_FORMS = ((_ISO, "date"), (_ISO_TIME, "timestamp"), (_ISO_ZONE, "timestamptz"), (_OTHER, None))


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for entry in measured_columns(snapshot, limits["rows"], TEXTS):
        values = entry.values
        if len(values) < limits["values"] or entry.column.type_kind != "base" or entry.column.generated:
            continue
        for pattern, fitting in _FORMS:
            # Most columns fall out at their first value.
            if all(pattern.fullmatch(value.strip()) for value in values):
                yield _finding(snapshot, entry, fitting, limits)
                break


def _finding(snapshot: Snapshot, entry: Measured, fitting: str | None, limits: Limits) -> Finding:
    advice = None
    if fitting:
        note = "It fails at the first value that is no date. Change the models with it."
        advice = retype(snapshot, [(entry.table, entry.column)], fitting, note, cast=True)
    form = "text" if fitting else "text in which the year comes last, so that they do not even sort,"
    step = f"Add a date column, fill it from to_date({entry.name}, the format) in batches, and let the code write it instead."
    return Finding(
        title=f"{entry.label} holds dates as text",
        message=f"All {len(entry.values)} sampled values are dates or times, kept as {form} in about "
        f"{entry.rows:,} rows: ranges and "
        "intervals need a cast that no index on the column serves, and impossible dates are accepted.",
        objects=(entry.ref,),
        impact=Impact(entry.rows, "rows", limits["rows"], 1e9, estimated=True),
        evidence={
            "rows": entry.rows,
            "type": entry.column.type,
            "sampled_values": len(entry.values),
            "fitting_type": fitting,
        },
        confidence="medium",
        change=advice.change if advice else None,
        next_step=advice.next_step if advice else step,
    )
