"""Numbers given to rows: which columns a sequence feeds, how far they have come, and how long the rest lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbwright.model.catalog import Column, Sequence, Table
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import Snapshot, once

LARGEST = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1}
"""The largest value of each integer type."""

_NEXTVAL = re.compile(r"nextval\('(?P<name>.+)'::regclass\)\Z", re.S)


@dataclass(frozen=True, slots=True)
class Fed:
    """A column and the sequence that its values come from."""

    sequence: Sequence
    table: Table
    column: Column


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a table takes new rows: ``inserted`` rows in ``days`` days. ``may_be_load``: most of all rows ever numbered came
    in that time, so a single load may have been counted as growth."""

    inserted: int
    days: float
    may_be_load: bool

    @property
    def a_day(self) -> float:
        return self.inserted / self.days


@once
def fed_columns(snapshot: Snapshot) -> tuple[Fed, ...]:
    """Every column of the users that a sequence feeds: by ownership (serial, identity) or by a ``nextval`` default."""
    catalog = snapshot.catalog
    by_name = {quote_identifier(s.schema, s.name): s for s in catalog.sequences}
    owners = {(s.table_oid, s.column): s for s in catalog.sequences if s.table_oid is not None}
    users = {t.oid: t for t in catalog.user_tables}
    found = []
    for column in catalog.columns:
        table = users.get(column.table_oid)
        if table is None or not (column.identity or (column.default or "").startswith("nextval(")):
            continue
        match = _NEXTVAL.match(column.default or "")
        named = by_name.get(match["name"].replace("''", "'")) if match else None
        sequence = named or owners.get((table.oid, column.name))
        if sequence is not None:
            found.append(Fed(sequence, table, column))
    return tuple(found)


def highest(snapshot: Snapshot, table: Table, column: str) -> int | None:
    """The largest integer that the planner's statistics know of in a column (partitions included). The true maximum is this or
    more: statistics are a sample from the last ANALYZE."""
    values: list[int] = []
    for part in {table.oid: table, **{leaf.oid: leaf for leaf in snapshot.catalog.leaves_of(table)}}.values():
        row = snapshot.statistics.column(part, column)
        if row:
            values += [int(v) for v in (*row.common_values, *row.histogram[-1:]) if re.fullmatch(r"-?\d{1,19}", v)]
    return max(values, default=None)


def pace(snapshot: Snapshot, table: Table, numbered: int, minimum_days: float) -> Pace | None:
    """The rate of inserts since the counters began; None when that is too short a time or nothing came."""
    days = snapshot.counting_days
    rows = (snapshot.statistics.table_by_oid.get(leaf.oid) for leaf in snapshot.catalog.leaves_of(table))
    inserted = sum(row.inserted for row in rows if row)
    if days is None or days < minimum_days or inserted <= 0:
        return None
    return Pace(inserted, days, inserted > numbered / 2)


def is_unique_alone(snapshot: Snapshot, table: Table, column: str) -> bool:
    """Whether one usable unique index or the primary key stands on this column alone."""
    return any(
        index.is_unique and index.is_valid and index.predicate is None and index.columns == (column,)
        for index in snapshot.catalog.indexes_of(table)
    )


def last_values(snapshot: Snapshot) -> dict[tuple[int, str], int]:
    """The last value taken from its sequence, by table oid and column name."""
    return {
        (fed.table.oid, fed.column.name): fed.sequence.last_value
        for fed in fed_columns(snapshot)
        if fed.sequence.last_value is not None
    }


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far numbers have come towards a ceiling. ``share``: used now; ``in_a_year``: used a year on at the present pace (the
    same as ``share`` where no pace is known); ``days_left``: until the ceiling at that pace."""

    share: float
    in_a_year: float
    days_left: float | None
    pace: Pace | None

    @property
    def told(self) -> str:
        """What to say of the time left, with the method."""
        if self.pace is None or self.days_left is None:
            return "how long the rest lasts cannot be told from the counters"
        left = f"{self.days_left:,.0f} days" if self.days_left < 730 else f"{self.days_left / 365:,.0f} years"
        doubt = ", unless those came in one load" if self.pace.may_be_load else ""
        return (
            f"about {left} are left at {self.pace.a_day:,.0f} inserts a day (mean of {self.pace.days:,.0f} days){doubt}"
        )


def outlook(
    snapshot: Snapshot, table: Table | None, reached: int, ceiling: int, minimum_days: float, step: int = 1
) -> Outlook:
    """How far ``reached`` is from ``ceiling``, and when a table's inserts, each ``step`` further, get there."""
    rate = pace(snapshot, table, reached // max(step, 1), minimum_days) if table else None
    share = reached / ceiling
    if rate is None:
        return Outlook(share, share, None, None)
    a_day = rate.a_day * step
    return Outlook(share, (reached + 365 * a_day) / ceiling, max(ceiling - reached, 0) / a_day, rate)


def is_short(view: Outlook, share: float) -> bool:
    """Whether it is time to act: so large a share is used, or will be in a year; growth that may have been a single load counts
    only where it would use up everything."""
    doubtful = view.pace is not None and view.pace.may_be_load
    return view.share >= share or view.in_a_year >= (1.0 if doubtful else share)
