"""A partial index leaves out NULLs of a column that has none.

## Why it matters

The condition leaves out no row, so the index is a full one in size, but the planner uses it only for queries
from which it can conclude that the column is not null.

## When to ignore

When all queries filter by that column: then the condition costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import columns_text, create_like, drop, index_ref, is_free, is_plain, own_tables
from dbwright.model.indexing import free_name, not_null_predicate
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "hygiene"
NEEDS = ("catalog.indexes", "catalog.columns", "statistics.tables")
LIMITS = {"rows": 10_000}
COVERS = ("unneeded-not-null-predicate",)
YIELDS_TO = (
    "indexes/duplicate",
    "indexes/beside-unique-twin",
    "indexes/prefix-of-another",
    "indexes/partial-inside-full",
    "indexes/unused",
    "indexes/invalid",
)

_TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, coupon text, state text);"
_LARGE = {"orders": {"rows": 4e6}}

BAD = (
    Sample(_TABLE + "CREATE INDEX i ON orders (state) WHERE customer_id IS NOT NULL;", statistics=_LARGE),
    Sample(_TABLE + "CREATE UNIQUE INDEX i ON orders (state, id DESC) WHERE id IS NOT NULL;", statistics=_LARGE),
)
GOOD = (
    Sample(_TABLE + "CREATE INDEX i ON orders (state) WHERE coupon IS NOT NULL;", statistics=_LARGE),
    Sample(_TABLE + "CREATE INDEX i ON orders (state) WHERE customer_id IS NOT NULL;"),
    Sample(_TABLE + "CREATE INDEX i ON orders (customer_id) WHERE customer_id IS NOT NULL;", statistics=_LARGE),
    Sample(
        _TABLE + "CREATE INDEX i ON orders (state) WHERE customer_id IS NOT NULL AND coupon <> 'x';", statistics=_LARGE
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        for index in indexes:
            name = not_null_predicate(index) if index.predicate else None
            column = snapshot.catalog.column(table, name) if name else None
            # Where the column leads the index, every search through it implies the condition.
            if column is None or not column.not_null or index.columns[0] == name:
                continue
            rows = snapshot.rows(table)
            if rows < limits["rows"] or not is_free(snapshot, table, index) or not is_plain(snapshot, table, index):
                continue
            new_name = free_name(snapshot.catalog, table, tuple(c for c in index.columns if c))
            create = create_like(table, index, new_name, predicate=None)
            yield Finding(
                title=f"The condition of {index.name} on {table.name} is always true",
                message=f"{name} is declared NOT NULL, so WHERE {name} IS NOT NULL leaves out none of {rows:,} rows (estimated), but "
                f"queries by ({columns_text(index)}) alone cannot use the index.",
                objects=(index_ref(table, index),),
                impact=Impact(rows, "rows", limits["rows"], 10_000_000, estimated=True),
                evidence={"rows": rows, "predicate": index.predicate, "definition": index.definition},
                change=Change((create, drop(table, index))),
            )
