"""A sequence has used up most of its values.

## Why it matters

When a sequence reaches its maximum, nextval fails and with it every insert that takes its number from there; nothing slows down
beforehand.
A maximum below that of the column is often left over: the column was made bigint, the sequence stayed integer.

## When to ignore

When the maximum is meant as a limit (numbers of a fixed length) and what comes after it is settled.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.catalog import VENDOR_SCHEMAS, Sequence
from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.numbering import LARGEST, Fed, Outlook, fed_columns, is_short, outlook
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.sequences", "catalog.columns", "statistics.tables")
LIMITS = {
    # Monitors of the field warn from 70 to 80 %; half is where a planned change is still calm work.
    "share": 0.5,
    "minimum_days": 14,
}
COVERS = ("sequence-near-limit", "sequence-type-mismatch")

_NARROW = """
CREATE TABLE orders (id serial PRIMARY KEY);
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
SELECT setval('orders_id_seq', {});
"""

BAD = (
    Sample(_NARROW.format(1_900_000_000)),
    Sample("CREATE SEQUENCE ticket MAXVALUE 9999; SELECT setval('ticket', 9000);"),
    Sample("CREATE SEQUENCE ticket AS smallint; SELECT setval('ticket', 30000);"),
)
GOOD = (
    Sample(_NARROW.format(5000)),
    Sample("CREATE SEQUENCE ticket MAXVALUE 9999 CYCLE; SELECT setval('ticket', 9000);"),
    Sample("CREATE TABLE orders (id serial PRIMARY KEY); SELECT setval('orders_id_seq', 1900000000);"),
    Sample("CREATE SEQUENCE ticket; SELECT setval('ticket', 900000000000);"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    feeds = {fed.sequence.oid: fed for fed in fed_columns(snapshot)}
    for sequence in snapshot.catalog.sequences:
        fed = feeds.get(sequence.oid)
        if not _counts(sequence) or sequence.last_value is None or _bounded_by_column(sequence, fed):
            continue
        table = fed.table if fed else None
        view = outlook(
            snapshot, table, sequence.last_value, sequence.max_value, limits["minimum_days"], sequence.increment
        )
        if is_short(view, limits["share"]):
            yield _finding(sequence, fed, view, limits)


def _counts(sequence: Sequence) -> bool:
    """Upwards, of the users, and failing at its end."""
    mine = sequence.extension is None and sequence.schema not in VENDOR_SCHEMAS
    return mine and sequence.increment > 0 and not sequence.cycle and sequence.max_value > 0


def _bounded_by_column(sequence: Sequence, fed: Fed | None) -> bool:
    """Whether the column's type ends first; then the column is what has to change, and another rule speaks of it."""
    return fed is not None and LARGEST.get(fed.column.base_type, sequence.max_value + 1) <= sequence.max_value


def _finding(sequence: Sequence, fed: Fed | None, view: Outlook, limits: Limits) -> Finding:
    left = sequence.max_value - (sequence.last_value or 0)
    name = quote_identifier(sequence.schema, sequence.name)
    feeds = f"that feeds {fed.table.name}.{fed.column.name} " if fed else ""
    type_now = "" if sequence.type == "bigint" else f"AS {sequence.type} "
    type_new = "" if sequence.type == "bigint" else "AS bigint "
    doubtful = view.pace is not None and view.pace.may_be_load and view.share < limits["share"]
    objects = [ObjectRef("sequence", sequence.name, sequence.schema)]
    if fed:
        objects.append(object_ref("column", fed.table, fed.column.name))
    return Finding(
        title=f"Sequence {sequence.name} has used {view.share:.0%} of its values",
        message=f"The sequence {feeds}stands at {sequence.last_value:,} of at most {sequence.max_value:,}: {left:,} values remain; "
        f"{view.told}.",
        objects=tuple(objects),
        impact=Impact(view.in_a_year, "share used in a year", limits["share"], 1.5, estimated=view.pace is not None),
        evidence={
            "last_value": sequence.last_value,
            "max_value": sequence.max_value,
            "type": sequence.type,
            "days_left": None if view.days_left is None else round(view.days_left),
        },
        confidence="low" if doubtful else "high",
        change=Change(
            (
                Verbatim(
                    f"ALTER SEQUENCE {name} {type_new}NO MAXVALUE",
                    f"ALTER SEQUENCE {name} {type_now}MAXVALUE {sequence.max_value}",
                ),
            ),
            "Changes the catalog only. Whatever reads these numbers (other columns, programs, forms) has to hold larger ones.",
        ),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    used = [s for s in snapshot.catalog.sequences if _counts(s) and s.last_value is not None and s.last_value > 1000]
    if len(used) >= 3:
        top = max(used, key=lambda s: (s.last_value or 0) / s.max_value)
        share = (top.last_value or 0) / top.max_value
        if share < limits["share"]:
            yield Strength(
                "Sequences have room",
                f"Of {len(used)} sequences in use the fullest is {top.name} with {share:.1%} of its values taken.",
                {"sequences": len(used), "fullest": top.name, "share": round(share, 6)},
            )
