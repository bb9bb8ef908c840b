"""A unique index promises what a narrower unique index promises already.

## Why it matters

If `id` is unique, then `(id, tenant_id)` is unique without a second index.
The wider one is checked and written at every INSERT and never refuses a row that the narrower one lets through.

## When to ignore

When another table's foreign key needs these very columns, or statements say `ON CONFLICT` on them, or the index answers queries from its
own columns alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbwright.model.catalog import Index, Table
from dbwright.model.change import Change, DropConstraint, Operation
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.index_use import (
    columns_text,
    drop,
    index_ref,
    is_free,
    keep_rank,
    own_tables,
    references_through,
    size_of,
    use_of,
    window_days,
)
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import bytes_text
from dbwright.rules import Limits

RISK: Risk = "waste"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("catalog.indexes", "catalog.constraints", "statistics.indexes")
LIMITS = {"bytes": 1024**2, "days": 30}
COVERS = ("redundant-unique-index",)
YIELDS_TO = ("indexes/duplicate", "indexes/covered-by-include")

_TABLE = "CREATE TABLE invoice (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, number text NOT NULL, external text);"
_WIDE = "CREATE UNIQUE INDEX wide ON invoice (id, tenant_id);"
_LARGE = {name: {"bytes": 300 * 1024**2} for name in ("wide", "invoice_pkey", "narrow")}

BAD = (
    Sample(_TABLE + _WIDE, statistics=_LARGE),
    Sample(_TABLE + "ALTER TABLE invoice ADD CONSTRAINT wide UNIQUE (id, tenant_id);", statistics=_LARGE),
    Sample(_TABLE + "CREATE UNIQUE INDEX wide ON invoice (tenant_id, id);", statistics=_LARGE, limits={"days": 0}),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX narrow ON invoice (number); CREATE UNIQUE INDEX wide ON invoice (number, tenant_id);",
        statistics=_LARGE,
        engine="sqlite",
    ),
)
GOOD = (
    Sample(_TABLE + _WIDE),
    Sample(
        _TABLE + "ALTER TABLE invoice ADD CONSTRAINT wide UNIQUE (id, tenant_id);"
        "CREATE TABLE line (invoice_id bigint, tenant_id bigint, FOREIGN KEY (invoice_id, tenant_id) REFERENCES invoice (id, tenant_id));",
        statistics=_LARGE,
    ),
    Sample(
        _TABLE + "CREATE UNIQUE INDEX wide ON invoice (tenant_id, id);",
        statistics={"wide": {"bytes": 3e8, "scans": 500}},
        limits={"days": 0},
    ),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX narrow ON invoice (number) WHERE external IS NULL; CREATE UNIQUE INDEX wide ON invoice "
        "(number, tenant_id);",
        statistics=_LARGE,
    ),
    Sample(_TABLE + "CREATE UNIQUE INDEX wide ON invoice (tenant_id, number);", statistics=_LARGE),
    Sample(
        _TABLE
        + "CREATE UNIQUE INDEX narrow ON invoice (lower(number)); CREATE UNIQUE INDEX wide ON invoice (number, tenant_id);",
        statistics=_LARGE,
        engine="sqlite",
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for table, indexes in own_tables(snapshot):
        unique = sorted((i for i in indexes if i.is_unique), key=lambda i: (len(i.keys), keep_rank(snapshot, table, i)))
        for wide in unique:
            size = size_of(snapshot, table, wide)
            narrow = next((n for n in unique if _implies(n, wide)), None)
            if narrow is None or size < limits["bytes"]:
                continue
            leading = set(wide.columns[: len(narrow.keys)]) == set(narrow.columns)
            removal = _removal(snapshot, table, wide)
            if (
                removal is None
                or not (leading or _is_idle(snapshot, wide, limits))
                or _is_conflict_target(snapshot, table, wide)
            ):
                continue
            yield Finding(
                title=f"{wide.name} on {table.name} is unique because {narrow.name} is",
                message=f"({columns_text(narrow)}) is unique by itself, so ({columns_text(wide)}) always is; the second unique index "
                f"takes {bytes_text(size)} and a check on every insert.",
                objects=(index_ref(table, wide), index_ref(table, narrow)),
                impact=Impact(size, "bytes", limits["bytes"], 1024**3),
                evidence={"bytes": size, "implied_by": narrow.name, "definition": wide.definition, "leading": leading},
                confidence="medium",
                change=Change(
                    (removal,),
                    note=f"Statements with ON CONFLICT ({', '.join(wide.keys)}) need this index: look for them in the code first.",
                ),
            )


def _implies(narrow: Index, wide: Index) -> bool:
    plain = not any(narrow.is_expression) and len(narrow.keys) < len(wide.keys)
    comparable = narrow.predicate is None or narrow.predicate == wide.predicate
    same_equality = all(
        (c, o, n) in zip(wide.columns, wide.opclasses, wide.collations, strict=False)
        for c, o, n in zip(narrow.columns, narrow.opclasses, narrow.collations, strict=False)
    )
    return plain and comparable and same_equality and (narrow.nulls_not_distinct or not wide.nulls_not_distinct)


def _is_idle(snapshot: Snapshot, wide: Index, limits: Limits) -> bool:
    use = use_of(snapshot, wide)
    return use is not None and use.scans == 0 and window_days(snapshot) >= limits["days"]


def _is_conflict_target(snapshot: Snapshot, table: Table, wide: Index) -> bool:
    columns = {c for c in wide.columns if c}
    for statement in snapshot.workload.statements:
        target = re.search(r"on\s+conflict\s*\(([^)]*)\)", statement.query, re.I)
        if target and table.name in statement.query and {c.strip(' "') for c in target[1].split(",")} == columns:
            return True
    return False


def _removal(snapshot: Snapshot, table: Table, wide: Index) -> Operation | None:
    if is_free(snapshot, table, wide):
        return drop(table, wide)
    if wide.is_primary or wide.is_replica_identity or wide.is_clustered or references_through(snapshot, table, wide):
        return None
    constraint = next(
        (
            c
            for c in snapshot.catalog.constraints_of(table, "unique")
            if c.name == wide.constraint and not c.is_inherited
        ),
        None,
    )
    return DropConstraint(table.schema, table.name, constraint.name, constraint.definition) if constraint else None
