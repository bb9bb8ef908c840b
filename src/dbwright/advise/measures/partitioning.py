"""Whether a large table should be partitioned, with the figures that say so, either way.

Partitions pay by dropping old rows as files, by keeping maintenance to the pieces that change, and by leaving pieces out of scans. They
cost every statement that does not name the key one search in each piece, and every unique key that lacks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dbwright.advise.evidence import Evidence, Observed
from dbwright.model.advice import Measure
from dbwright.model.catalog import Column, Table
from dbwright.model.growth import time_of_arrival
from dbwright.model.query import Predicate
from dbwright.model.query_plan import steps
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.wording import bytes_text, counted, listed

ASKED_BYTES = 1024**3
ASKED_ROWS = 10_000_000
"""From either of these people ask: below, no reason for partitions holds."""
LARGE = 100 * 1024**3
"""From here on VACUUM, index builds and dumps of one table take hours (the limit of ``storage/large-table-unpartitioned``)."""
MOST_WITHOUT = 0.2
"""Share of the table's part of the workload that may leave the key out."""
PURGED = 0.3
"""Rows deleted for each inserted from which about as many go as come."""
LEAST_SAVED = 0.1
"""Share of the workload that scans of fewer pieces must save."""
PIECE_BYTES = 100 * 1024**2
"""Smaller pieces are more in number than in use."""
MOST_TOLD = 10
COUNTED_DAYS = 1.0
"""For which rows must have been counted to speak of a month's."""
_TIMES = frozenset(("timestamptz", "timestamp", "date"))
_WITHIN = frozenset(("=", "in", "<", "<=", ">", ">=", "between"))
_DAYS = frozenset(("", "::date", "date"))
_CORRELATION = 0.7


@dataclass(frozen=True)
class _Case:
    """What speaks for and against partitions of a table by a time. Shares are of the whole workload; ``scans`` is what scans of the pieces
    that are asked for would save of it."""

    table: Table
    column: Column
    bytes: int
    rows: int
    months: float | None
    with_key: float
    without_key: float
    without: int
    scans: float
    purges: tuple[int, ...]
    deleted: int
    inserted: int
    by_day: bool
    statements: tuple[int, ...]
    unique: tuple[str, ...]
    references: int

    @property
    def is_purged(self) -> bool:
        return bool(self.purges) or (
            self.inserted > 0 and self.deleted >= PURGED * self.inserted and self.deleted >= ASKED_ROWS / 10
        )

    @property
    def pieces(self) -> int:
        """Months, or quarters or years where months would be small."""
        months = self.months or 12.0
        for step in (1, 3, 12):
            if self.bytes * step / months >= PIECE_BYTES:
                return max(round(months / step), 1)
        return max(round(months / 12), 1)

    @property
    def read_without(self) -> float:
        total = self.with_key + self.without_key
        return self.without_key / total if total else 0.0


def measures(evidence: Evidence) -> Iterator[Measure]:
    snapshot = evidence.snapshot
    large = [
        table
        for table in snapshot.catalog.user_tables
        if table.kind == "table"
        and not table.parents
        and (snapshot.total_bytes(table) >= ASKED_BYTES or snapshot.rows(table) >= ASKED_ROWS)
    ]
    for table in sorted(large, key=lambda t: (-snapshot.total_bytes(t), t.schema, t.name))[:MOST_TOLD]:
        case = _case(evidence, table)
        yield _without_time(evidence, table) if case is None else _measure(evidence, case)


def _without_time(evidence: Evidence, table: Table) -> Measure:
    snapshot = evidence.snapshot
    size = f"{bytes_text(snapshot.total_bytes(table))}, {snapshot.rows(table):,} rows"
    why = "no statement looks for a time in it, and its rows do not lie in the order of one, so that there is no key to part it by"
    return Measure("partitioning", f"Partitions of {table.name}", (f"{size}: {why}.",), "not advised")


def _case(evidence: Evidence, table: Table) -> _Case | None:
    snapshot, catalog = evidence.snapshot, evidence.snapshot.catalog
    reading = [
        observed
        for observed in evidence.observed
        if table in observed.tables.values() and observed.query.verb != "insert"
    ]
    column = _key(evidence, table, reading)
    if column is None:
        return None
    row = snapshot.statistics.table_by_oid.get(table.oid)
    with_key = [o for o in reading if _narrowed(o, table, column.name)]
    without = [o for o in reading if not _narrowed(o, table, column.name)]
    unique = tuple(i.name for i in catalog.indexes_of(table) if i.is_unique and column.name not in i.columns)
    return _Case(
        table=table,
        column=column,
        bytes=snapshot.total_bytes(table),
        rows=snapshot.rows(table),
        months=_months(evidence, table, column.name),
        with_key=sum(o.share for o in with_key),
        without_key=sum(o.share for o in without),
        without=len(without),
        scans=sum(o.share * _scanned(evidence, o, table) for o in with_key),
        purges=tuple(
            o.number
            for o in with_key
            if o.query.verb == "delete" and o.query.target and o.tables.get(o.query.target.alias) == table
        ),
        deleted=row.deleted if row else 0,
        inserted=row.inserted if row else 0,
        by_day=any(_is_of(p, o, table, column.name) and p.wrapped for o in with_key for p in o.query.predicates),
        statements=tuple(o.number for o in with_key),
        unique=unique,
        references=len(catalog.references_to(table)),
    )


def _key(evidence: Evidence, table: Table, reading: list[Observed]) -> Column | None:
    """The time that the largest part of the workload looks for, else that in whose order the rows lie."""
    shares: dict[str, float] = {}
    times = {c.name: c for c in evidence.snapshot.catalog.columns_of(table) if c.base_type in _TIMES}
    for observed in reading:
        for name in times:
            if _narrowed(observed, table, name):
                shares[name] = shares.get(name, 0.0) + observed.share
    if shares:
        return times[min(shares, key=lambda name: (-shares[name], name))]
    return time_of_arrival(evidence.snapshot, table, _CORRELATION)


def _narrowed(observed: Observed, table: Table, name: str) -> bool:
    """Whether a condition on the column leaves pieces out; one on its day does once it is written as a range."""
    return any(_is_of(p, observed, table, name) for p in observed.query.predicates)


def _is_of(predicate: Predicate, observed: Observed, table: Table, name: str) -> bool:
    return (
        predicate.narrows
        and predicate.wrapper in _DAYS
        and not predicate.negated
        and predicate.column.column == name
        and observed.tables.get(predicate.column.alias) == table
        and predicate.operator in _WITHIN
        and predicate.value not in ("column", "sub-select")
    )


def _scanned(evidence: Evidence, observed: Observed, table: Table) -> float:
    """The part of a statement's cost that scans of the whole table would save if they left out the pieces without what they look for."""
    plan = evidence.plan_of(observed)
    rows = evidence.snapshot.rows(table)
    if plan is None or not plan.cost or not rows:
        return 0.0
    saved = 0.0
    for step in steps(plan):
        if step.node["Node Type"] == "Seq Scan" and step.node.get("Relation Name") == table.name:
            saved += float(step.node["Total Cost"]) * (1 - min(step.rows / rows, 1.0))
    return min(saved / plan.cost, 1.0)


def _months(evidence: Evidence, table: Table, name: str) -> float | None:
    """What its rows span by the histogram of the column."""
    statistics = evidence.facts(table).statistics.get(name)
    if statistics is None or len(statistics.histogram) < 2:
        return None
    try:
        first, last = (datetime.fromisoformat(statistics.histogram[n]) for n in (0, -1))
    except ValueError:
        return None
    return max((last - first).days / 30.4, 1.0)


# The verdict


def _measure(evidence: Evidence, case: _Case) -> Measure:
    told = list(_figures(evidence, case))
    reasons = list(_reasons(case))
    hindrances = list(_hindrances(case))
    advised = bool(reasons) and (not hindrances or case.is_purged or case.bytes >= LARGE)
    if not advised:
        return Measure(
            "partitioning",
            f"Partitions of {case.table.name}",
            (*told, _why_not(reasons, hindrances)),
            "not advised",
            case.statements,
            case.with_key,
        )
    told.append(f"For it: {'; '.join(reasons)}.")
    if hindrances:
        told.append(f"Against it: {'; '.join(hindrances)}.")
    return Measure(
        kind="partitioning",
        title=f"partitions of {case.table.name} by {case.column.name}",
        evidence=tuple(told),
        statements=(*case.purges, *(n for n in case.statements if n not in case.purges)),
        share=case.with_key,
        change=_change(evidence, case),
        price="a short ACCESS EXCLUSIVE lock for the swap after a validation that blocks nobody; no row is moved. From then on somebody"
        " makes partitions ahead, and each unique key and foreign key to the table holds within a partition only, or with the column in it",
        confidence="low" if hindrances else "medium",
        proof="on a copy: EXPLAIN the statements below and those that leave the key out before and after, and time the purge",
    )


def _figures(evidence: Evidence, case: _Case) -> Iterator[str]:
    days = evidence.snapshot.counting_days
    span = f" over {case.months:,.0f} months" if case.months else ""
    grows = ""
    if days and days >= COUNTED_DAYS and case.rows and case.inserted:
        a_month = case.inserted / days * 30.4
        grows = f", and {bytes_text(a_month * case.bytes / case.rows)} ({a_month:,.0f} rows) come each month"
    yield f"It has {bytes_text(case.bytes)} and {case.rows:,} rows by {case.column.name}{span}{grows}."
    total = case.with_key + case.without_key
    if total:
        yield (
            f"Of the workload's {'time' if evidence.timed else 'cost'} {total:.1%} reads it: {case.with_key:.1%} looks for"
            f" {case.column.name}, {case.without_key:.1%} ({counted(case.without, 'statement')}) does not and would search"
            f" {counted(case.pieces, 'piece')} instead of one table."
        )
        if case.by_day:
            yield f"Some look for the day of {case.column.name}: only a range of it, as such statements can be written, leaves pieces out."
    else:
        yield "No statement of the workload reads it."


def _reasons(case: _Case) -> Iterator[str]:
    if case.is_purged:
        how = (
            "statements of the workload delete by it"
            if case.purges
            else f"{case.deleted:,} rows were deleted for {case.inserted:,} inserted"
        )
        yield f"{how}, which dropping a partition does in an instant and without dead rows"
    if case.bytes >= LARGE:
        yield f"VACUUM, index builds and dumps of {bytes_text(case.bytes)} in one piece take hours"
    if case.scans >= LEAST_SAVED and case.read_without <= MOST_WITHOUT:
        yield f"scans of only the pieces that are asked for save an estimated {case.scans:.1%} of the workload"


def _hindrances(case: _Case) -> Iterator[str]:
    if case.unique:
        lack = "lacks" if len(case.unique) == 1 else "lack"
        yield f"{listed(case.unique)} {lack} {case.column.name} and would be unique within a partition only"
    if case.references:
        yield f"{counted(case.references, 'foreign key')} of other tables {'points' if case.references == 1 else 'point'} at it"
    if case.read_without > MOST_WITHOUT:
        yield f"{case.read_without:.0%} of what reads it does not name {case.column.name}"


def _why_not(reasons: list[str], hindrances: list[str]) -> str:
    if reasons:
        return f"For it: {'; '.join(reasons)}. But {'; '.join(hindrances)}."
    against = f" Against it: {'; '.join(hindrances)}." if hindrances else ""
    return (
        f"Nothing is gained: no rows are removed by age, scans of fewer pieces would save less than {LEAST_SAVED:.0%}, and maintenance of"
        f" one table begins to hurt at about {bytes_text(LARGE)}.{against}"
    )


def _change(evidence: Evidence, case: _Case) -> str:
    table = case.table
    name, column = quote_identifier(table.schema, table.name), quote_identifier(case.column.name)
    old = f"{table.name}_until_now"[:63]
    check = quote_identifier(f"{table.name[:50]}_until_now")
    now = evidence.snapshot.taken_at
    bounds = [(now.year + (now.month + n) // 12, (now.month + n) % 12 + 1) for n in (0, 1)]
    first, second = (quote_literal(f"{year}-{month:02}-01") for year, month in bounds)
    year, month = bounds[0]
    part = quote_identifier(table.schema, f"{table.name[:50]}_{year}_{month:02}")
    required = "" if case.column.not_null else f"{column} IS NOT NULL AND "
    return "\n".join(
        (
            f"ALTER TABLE {name} ADD CONSTRAINT {check} CHECK ({required}{column} < {first}) NOT VALID;",
            f"ALTER TABLE {name} VALIDATE CONSTRAINT {check};",
            "BEGIN;",
            f"ALTER TABLE {name} RENAME TO {quote_identifier(old)};",
            f"CREATE TABLE {name} (LIKE {quote_identifier(table.schema, old)} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE)",
            f"    PARTITION BY RANGE ({column});",
            f"ALTER TABLE {name} ATTACH PARTITION {quote_identifier(table.schema, old)} FOR VALUES FROM (MINVALUE) TO ({first});",
            f"CREATE TABLE {part} PARTITION OF {name} FOR VALUES FROM ({first}) TO ({second});",
            "COMMIT;",
            "-- keys, indexes, triggers, privileges and the sequence's owner are made on the new table before COMMIT; new rows go to"
            " monthly partitions",
        )
    )
