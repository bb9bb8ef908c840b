"""A constraint was never validated: rows from before it may break it.

## Why it matters

A NOT VALID constraint holds for new and changed rows only.
Until VALIDATE CONSTRAINT has read the old ones nobody knows whether they keep the rule, the planner may not rely on it, and an UPDATE
of a bad old row fails long after it was written.

## When to ignore

When old rows are known to break the rule and are to stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import Change, ValidateConstraint
from dbwright.model.finding import Finding, Impact, Risk, Strength
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
NEEDS = ("catalog.constraints", "statistics.tables")
LIMITS = {"rows": 1}
COVERS = ("not-valid-constraint",)

_TABLES = "CREATE TABLE store (id bigint PRIMARY KEY); CREATE TABLE coupon (id bigint PRIMARY KEY, store_id bigint, value int);"
_LARGE = {"coupon": {"rows": 300_000}}

BAD = (
    Sample(
        _TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0) NOT VALID;",
        statistics=_LARGE,
    ),
    Sample(
        _TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_store FOREIGN KEY (store_id) REFERENCES store NOT VALID;",
        statistics=_LARGE,
    ),
    Sample(
        _TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_store_set NOT NULL store_id NOT VALID;",
        statistics=_LARGE,
        minimum_major=18,
    ),
)
GOOD = (
    Sample(
        _TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0) NOT VALID;"
        "ALTER TABLE coupon VALIDATE CONSTRAINT coupon_value;",
        statistics=_LARGE,
    ),
    # There is nothing to validate in an empty table.
    Sample(_TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0) NOT VALID;"),
    Sample(
        _TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0) NOT ENFORCED;",
        statistics=_LARGE,
        minimum_major=18,
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table in catalog.user_tables:
        waiting = [
            c for c in catalog.constraints_of(table) if not c.is_validated and c.is_enforced and not c.is_inherited
        ]
        rows = snapshot.rows(table) if waiting else 0
        for constraint in waiting if rows >= limits["rows"] else ():
            operation = ValidateConstraint(table.schema, table.name, constraint.name, constraint.definition)
            yield Finding(
                title=f"{constraint.name} on {table.name} was never validated",
                message=f"The {constraint.kind} constraint holds for rows written since it was added; "
                f"about {rows:,} rows were never checked against it.",
                objects=(object_ref("constraint", table, constraint.name, constraint.columns),),
                impact=Impact(rows, "rows", limits["rows"], 1e8, estimated=True),
                evidence={"rows": rows, "kind": constraint.kind, "definition": constraint.definition},
                # Whether any row breaks it is not known.
                confidence="medium",
                change=Change(
                    (operation,),
                    note="Reads the whole table, but blocks neither reads nor writes. It fails at the first row that breaks the rule: "
                    "mend such rows and run it again.",
                ),
            )


def praise(snapshot: Snapshot, limits: Limits) -> Iterator[Strength]:
    catalog = snapshot.catalog
    kept = sum(len(catalog.constraints_of(t, "check", "foreign key")) for t in snapshot.filled_tables)
    if kept:
        yield Strength(
            "Constraints are validated",
            f"All {kept} check and foreign key constraints on tables with rows hold for every row.",
            {"constraints": kept},
        )
