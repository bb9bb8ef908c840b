"""A period may end before it begins.

## Why it matters

Forms compare the two dates, `save()`, imports, the API and SQL by hand do not: one swapped pair, and "what is valid now" misses the row,
and lengths come out negative.
A check constraint costs nothing and holds for every writer.

## When to ignore

When the later column may really be the smaller one, or the pair says two different things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import check_change, column_place, column_ref, locations, model_name, own_tables, rows_of
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
# More tables than this and it is a habit of the project: one message.
LIMITS: dict[str, float] = {"tables": 1}
YIELDS_TO = ("models/rule-unchecked",)
COVERS = ("numeric-rule-without-check", "BP-16")

_MODELS = """\
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Booking(models.Model):
    {0}
{1}"""
_PERIOD = "starts_on = models.DateField()\n    ends_on = models.DateField(null=True)"
_CHECK = """
    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="in_order")]
"""


def _models(fields: str, meta: str = "") -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(fields, meta)}


BAD = (
    Sample(source=_models(_PERIOD)),
    Sample(source=_models("valid_from = models.DateTimeField()\n    valid_until = models.DateTimeField()")),
    Sample(source=_models("start = models.DateTimeField()\n    end = models.DateTimeField()")),
)
GOOD = (
    Sample(source=_models(_PERIOD, _CHECK)),
    Sample(source=_models("starts_on = models.DateField()")),
    # When something was said to begin and when the booking was made.
    Sample(source=_models("starts_on = models.DateField()\n    created_on = models.DateField()")),
    # A day and an hour.
    Sample(source=_models("start_date = models.DateField()\n    end_time = models.TimeField()")),
    # The machine notes both as they happen.
    Sample(
        source=_models(
            "start_time = models.DateTimeField(default=timezone.now)\n    end_time = models.DateTimeField(null=True)"
        )
    ),
    Sample(
        source=_models(
            "started_at = models.DateTimeField(auto_now_add=True)\n    ended_at = models.DateTimeField(null=True)"
        )
    ),
    # Hours of opening go over midnight.
    Sample(source=_models("start = models.TimeField()\n    end = models.TimeField()")),
)

_PAIRS = (
    ("starts", "ends"),
    ("start", "end"),
    ("start", "finish"),
    ("start", "stop"),
    ("begins", "ends"),
    ("begin", "end"),
    ("from", "until"),
    ("from", "to"),
    ("from", "till"),
    ("opens", "closes"),
    ("open", "close"),
)
_TYPES = ("date", "timestamp with time zone", "timestamp", "timestamp without time zone", "timestamptz")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [_finding(snapshot, table, *pair) for table in own_tables(snapshot) for pair in _open_periods(table)]
    yield from told_once(found, "{} periods may end before they begin", singly=limits["tables"])


def _open_periods(table: SourceTable) -> Iterator[tuple[SourceColumn, SourceColumn]]:
    known = {column.name.lower(): column for column in table.columns}
    conditions = [c.condition or "" for c in table.constraints if c.kind in ("check", "exclusion")]
    for column in table.columns:
        for first, last in _PAIRS:
            later = known.get(re.sub(rf"(?<![a-z]){first}(?![a-z])", last, column.name.lower()))
            if later is None or later is column or column.type not in _TYPES or later.type != column.type:
                continue
            if (
                any(name == "default" for name, _ in column.options)
                or column.option("auto_now_add")
                or later.option("auto_now")
                or later.option("auto_now_add")
            ):
                continue  # noted by the machine as it happens
            if not any(column.name in text and later.name in text for text in conditions):
                yield column, later
            break


def _finding(snapshot: Snapshot, table: SourceTable, first: SourceColumn, last: SourceColumn) -> Finding:
    rows = rows_of(snapshot, table.name)
    check = (
        f'models.CheckConstraint(condition=Q({last.field}__gte=F("{first.field}")), name="{table.name[:40]}_in_order")'
        if table.framework == "django"
        else f'CheckConstraint("{last.name} >= {first.name}")'
    )
    return Finding(
        title=f"{model_name(table)}: {last.name} may lie before {first.name}"[:79],
        message=f"No check constraint of {table.name} says that {last.name} is not before {first.name}: what does not go through a form is "
        "not compared.",
        objects=(column_ref(table, first.name), column_ref(table, last.name)),
        impact=Impact(rows, "rows", 1_000, 1e9) if rows is not None else Impact(1, "periods", 1, 50, estimated=True),
        evidence={"columns": [first.name, last.name]},
        confidence="medium" if rows is not None else "low",
        change=check_change(
            snapshot, table, (first.name, last.name), f"{quote_identifier(last.name)} >= {quote_identifier(first.name)}"
        ),
        next_step=f"Correct rows that are swapped, then add {check} to {model_name(table)} ({table.place}).",
        identity=f"{table.name}:{first.name}",
        locations=locations([column_place(table, first.name), column_place(table, last.name)]),
    )
