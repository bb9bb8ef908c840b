"""Enums and domains."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.safety.judged import Check, Finding, Step
from dbwright.safety.nodes import constraints_of, names

VALUE = Check(
    "enum-value-in-transaction",
    "warning",
    (
        "Before PostgreSQL 12 ALTER TYPE … ADD VALUE fails inside a transaction; from 12 on the new label cannot be "
        "used before the transaction has ended."
    ),
    ("enum-add-value-in-transaction",),
)
ORDER = Check(
    "enum-value-unordered",
    "info",
    "Without BEFORE or AFTER the label comes last, which ORDER BY and comparisons go by.",
    ("enum-add-value-unordered",),
)
DOMAIN = Check(
    "domain-with-constraint",
    "warning",
    (
        "A constraint of a domain is checked in every table that uses it, and cannot be changed for one of them. A "
        "CHECK on the table can be added NOT VALID."
    ),
    ("domain-with-constraint",),
)
DOMAIN_CHANGED = Check(
    "domain-constraint-added",
    "error",
    (
        "Every table with a column of the domain is read under a SHARE lock: nobody writes to any of them until the "
        "last is done. NOT VALID and VALIDATE work on domains too."
    ),
    ("domain-with-constraint",),
)


def look(step: Step) -> Iterator[Finding]:
    node = step.node
    if step.kind == "AlterEnumStmt" and not node.get("oldVal"):
        yield from _value(step)
    elif step.kind == "CreateDomainStmt":
        kinds = {one.get("contype") for one in constraints_of(node)}
        if kinds & {"CONSTR_CHECK", "CONSTR_NOTNULL"}:
            yield step.finding(DOMAIN, f"The domain {names(node.get('domainname'))[-1]} carries a constraint.")
    elif step.kind == "AlterDomainStmt" and node.get("subtype") in ("C", "O"):
        part = node.get("def", {}).get("Constraint", {})
        name = names(node.get("typeName"))[-1]
        if node.get("subtype") == "O" or not part.get("skip_validation"):
            yield step.finding(
                DOMAIN_CHANGED, f"Every column of the domain {name} is checked.",
                rewrite=f"ALTER DOMAIN {name} ADD CONSTRAINT … CHECK (…) NOT VALID;\n"
                f"ALTER DOMAIN {name} VALIDATE CONSTRAINT …;  -- in another transaction",
            )  # fmt: skip


def _value(step: Step) -> Iterator[Finding]:
    label, name = step.node.get("newVal"), names(step.node.get("typeName"))[-1]
    if name in step.state.made_names:
        return
    used = [
        later
        for later in step.state.script.statements[step.number + 1 :]
        if later.transaction == step.statement.transaction is not None and f"'{label}'" in later.sql
    ]
    if step.statement.transaction is not None:
        old = step.state.major < 12
        where = f", and line {used[0].line} uses it" if used else ""
        yield step.finding(
            VALUE, f"{label} is added to {name} inside a transaction{where}.",
            severity="error" if old or used else "warning" if step.state.begins_itself else "info",
            rewrite=f"ALTER TYPE {name} ADD VALUE '{label}';  -- in a migration of its own, outside a transaction",
        )  # fmt: skip
    if "newValNeighbor" not in step.node:
        yield step.finding(ORDER, f"{label} becomes the last label of {name}.")
