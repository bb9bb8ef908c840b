"""Sequences of bigint columns still end where an integer ends.

## Why it matters

Making a serial column bigint does not change its sequence: it keeps the type integer and fails at 2,147,483,647, long before the
column is full. (Django before 4.1 left them so when a key became BigAutoField.)
Widening the sequence changes the catalog only and takes no time.

## When to ignore

When the numbers shall stay within an integer because something else has to hold them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.numbering import LARGEST, Fed, fed_columns, is_short, outlook
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "operations"
NEEDS = ("catalog.sequences", "catalog.columns")
LIMITS = {
    "last_value": 1_000_000,
    # From here on sequences/near-limit speaks of the sequence.
    "share": 0.5,
    "minimum_days": 14,
}
COVERS = ("sequence-type-mismatch",)
YIELDS_TO = ("sequences/near-limit",)

_SERIAL = """
CREATE TABLE {0} (id serial PRIMARY KEY);
ALTER TABLE {0} ALTER COLUMN id TYPE bigint;
SELECT setval('{0}_id_seq', {1});
"""

BAD = (Sample(_SERIAL.format("orders", 30_000_000) + _SERIAL.format("line", 60_000_000)),)
GOOD = (
    Sample(_SERIAL.format("orders", 5_000)),
    Sample(_SERIAL.format("orders", 30_000_000) + "ALTER SEQUENCE orders_id_seq AS bigint;"),
    Sample(_SERIAL.format("orders", 1_900_000_000)),
    Sample("CREATE TABLE orders (id serial PRIMARY KEY); SELECT setval('orders_id_seq', 30000000);"),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [fed for fed in fed_columns(snapshot) if _is_narrow(snapshot, fed, limits)]
    if not found:
        return
    names = sorted({fed.sequence.name for fed in found})
    top = max(found, key=lambda fed: (fed.sequence.last_value or 0) / fed.sequence.max_value)
    share = (top.sequence.last_value or 0) / top.sequence.max_value
    unique = {fed.sequence.oid: fed.sequence for fed in found}.values()
    yield Finding(
        title=f"{len(names)} sequences of bigint columns end at integer's limit"
        if len(names) > 1
        else f"Sequence {names[0]} of a bigint column ends at integer's limit",
        message=f"{', '.join(names[:5])} would fail at {top.sequence.max_value:,} although the columns they feed are bigint; "
        f"{top.sequence.name} has come to {top.sequence.last_value:,} ({share:.1%}).",
        objects=tuple(ObjectRef("sequence", s.name, s.schema) for s in list(unique)[:20]),
        impact=Impact(share, "share of the sequence", 0.005, limits["share"]),
        evidence={"sequences": {s.name: s.last_value for s in unique}},
        change=Change(
            tuple(
                Verbatim(
                    f"ALTER SEQUENCE {quote_identifier(s.schema, s.name)} AS bigint",
                    f"ALTER SEQUENCE {quote_identifier(s.schema, s.name)} AS {s.type}",
                )
                for s in unique
            )
        ),
    )


def _is_narrow(snapshot: Snapshot, fed: Fed, limits: Limits) -> bool:
    sequence = fed.sequence
    ends = {"integer": LARGEST["int4"], "smallint": LARGEST["int2"]}.get(sequence.type)
    if fed.column.base_type != "int8" or sequence.max_value != ends or sequence.increment < 1 or sequence.cycle:
        return False
    last = sequence.last_value or 0
    view = outlook(snapshot, fed.table, last, sequence.max_value, limits["minimum_days"], sequence.increment)
    return last >= limits["last_value"] and not is_short(view, limits["share"])
