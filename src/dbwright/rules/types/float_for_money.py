"""Amounts of money are stored as floating point numbers.

## Why it matters

Binary fractions cannot hold 0.10: sums drift by cents depending on the order in which rows are added, and ``=`` misses amounts that look
the same.

## When to ignore

Prices as measurements (market data, estimates, scores in money) that nobody bills, and limits that amounts are compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Catalog, Table
from dbwright.model.columns import own_tables, retype
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.grouping import told_once
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ("float-for-money",)

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, total float8, shipping_fee real, note text);"
_LARGE = {"orders": {"rows": 300_000}, "route": {"rows": 300_000}, "candle": {"rows": 300_000}}

BAD = (
    Sample(_TABLE, statistics=_LARGE),
    Sample("CREATE TABLE route (id bigint PRIMARY KEY, amount float8, currency text);", statistics=_LARGE),
)
GOOD = (
    Sample(_TABLE, statistics={"orders": {"rows": 100}}),
    Sample(_TABLE.replace("float8", "numeric(12, 2)").replace("real", "numeric"), statistics=_LARGE),
    # Amounts and totals of other things.
    Sample("CREATE TABLE route (id bigint PRIMARY KEY, total float8, amount float8);", statistics=_LARGE),
    # Shares and measurements.
    Sample("CREATE TABLE orders (id bigint PRIMARY KEY, price_score float8, tax_rate real);", statistics=_LARGE),
    # MLflow: a budget is a limit that what was spent is compared with; nobody adds it up.
    Sample(
        "CREATE TABLE budget_policy (id bigint PRIMARY KEY, budget_amount float8, limit_total float8);",
        statistics={"budget_policy": {"rows": 3e5}},
    ),
    # MLflow, Label Studio: what the tokens of a call are thought to have cost; nobody bills it.
    Sample(
        "CREATE TABLE span (id bigint PRIMARY KEY, input_cost float8, total_cost float8);",
        statistics={"span": {"rows": 3e5}},
    ),
    Sample(
        "CREATE TABLE reply (id bigint PRIMARY KEY, prompt_tokens_count int, cost float8);",
        statistics={"reply": {"rows": 3e5}},
    ),
    Sample(
        "CREATE TABLE orders (id bigint PRIMARY KEY, cost_probability float8, usage_cost float8);", statistics=_LARGE
    ),
    Sample("CREATE TABLE candle (id bigint PRIMARY KEY, open_price float8, close_price float8);", statistics=_LARGE),
)

_FLOATS = frozenset({"float4", "float8"})
_MONEY = re.compile(
    r"(^|_)(price|cost|fee|salary|wage|revenue|balance|subtotal|payment|refund|deposit|payout)s?(_amount|_total)?$"
)
_AMOUNT = re.compile(r"(^|_)(amount|total|tax|discount|net|gross)(_(amount|paid|due|total))?$")
_MONEY_TABLE = re.compile(
    r"(^|_)(order|invoice|payment|transaction|wallet|refund|billing|expense|budget|cart|sale|purchase|payout|ledger)"
)
_MEASURED = re.compile(
    r"rate|ratio|score|percent|pct|avg|average|mean|median|estimat|predict|forecast|weight|index|token|usage|probab|likelihood|"
    r"confidence|expected|simulat|budget|limit|threshold|quota|ceiling|"
    r"norm|open_|close_|high_|low_"
)
_MARKET = re.compile(
    r"candle|ohlc|tick|quote|market|kline|metric|stat|analy|feature|embedding|usage|token|model|simulat|estimat|predict|forecast"
)
_TOKENS = re.compile(r"(^|_)tokens?(_|$)|(^|_)(prompt|completion)_|^(input|output)_cost$")
"""What a language model used: a cost beside it is worked out from it."""


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    yield from told_once(_found(snapshot, limits), "{} tables keep money in floating point")


def _found(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table, rows in own_tables(snapshot, limits["rows"]):
        if _MARKET.search(table.name.lower()):
            continue
        columns = [
            c for c in catalog.columns_of(table) if c.base_type in _FLOATS and c.type_kind == "base" and not c.generated
        ]
        columns = [c for c in columns if _is_money(catalog, table, c.name.lower())]
        if not columns:
            continue
        names = listed((column.name for column in columns), 3)
        advice = retype(
            snapshot,
            [(table, column) for column in columns],
            "numeric",
            "Values keep 15 significant digits (6 from real). Then set the model to a decimal field with "
            "the scale of the currency.",
        )
        yield Finding(
            title=f"{table.name}: {names} {'is' if len(columns) == 1 else 'are'} floating point"[:79],
            message=f"About {rows:,} rows keep money in a binary fraction, which cannot hold most cents exactly: "
            "sums drift and equal amounts compare as different.",
            objects=tuple(object_ref("column", table, column.name) for column in columns),
            impact=Impact(rows, "rows", limits["rows"], 1e8, estimated=True),
            evidence={"rows": rows, "columns": {column.name: column.type for column in columns}},
            confidence="medium",
            change=advice.change,
            next_step=advice.next_step,
        )


def _is_money(catalog: Catalog, table: Table, name: str) -> bool:
    if _MEASURED.search(name):
        return False
    if "cost" in name and any(_TOKENS.search(column.name.lower()) for column in catalog.columns_of(table)):
        return False
    if _MONEY.search(name):
        return True
    has_currency = any("currency" in column.name.lower() for column in catalog.columns_of(table))
    return bool(_AMOUNT.search(name)) and (has_currency or bool(_MONEY_TABLE.search(table.name.lower())))
