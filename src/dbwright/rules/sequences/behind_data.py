"""A sequence stands below values that its column already holds, so that inserts fail.

## Why it matters

Rows that came in with their own numbers (COPY, a restore of data alone, logical replication, fixtures) do not move the sequence.
The next inserts take numbers that exist and fail with a duplicate key, one for each number, until it has caught up.

## When to ignore

When the application always gives its own numbers, or while this database is still a logical replica: then set the sequences
when it takes over.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, Verbatim
from dbwright.model.finding import Confidence, Finding, Impact, ObjectRef, Risk, Strength
from dbwright.model.numbering import Fed, fed_columns, is_unique_alone
from dbwright.model.quoting import quote_identifier, quote_literal
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "outage"
NEEDS = ("catalog.sequences", "catalog.columns", "catalog.indexes", "statistics.columns")
LIMITS = {
    # Share of the numbers ahead that are taken: below it, a few special numbers lie far away and collide with nothing yet.
    "density": 0.05,
}
COVERS = ()

_TABLE = "CREATE TABLE orders (id {} PRIMARY KEY, note text);"
_ROWS = "INSERT INTO orders (id, note) {} SELECT g, 'x' FROM generate_series({}, {}) g; ANALYZE orders;"

BAD = (
    Sample(_TABLE.format("bigserial") + _ROWS.format("", 1, 3000) + "SELECT setval('orders_id_seq', 100);"),
    Sample(_TABLE.format("bigint GENERATED ALWAYS AS IDENTITY") + _ROWS.format("OVERRIDING SYSTEM VALUE", 1, 3000)),
    Sample(_TABLE.format("bigserial") + _ROWS.format("", 1, 5)),
)
GOOD = (
    Sample(_TABLE.format("bigserial") + _ROWS.format("", 1, 3000) + "SELECT setval('orders_id_seq', 3000);"),
    Sample(
        _TABLE.format("bigserial")
        + _ROWS.format("", 1, 3000)
        + "SELECT setval('orders_id_seq', 3000); INSERT INTO orders VALUES (999999999, 'nobody'); ANALYZE orders;"
    ),
    Sample(
        "CREATE TABLE orders (id bigint PRIMARY KEY, number serial);"
        + _ROWS.replace("note", "number").replace("'x'", "g").format("", 1, 3000)
    ),
    Sample(_TABLE.format("bigint") + _ROWS.format("", 1, 3000)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for fed in fed_columns(snapshot):
        sequence = fed.sequence
        if not sequence.readable or sequence.increment < 1 or sequence.cycle:
            continue
        following = sequence.start_value if sequence.last_value is None else sequence.last_value + sequence.increment
        taken, largest = _ahead(snapshot, fed, following)
        dense = taken >= limits["density"] * (largest - following + 1)
        if taken and dense and is_unique_alone(snapshot, fed.table, fed.column.name):
            yield _finding(snapshot, fed, following, taken, largest)


def _ahead(snapshot: Snapshot, fed: Fed, following: int) -> tuple[float, int]:
    """About how many values of the column are at or above the sequence's next one, and the largest known."""
    row = snapshot.statistics.column(fed.table, fed.column.name)
    try:
        bounds = [int(value) for value in row.histogram] if row else []
    except ValueError:
        return 0.0, 0
    above = sum(1 for bound in bounds if bound >= following)
    if not above:
        return 0.0, 0
    share = max(above - 1, 0) / max(len(bounds) - 1, 1)
    return max(share * snapshot.rows(fed.table), 1.0), bounds[-1]


def _finding(snapshot: Snapshot, fed: Fed, following: int, taken: float, largest: int) -> Finding:
    table, column, sequence = fed.table, fed.column, fed.sequence
    name, target = quote_identifier(sequence.schema, sequence.name), quote_identifier(table.schema, table.name)
    used = sequence.last_value is not None
    confidence: Confidence = (
        "high" if (used or column.identity == "always") and not snapshot.catalog.subscriptions else "low"
    )
    state = f"stands at {sequence.last_value:,}" if used else "was never used"
    return Finding(
        title=f"Sequence {sequence.name} is behind {table.name}.{column.name}",
        message=f"The sequence {state} while the column holds values up to at least {largest:,} (planner's statistics); about {taken:,.0f} "
        f"of the numbers from {following:,} on are taken, and each makes an insert fail with a duplicate key.",
        objects=(ObjectRef("sequence", sequence.name, sequence.schema), object_ref("column", table, column.name)),
        impact=Impact(taken, "numbers already taken", 1, 10_000, estimated=True),
        evidence={"next_value": following, "largest_known": largest, "taken": round(taken), "ever_used": used},
        confidence=confidence,
        change=Change(
            (
                Verbatim(
                    f"SELECT setval({quote_literal(name)}::regclass, GREATEST((SELECT max({quote_identifier(column.name)}) FROM {target}), "
                    f"(SELECT last_value FROM {name})))",
                    None,
                ),
            ),
            "Moves the sequence forward only: both values are read when this runs. Nothing has to be taken back.",
        ),
    )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    fed = [
        f for f in fed_columns(snapshot) if f.sequence.last_value and snapshot.statistics.column(f.table, f.column.name)
    ]
    if len(fed) >= 3:
        yield Strength(
            "Sequences are ahead of their data",
            f"None of {len(fed)} sequences with statistics stands below the values of the column it feeds.",
            {"sequences": len(fed)},
        )
