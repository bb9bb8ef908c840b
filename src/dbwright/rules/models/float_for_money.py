"""A model keeps money in floating point numbers.

## Why it matters

Binary fractions cannot hold 0.10: sums drift by cents depending on the order in which rows are added, and `==` misses amounts that look the
same.

## When to ignore

Estimates and market data that nobody bills.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.asked import column_place, column_ref, locations, model_name, own_tables
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("float-for-money",)
YIELDS_TO = ("types/float-for-money",)

_MODELS = """\
from django.db import models


class Order(models.Model):
    {}
"""


def _models(field: str) -> dict[str, str]:
    return {"shop/__init__.py": "", "shop/models.py": _MODELS.format(field)}


BAD = (
    Sample(source=_models("price = models.FloatField()")),
    Sample(source=_models("amount = models.FloatField()\n    currency = models.CharField(max_length=3)")),
)
GOOD = (
    Sample(source=_models("price = models.DecimalField(max_digits=9, decimal_places=2)")),
    Sample(source=_models("price_score = models.FloatField()")),
    Sample(source=_models("tax_rate = models.FloatField()")),
    # How much of what?
    Sample(source=_models("amount = models.FloatField()\n    unit = models.CharField(max_length=9)")),
    # What a model's tokens are thought to cost.
    Sample(source=_models("total_cost = models.FloatField()\n    prompt_tokens = models.IntegerField()")),
)

_MONEY = re.compile(
    r"(^|_)(price|fee|salary|wage|payment|deposit|refund|revenue|unit_price|shipping_cost|invoice_total)$"
)
_AMOUNT = re.compile(r"(^|_)(amount|total|balance|cost|subtotal|tax|discount)$")
_CURRENCY = re.compile(r"(^|_)currency(_|$)")
_MEASURED = re.compile(r"token|score|weight|unit|estimate|candle|open_price|probab|latitude")


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [(table, column) for table in own_tables(snapshot) for column in table.columns if _is_money(table, column)]
    if not found:
        return
    labels = [f"{model_name(table)}.{column.field or column.name}" for table, column in found]
    yield Finding(
        title=f"{counted(len(found), 'column')} of money in floating point: {listed(labels, 2)}"[:79],
        message=f"{listed(labels)} {'is' if len(labels) == 1 else 'are'} double precision, in which 0.10 has no exact value.",
        objects=tuple(column_ref(table, column.name) for table, column in found[:40]),
        impact=Impact(len(found), "columns", 1, 30),
        evidence={"columns": labels},
        confidence="medium",
        next_step=f"Write DecimalField(max_digits=12, decimal_places=2) (Numeric(12, 2) in SQLAlchemy) for {labels[0]}: the migration "
        "rewrites the table.",
        identity="together",
        locations=locations([column_place(table, column.name) for table, column in found], 40),
    )


def _is_money(table: SourceTable, column: SourceColumn) -> bool:
    if column.type not in ("double precision", "real", "float"):
        return False
    names = [other.name.lower() for other in table.columns]
    if any(_MEASURED.search(name) for name in names):
        return False
    name = column.name.lower()
    return bool(_MONEY.search(name)) or bool(_AMOUNT.search(name) and any(_CURRENCY.search(other) for other in names))
