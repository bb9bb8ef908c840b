"""A number whose name says that it has bounds has no CHECK that keeps them.

## Why it matters

Validators of Django and Pydantic run in forms and request bodies, not in update(), bulk_create(), an admin's SQL or another service.
One latitude of 912 or a discount of -5 % then spoils sums, averages and maps, and is found by a customer.

## When to ignore

When values outside the bounds are meaningful, or will be soon: the bounds come from the name and from the values found, or from the
validators of Django's model. A CHECK is proposed where a validator has the bound, or where no model is known and the name settles it;
prices are told of only with a validator, for credits and corrections are prices below nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dbwright.model.catalog import Column, Table
from dbwright.model.change import AddRangeCheck, Change
from dbwright.model.columns import NUMBERS, Measured, key_columns, measured_in, own_tables
from dbwright.model.finding import Confidence, Finding, Impact, Risk, Strength
from dbwright.model.grouping import told_once
from dbwright.model.indexing import free_name
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import Place, SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.columns", "catalog.constraints", "statistics.tables", "statistics.columns")
LIMITS = {
    # Ratings and discounts stand in small tables that everybody sees; the rank tells that they are small.
    "rows": 100,
    # Sampled values from which their range is worth something.
    "values": 4,
    # A scale is taken for the one meant when the largest value reaches this share of its top.
    "scale_used": 0.6,
}
COVERS = ("BP-16", "CH-08", "numeric-rule-without-check")

_ROWS = "INSERT INTO store SELECT n, n % 51 / 10.0 FROM generate_series(1, 2000) n; ANALYZE store;"
_STORE = "CREATE TABLE store (id bigint PRIMARY KEY, rating numeric(3, 1) NOT NULL{});"
_PLACE = (
    "CREATE TABLE place (id bigint PRIMARY KEY, latitude float8, longitude float8);"
    "INSERT INTO place SELECT n, n % 80, n % 180 FROM generate_series(1, 2000) n; ANALYZE place;"
)


def _modelled(table: str, column: str, low: float | None, high: float | None) -> Callable[[Snapshot], Snapshot]:
    """The snapshot with a Django model of the table whose validators let these values through."""
    said = [(f"{end}ValueValidator", value) for end, value in (("Min", low), ("Max", high)) if value is not None]
    field = SourceColumn(column, column, "numeric(3, 1)", True, options=(("validators", said),))
    model = SourceTable(table, None, "shop.models.Thing", Place("shop/models.py", 1), "django", (field,))
    return lambda snapshot: replace(snapshot, source=replace(snapshot.source, tables=(model,)))


BAD = (
    Sample(_STORE.format("") + _ROWS),
    # Django's PositiveIntegerField keeps the lower bound only.
    Sample(_STORE.format(" CHECK (rating >= 0)") + _ROWS),
    Sample(_PLACE),
    Sample(_PLACE.replace("% 180", "% 900"), findings=2),
    Sample(
        "CREATE TABLE item (id bigint PRIMARY KEY, quantity int, discount_percent int);"
        "INSERT INTO item SELECT n, n % 7 + 1, n % 30 FROM generate_series(1, 3000) n; ANALYZE item;",
        findings=2,
    ),
    Sample(
        "".join(
            _STORE.format("").replace("store", f"store_{n}") + _ROWS.replace("store", f"store_{n}") for n in range(5)
        )
    ),
    # How many there are of a thing may be below nothing where returns are booked: asked, apart from what names settle.
    Sample(_STORE.format("").replace("rating", "quantity") + _ROWS),
    Sample(_PLACE + _STORE.format("").replace("rating", "quantity") + _ROWS, findings=2),
    # pretix: the model's validators say it, of a price too.
    Sample(_STORE.format("").replace("rating", "price") + _ROWS, edit=_modelled("store", "price", 0, None)),
    Sample(_STORE.format("") + _ROWS, edit=_modelled("store", "rating", 0, 5)),
    # A model without a validator does not settle it: a question.
    Sample(_STORE.format("") + _ROWS, edit=_modelled("store", "rating", None, None)),
)
GOOD = (
    Sample(_STORE.format(" CHECK (rating BETWEEN 0 AND 5)") + _ROWS),
    Sample(_STORE.format("") + _ROWS.replace("2000", "60")),
    # An Elo rating is no scale of stars, and a score of unknown scale proves nothing.
    Sample(_STORE.format("").replace("numeric(3, 1)", "int") + _ROWS.replace("n % 51 / 10.0", "1200 + n % 900")),
    Sample(_STORE.format("").replace("rating numeric(3, 1)", "score int") + _ROWS.replace("n % 51 / 10.0", "n % 37")),
    # A change in percent may be negative or above a hundred.
    Sample(
        _STORE.format("").replace("rating numeric(3, 1)", "change_percent int")
        + _ROWS.replace("n % 51 / 10.0", "n % 90")
    ),
    # pretix: what rounding added to a price may be negative.
    Sample(
        _STORE.format("").replace("rating numeric(3, 1)", "price_includes_rounding_correction numeric(9, 2)")
        + _ROWS.replace("n % 51 / 10.0", "n % 90")
    ),
    # pretix: credits and fees that copy others are prices below nothing, however many tables have none so far.
    Sample(_STORE.format("").replace("rating", "price") + _ROWS),
    Sample(
        "".join(
            _STORE.format("").replace("store", f"store_{n}").replace("rating", "price")
            + _ROWS.replace("store", f"store_{n}")
            for n in range(5)
        )
    ),
    Sample(_STORE.format("").replace("rating", "price") + _ROWS, edit=_modelled("store", "price", None, None)),
    # The validator's bound is kept by a CHECK.
    Sample(_STORE.format(" CHECK (rating BETWEEN 0 AND 5)") + _ROWS, edit=_modelled("store", "rating", 0, 5)),
    # Never analyzed: no values are known.
    Sample(_STORE.format(""), statistics={"store": {"rows": 1e6}}),
)

_PERCENT = re.compile(r"(^|_)(percent|percentage|pct)$|^(percent|pct)_")
_UNBOUNDED_PERCENT = re.compile(
    r"change|growth|delta|diff|return|variance|profit|margin|yield|gain|loss|roi|markup|increase|pnl|deviation|interest"
)
_STARS = re.compile(r"(^|_)(rating|stars)(_?(avg|average|mean))?$|^(avg|average|mean)_(rating|stars)$")
_SHARE = re.compile(r"(^|_)(probability|likelihood)$")
_SCORE = re.compile(r"(^|_)(score|confidence)$")
_COUNTED = re.compile(r"(^|_)(quantity|qty|stock)$")
_PRICE = re.compile(r"(^|_)price$|^price_(?!.*(correction|adjust|delta|diff|change|rounding|discount))")
_DISCOUNT = re.compile(r"^discount(_value|_rate)?$")
_FIXED: tuple[tuple[re.Pattern[str], float, float], ...] = (
    (re.compile(r"(^|_)(latitude|lat)$"), -90, 90),
    (re.compile(r"(^|_)(longitude|lng|lon)$"), -180, 180),
    (re.compile(r"(^|_)day_of_month$"), 1, 31),
    (re.compile(r"^(month|birth_month|expiry_month|exp_month)$"), 1, 12),
)
_SCALES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0))
_ONLY_LOWER = re.compile(r'CHECK \(\(+"?[^"()<>=]+"?\)?(::\w+)? >=? \(*\'?-?[\d.]+\'?\)*(::[\w ]+)?\)+( NOT VALID)?')

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class _Open:
    """A column whose range no CHECK keeps. ``certain``: its name leaves no doubt, whatever the application; ``settled``: name or validator
    say enough for a CHECK; ``broken``: sampled values outside."""

    entry: Measured
    bounds: Bounds
    certain: bool
    settled: bool
    broken: tuple[float, ...]


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    unchecked: list[Finding] = []
    asked: list[Finding] = []
    impossible: list[Finding] = []
    for table, rows in own_tables(snapshot, limits["rows"]):
        named = {c.name for c in snapshot.catalog.columns_of(table) if c.base_type in NUMBERS and _speaks(c)}
        found = list(_ranges(snapshot, table, rows, named, limits)) if named else []
        impossible += [_broken(one) for one in found if one.broken and one.certain]
        kept = [one for one in found if not one.broken]
        if settled := [one for one in kept if one.settled]:
            unchecked.append(_unchecked(snapshot, table, settled, limits))
        if doubtful := [one for one in kept if not one.settled]:
            asked.append(_asked(doubtful, limits))
    yield from told_once(impossible, "{} columns hold values that cannot be", identity="impossible")
    yield from told_once(unchecked, "Numbers of {} tables have no CHECK on their range", _together)
    yield from told_once(asked, "Numbers of {} tables may have a range that nothing keeps", _together, identity="asked")


def _together(members: Sequence[Finding]) -> str:
    """Numbers without a CHECK in every table of a project are one decision."""
    bounds = (f"{f.objects[0].table}.{name} {text}" for f in members for name, text in f.evidence["bounds"].items())
    return f"Values found so far keep to {listed(bounds, 4)}, by names and planner samples, but the database would take any number."


def _ranges(snapshot: Snapshot, table: Table, rows: int, named: set[str], limits: Limits) -> Iterator[_Open]:
    keys = key_columns(snapshot, table)
    model = snapshot.source.table_by_name.get(table.name)
    for entry in measured_in(snapshot, table, rows, NUMBERS):
        values = _numbers(entry.values)
        if entry.name not in named or entry.name in keys or len(values) < limits["values"]:
            continue
        field = model.column(entry.name) if model and model.framework == "django" else None
        validated = field.validated_range if field else (None, None)
        bounds, certain, settled = _bounds(entry, values, limits)
        if validated != (None, None):
            bounds, settled = validated, True
        elif field:
            settled = certain
        bounds = _missing(snapshot, table, entry.name, bounds)
        if bounds != (None, None):
            broken = sorted(v for v in values if _outside(v, bounds))
            yield _Open(entry, bounds, certain, settled, tuple(broken))


def _speaks(column: Column) -> bool:
    patterns = (_PERCENT, _STARS, _SHARE, _SCORE, _COUNTED, _PRICE, _DISCOUNT, *(pattern for pattern, _, _ in _FIXED))
    name = column.name.lower()
    return not column.generated and column.type_kind == "base" and any(pattern.search(name) for pattern in patterns)


def _bounds(entry: Measured, values: list[float], limits: Limits) -> tuple[Bounds, bool, bool]:
    """The bounds that the name and the values agree on; whether the name alone leaves no doubt, and whether it settles them."""
    name, least, most = entry.name.lower(), min(values), max(values)
    for pattern, low, high in _FIXED:
        if pattern.search(name):
            return (low, high), high >= 90, True
    if _PERCENT.search(name):
        fits = not _UNBOUNDED_PERCENT.search(name) and (least >= 0 and most <= 100)
        return ((0, 100) if fits else (None, None)), False, True
    if _COUNTED.search(name):
        return ((0, None) if least >= 0 else (None, None)), False, False
    if _DISCOUNT.search(name):
        return _discount(least, most), False, False
    if _PRICE.search(name):
        return (None, None), False, False
    for low, high in _SCALES:
        if low <= least and most <= high and (_STARS.search(name) is None or high >= 5):
            bounds = (low, high) if most >= limits["scale_used"] * high else (None, None)
            return bounds, False, not _SCORE.search(name)
    return (None, None), False, False


def _discount(least: float, most: float) -> Bounds:
    """Up to a hundred it is taken for a percentage; above, for an amount, which only cannot be negative."""
    if least < 0:
        return (None, None)
    return (0, 100) if most <= 100 else (0, None)


def _missing(snapshot: Snapshot, table: Table, name: str, bounds: Bounds) -> Bounds:
    """What no CHECK on the column says yet: nothing, unless all that there is keeps the lower bound alone."""
    checks = [c for c in snapshot.catalog.constraints_of(table, "check") if name in c.columns]
    if not checks:
        return bounds
    if all(_ONLY_LOWER.fullmatch(c.definition) for c in checks):
        return (None, bounds[1])
    return (None, None)


def _numbers(values: tuple[str, ...]) -> list[float]:
    found = []
    for value in values:
        try:
            found.append(float(value))
        except ValueError:
            continue
    return [number for number in found if number == number and abs(number) != float("inf")]


def _outside(value: float, bounds: Bounds) -> bool:
    low, high = bounds
    return (low is not None and value < low) or (high is not None and value > high)


def _says(bounds: Bounds) -> str:
    low, high = bounds
    if high is None:
        return f"at least {low:g}"
    return f"at most {high:g}" if low is None else f"{low:g} to {high:g}"


def _unchecked(snapshot: Snapshot, table: Table, found: Sequence[_Open], limits: Limits) -> Finding:
    operations = tuple(
        AddRangeCheck(
            table.schema,
            table.name,
            free_name(snapshot.catalog, table, (one.entry.name,), "range"),
            one.entry.name,
            *one.bounds,
        )
        for one in found
    )
    note = (
        "The bounds come from validators, names and sampled values: compare them with the application first. "
        "Validation reads the table without blocking it and fails if a row outside the sample breaks the bound."
    )
    return replace(_told(found, limits), change=Change(operations, note=note))


def _asked(found: Sequence[_Open], limits: Limits) -> Finding:
    """What the values alone suggest: a CHECK could refuse rows that are right."""
    one = found[0]
    step = (
        f"Ask whether {one.entry.label} may ever be anything but {_says(one.bounds)} (returns, corrections, another scale); if not, let a "
        "validator and a CHECK say so."
    )
    return replace(_told(found, limits), confidence="low", next_step=step)


def _told(found: Sequence[_Open], limits: Limits) -> Finding:
    table, rows = found[0].entry.table, found[0].entry.rows
    confidence: Confidence = "medium" if any(one.certain for one in found) else "low"
    rules = {one.entry.name: _says(one.bounds) for one in found}
    verb = "has" if len(found) == 1 else "have"
    return Finding(
        title=f"{listed(rules, 2)} of {table.name} {verb} no CHECK on the range",
        message="Values found so far keep to "
        + ", ".join(f"{name} {text}" for name, text in rules.items())
        + f", by their names and the planner's sample (the table has about {rows:,} rows), but the database would take any number.",
        objects=tuple(one.entry.ref for one in found),
        # Nothing is wrong yet: only very large tables are more than a low matter.
        impact=Impact(rows, "rows", limits["rows"], 1e14, estimated=True),
        evidence={
            "rows": rows,
            "bounds": rules,
            "sampled": {o.entry.name: [min(_numbers(o.entry.values)), max(_numbers(o.entry.values))] for o in found},
        },
        confidence=confidence,
    )


def _broken(one: _Open) -> Finding:
    entry, broken = one.entry, one.broken
    shown = [f"{value:g}" for value in (broken[0], broken[-1])]
    share = len(broken) / len(entry.values)
    return Finding(
        title=f"{entry.label} holds values that cannot be",
        message=f"{entry.name} can only be {_says(one.bounds)}, yet about {share:.0%} of the sampled values lie outside, "
        f"from {shown[0]} to {shown[1]}; no CHECK keeps them out.",
        objects=(entry.ref,),
        impact=Impact(share * entry.rows, "rows", 1, 1e7, estimated=True),
        evidence={
            "rows": entry.rows,
            "bounds": _says(one.bounds),
            "outside": list(broken[:10]),
            "share_of_sampled_values": round(share, 3),
        },
        confidence="medium",
        next_step=f"Look at the rows of {entry.table.name} where {entry.name} is not {_says(one.bounds)}, mend them, "
        "then add the CHECK.",
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    catalog = snapshot.catalog
    checks = [c for t in snapshot.filled_tables for c in catalog.constraints_of(t, "check")]
    if checks:
        yield Strength(
            "The database checks values itself",
            f"{len(checks)} CHECK constraints hold whatever code writes the rows.",
            {"checks": len(checks)},
        )
