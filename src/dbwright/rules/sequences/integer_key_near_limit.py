"""An integer key is running out of numbers.

## Why it matters

An integer ends at 2,147,483,647 and a smallint at 32,767. The next insert after that fails, and making the column bigint then
rewrites the table, its indexes and every table that references it while the application stands still.
Done early it is a change of some steps without downtime.

## When to ignore

When the table is emptied and its sequence restarted before the end comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.catalog import Column, Sequence, Table
from dbwright.model.change import AlterColumnType, Change, Operation, Verbatim
from dbwright.model.finding import Confidence, Finding, Impact, Risk
from dbwright.model.numbering import LARGEST, Fed, Outlook, fed_columns, highest, is_short, outlook
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.sequences", "catalog.columns", "catalog.constraints", "statistics.tables", "statistics.columns")
LIMITS = {
    # Half is where a planned change is still calm work; the forecast counts where the counters ran long enough to mean something.
    "share": 0.5,
    "minimum_days": 14,
    # A rewrite of so many rows under an exclusive lock is a matter of seconds.
    "rewrite_rows": 1_000_000,
}
COVERS = ("integer-key-near-limit", "short-integer-pk", "prefer-bigint-over-int", "prefer-bigint-over-smallint")

_SERIAL = "CREATE TABLE orders (id {} PRIMARY KEY); SELECT setval('orders_id_seq', {});"
_LINE = "CREATE TABLE line (id bigint PRIMARY KEY, order_id integer REFERENCES orders);"

BAD = (
    Sample(_SERIAL.format("serial", 1_600_000_000) + _LINE, statistics={"orders": {"rows": 1e5}}),
    Sample(_SERIAL.format("integer GENERATED ALWAYS AS IDENTITY", 1_600_000_000), statistics={"orders": {"rows": 1e9}}),
    Sample(
        "CREATE TABLE orders (id bigserial PRIMARY KEY); SELECT setval('orders_id_seq', 1600000000);" + _LINE,
        statistics={"line": {"rows": 1e9}},
    ),
    Sample(
        "CREATE TABLE reading (id integer PRIMARY KEY);"
        "INSERT INTO reading SELECT 2000000000 + g FROM generate_series(1, 100) g; ANALYZE reading;",
        reversible=False,  # a change of type forgets the column's statistics, which are all that is known of it
    ),
    Sample(_SERIAL.format("smallserial", 20_000)),
)
GOOD = (
    Sample(_SERIAL.format("serial", 5_000_000), statistics={"orders": {"rows": 5e6}}),
    Sample(_SERIAL.format("bigserial", 1_600_000_000), statistics={"orders": {"rows": 1e9}}),
    Sample("CREATE TABLE place (id integer PRIMARY KEY); INSERT INTO place VALUES (7), (12); ANALYZE place;"),
)


@dataclass(frozen=True)
class _Key:
    """A column that holds keys, the largest it is known to hold, and where that is known from."""

    table: Table
    column: Column
    reached: int
    source: str
    grows_with: Table | None
    fed: Fed | None = None


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for key in _keys(snapshot):
        ceiling = LARGEST[key.column.base_type]
        step = max(key.fed.sequence.increment, 1) if key.fed else 1
        view = outlook(snapshot, key.grows_with, key.reached, ceiling, limits["minimum_days"], step)
        if key.reached > 0 and is_short(view, limits["share"]):
            yield _finding(snapshot, key, view, limits)


def _keys(snapshot: Snapshot) -> Iterator[_Key]:
    """Primary keys and columns fed by a sequence; then references to a wider key, which fail before it does."""
    catalog = snapshot.catalog
    feeds = {(fed.table.oid, fed.column.name): fed for fed in fed_columns(snapshot)}
    for fed in feeds.values():
        if fed.column.base_type in ("int2", "int4") and _column_ends_first(fed.sequence, fed.column):
            yield _Key(fed.table, fed.column, fed.sequence.last_value or 0, "its sequence", fed.table, fed)
    for table in catalog.user_tables:
        primary = catalog.primary_key(table)
        taken = {name for key in catalog.constraints_of(table, "foreign key") for name in key.columns}
        for name in primary.columns if primary and len(primary.columns) == 1 else ():
            column = catalog.column(table, name)
            if column and column.base_type in ("int2", "int4") and (table.oid, name) not in feeds and name not in taken:
                found = highest(snapshot, table, name) or 0
                yield _Key(table, column, found, "the planner's statistics", None)
        yield from _references(snapshot, table, feeds)


def _column_ends_first(sequence: Sequence, column: Column) -> bool:
    rising = sequence.increment > 0 and not sequence.cycle
    return rising and sequence.last_value is not None and sequence.max_value >= LARGEST[column.base_type]


def _references(snapshot: Snapshot, table: Table, feeds: dict[tuple[int, str], Fed]) -> Iterator[_Key]:
    catalog = snapshot.catalog
    for constraint in catalog.constraints_of(table, "foreign key"):
        target = catalog.table_by_oid.get(constraint.foreign_table_oid or 0)
        if target is None or len(constraint.columns) != 1 or len(constraint.foreign_columns) != 1:
            continue
        column, key = (
            catalog.column(table, constraint.columns[0]),
            catalog.column(target, constraint.foreign_columns[0]),
        )
        if column and key and column.base_type in ("int2", "int4") and key.base_type in LARGEST:
            if LARGEST[column.base_type] >= LARGEST[key.base_type]:
                continue
            fed = feeds.get((target.oid, key.name))
            last = fed.sequence.last_value or 0 if fed else 0
            yield _Key(
                table, column, max(last, highest(snapshot, target, key.name) or 0), f"the keys of {target.name}", target
            )


def _finding(snapshot: Snapshot, key: _Key, view: Outlook, limits: Limits) -> Finding:
    table, column = key.table, key.column
    others = list(_narrow_references(snapshot, table, column))
    rows = sum(snapshot.rows(t) for t in (table, *(t for t, _ in others)))
    change = None
    if rows <= limits["rewrite_rows"]:
        names = ", ".join(sorted({t.name for t in (table, *(t for t, _ in others))}))
        change = Change(
            tuple(_steps(key, others)),
            f"Rewrites {names} (about {rows:,} rows) under an exclusive lock; views that select the column have to be made again.",
        )
    told = (
        f", and so have {', '.join(f'{t.name}.{c.name}' for t, c in others[:5])}, which reference it" if others else ""
    )
    return Finding(
        title=f"{table.name}.{column.name} ({column.type}) has used {view.share:.0%} of its range",
        message=f"By {key.source} the column has come to {key.reached:,} of {LARGEST[column.base_type]:,}: {view.told}. It has to become "
        f"bigint before that{told}.",
        objects=(object_ref("column", table, column.name), *(object_ref("column", t, c.name) for t, c in others[:19])),
        impact=Impact(view.in_a_year, "share used in a year", limits["share"], 1.5, estimated=view.pace is not None),
        evidence={
            "reached": key.reached,
            "known_from": key.source,
            "share": round(view.share, 4),
            "days_left": None if view.days_left is None else round(view.days_left),
            "rows": rows,
            "referencing_columns": [f"{t.name}.{c.name}" for t, c in others],
        },
        # Keys that no sequence gives may be spread over the whole range from the start.
        confidence="low" if key.grows_with is None else _confidence(view, limits),
        change=change,
        next_step=None if change else _plan(key, others),
    )


def _confidence(view: Outlook, limits: Limits) -> Confidence:
    if view.share >= limits["share"]:
        return "high"
    return "low" if view.pace and view.pace.may_be_load else "medium"


def _narrow_references(snapshot: Snapshot, table: Table, column: Column) -> Iterator[tuple[Table, Column]]:
    """Columns of other tables that hold this key and are too narrow for a bigint as well."""
    seen: set[tuple[int, str]] = set()
    for constraint in snapshot.catalog.references_to(table):
        child = snapshot.catalog.table_by_oid.get(constraint.table_oid)
        for own, other in zip(constraint.columns, constraint.foreign_columns, strict=False):
            found = snapshot.catalog.column(child, own) if child else None
            if child and found and other == column.name and found.base_type != "int8" and not child.is_partition:
                if (child.oid, own) not in seen:
                    yield child, found
                seen.add((child.oid, own))


def _steps(key: _Key, others: list[tuple[Table, Column]]) -> Iterator[Operation]:
    for table, column in [(key.table, key.column), *others]:
        yield AlterColumnType(table.schema, table.name, column.name, column.type, "bigint")
    sequence = key.fed.sequence if key.fed else None
    if sequence and sequence.type != "bigint" and not key.column.identity:
        name = quote_identifier(sequence.schema, sequence.name)
        yield Verbatim(f"ALTER SEQUENCE {name} AS bigint", f"ALTER SEQUENCE {name} AS {sequence.type}")


def _plan(key: _Key, others: list[tuple[Table, Column]]) -> str:
    also = f" (with {', '.join(f'{t.name}.{c.name}' for t, c in others[:5])})" if others else ""
    index = "a unique index CONCURRENTLY" if not key.source.startswith("the keys of") else "its index CONCURRENTLY"
    sequence = " and ALTER SEQUENCE ... AS bigint" if key.fed and key.fed.sequence.type != "bigint" else ""
    return (
        f"{key.table.name}.{key.column.name}{also}: add a bigint column, keep it equal by a trigger, fill it in batches, build {index}, "
        f"add NOT NULL through a validated CHECK, then swap the columns in one short transaction{sequence}."
    )
