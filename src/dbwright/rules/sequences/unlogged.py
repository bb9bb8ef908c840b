"""A permanent table takes its numbers from an unlogged sequence.

## Why it matters

An unlogged sequence is not written to the WAL: after a crash it starts again from the beginning, on a replica it does not exist.
The rows of the permanent table survive, so that inserts fail with duplicate keys.

## When to ignore

When the numbers need not be unique.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.numbering import fed_columns
from dbwright.model.quoting import quote_identifier
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "outage"
MINIMUM_MAJOR = 15
NEEDS = ("catalog.sequences", "catalog.columns")
LIMITS = {"rows": 1}
COVERS = ("sequence-unlogged",)

_TABLE = "CREATE {0} SEQUENCE number; CREATE {1} TABLE orders (id bigint PRIMARY KEY DEFAULT nextval('number'));"

BAD = (Sample(_TABLE.format("UNLOGGED", ""), statistics={"orders": {"rows": 2e6}}),)
GOOD = (
    Sample(_TABLE.format("", ""), statistics={"orders": {"rows": 2e6}}),
    Sample(_TABLE.format("UNLOGGED", "UNLOGGED"), statistics={"orders": {"rows": 2e6}}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for fed in fed_columns(snapshot):
        if fed.sequence.persistence != "unlogged" or fed.table.persistence != "permanent":
            continue
        rows = snapshot.rows(fed.table)
        name = quote_identifier(fed.sequence.schema, fed.sequence.name)
        yield Finding(
            title=f"{fed.table.name} is numbered by the unlogged sequence {fed.sequence.name}",
            message=f"After a crash {fed.sequence.name} starts again at {fed.sequence.start_value:,} while the about {rows:,} rows of "
            f"{fed.table.name} keep their numbers.",
            objects=(
                ObjectRef("sequence", fed.sequence.name, fed.sequence.schema),
                object_ref("column", fed.table, fed.column.name),
            ),
            impact=Impact(max(rows, 1), "rows", limits["rows"], 1_000_000, estimated=True),
            evidence={"rows": rows, "last_value": fed.sequence.last_value},
            change=Change((Verbatim(f"ALTER SEQUENCE {name} SET LOGGED", f"ALTER SEQUENCE {name} SET UNLOGGED"),)),
        )
