"""A constraint is declared but not enforced: it keeps nothing out.

## Why it matters

NOT ENFORCED (PostgreSQL 18) records a rule without checking it.
Whoever reads the schema, or a tool that generates models from it, takes the rule as kept while any row may break it.

## When to ignore

When it documents a relation for a modelling tool, or the rule is kept elsewhere and checking it twice was measured as too dear.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.change import AddConstraint, Change, DropConstraint
from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot, object_ref
from dbwright.rules import Limits

RISK: Risk = "integrity"
MINIMUM_MAJOR = 18
NEEDS = ("catalog.constraints", "statistics.tables")
LIMITS = {"rows": 1_000}
COVERS = ()

_TABLES = "CREATE TABLE store (id bigint PRIMARY KEY); CREATE TABLE coupon (id bigint PRIMARY KEY, store_id bigint, value int);"
_CHECK = "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0) NOT ENFORCED;"
_LARGE = {"coupon": {"rows": 300_000}}

BAD = (
    Sample(_TABLES + _CHECK, statistics=_LARGE),
    Sample(
        _TABLES
        + "ALTER TABLE coupon ADD CONSTRAINT coupon_store FOREIGN KEY (store_id) REFERENCES store NOT ENFORCED;",
        statistics=_LARGE,
    ),
)
GOOD = (
    Sample(_TABLES + _CHECK, statistics={"coupon": {"rows": 50}}),
    Sample(_TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0);", statistics=_LARGE),
    Sample(_TABLES + "ALTER TABLE coupon ADD CONSTRAINT coupon_value CHECK (value > 0) NOT VALID;", statistics=_LARGE),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    catalog = snapshot.catalog
    for table in catalog.user_tables:
        idle = [c for c in catalog.constraints_of(table) if not c.is_enforced and not c.is_inherited]
        rows = snapshot.rows(table) if idle else 0
        for constraint in idle if rows >= limits["rows"] else ():
            kept = constraint.definition.replace(" NOT ENFORCED", "")
            operations = (
                DropConstraint(table.schema, table.name, constraint.name, constraint.definition),
                AddConstraint(table.schema, table.name, constraint.name, kept, validate=True),
            )
            yield Finding(
                title=f"{constraint.name} on {table.name} is not enforced",
                message=f"The {constraint.kind} constraint is declared NOT ENFORCED: none of about {rows:,} rows was "
                "checked "
                "against it, nor will any new one be.",
                objects=(object_ref("constraint", table, constraint.name, constraint.columns),),
                impact=Impact(rows, "rows", limits["rows"], 1e8, estimated=True),
                evidence={"rows": rows, "kind": constraint.kind, "definition": constraint.definition},
                # Somebody wrote NOT ENFORCED on purpose.
                confidence="low",
                change=Change(operations, note="The validation fails at the first row that breaks the rule."),
            )
