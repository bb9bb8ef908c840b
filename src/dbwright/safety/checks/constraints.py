"""Constraints that are added, validated and dropped."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.quoting import quote_identifier
from dbwright.safety import sequences
from dbwright.safety.judged import Check, Finding, Step, quoted, shown
from dbwright.safety.nodes import Name, Node, constraints_of, names, relation

FOREIGN_KEY = Check(
    "blocking-foreign-key",
    "error",
    (
        "Adding a foreign key checks every row while both tables are locked against writes (SHARE ROW EXCLUSIVE). NOT "
        "VALID adds it at once; VALIDATE checks the rows while others write."
    ),
    ("add-fk-validating",),
)
REFERENCE = Check(
    "reference-locks-both-tables",
    "warning",
    (
        "A new column that REFERENCES another table locks both in one statement: its own against everybody, the other "
        "against writes, and it waits for both. A foreign key added NOT VALID afterwards can be tried apart."
    ),
    ("add-fk-column-reference",),
)
CHECK = Check(
    "blocking-check",
    "error",
    (
        "Adding a CHECK reads every row under an ACCESS EXCLUSIVE lock: nobody reads or writes the table that long. NOT"
        " VALID adds it at once; VALIDATE checks the rows while others work."
    ),
    ("add-check-validating",),
)
UNIQUE = Check(
    "blocking-unique",
    "error",
    (
        "Adding a unique constraint builds its index under an ACCESS EXCLUSIVE lock. An index built CONCURRENTLY before"
        " can be attached at once (USING INDEX)."
    ),
    ("add-unique-constraint", "add-unique-may-fail"),
)
PRIMARY = Check(
    "blocking-primary-key",
    "error",
    "Adding a primary key builds its index, and where columns are nullable checks them, under an ACCESS EXCLUSIVE lock.",
    ("add-primary-key",),
)
PRIMARY_USING = Check(
    "primary-key-scans-for-nulls",
    "error",
    (
        "PRIMARY KEY USING INDEX makes the columns NOT NULL, and reads the whole table for that under an ACCESS "
        "EXCLUSIVE lock when they were not."
    ),
    ("add-pk-using-index-not-null",),
)
EXCLUSION = Check(
    "blocking-exclusion",
    "error",
    "An exclusion constraint builds its index under an ACCESS EXCLUSIVE lock, and there is no way to build it concurrently.",
    ("add-exclusion-constraint",),
)
TOGETHER = Check(
    "validated-in-same-transaction",
    "warning",
    (
        "NOT VALID takes a strong lock for an instant; VALIDATE in the same transaction makes that lock last as long as"
        " the scan, which is what NOT VALID is there to avoid."
    ),
    ("validate-in-same-transaction",),
)
VALIDATES = Check(
    "validation-scans",
    "info",
    "VALIDATE CONSTRAINT reads the whole table; reads and writes go on meanwhile.",
    ("validate-constraint-info",),
)
DROPPED = Check(
    "constraint-dropped",
    "info",
    "What the constraint kept out can come in from now on; the lock is an instant's.",
    ("drop-constraint",),
)
ATTACHED = Check(
    "unique-index-attached",
    "info",
    "An index that was built before becomes a constraint under an ACCESS EXCLUSIVE lock of an instant.",
    ("unique-using-index-info",),
)


def look(step: Step) -> Iterator[Finding]:
    for name, one in step.altered():
        subtype, part = one.get("subtype"), one.get("def", {})
        if subtype == "AT_AddConstraint":
            yield from _added(step, name, part["Constraint"])
        elif subtype == "AT_AddColumn":
            yield from _with_column(step, name, part["ColumnDef"])
        elif subtype == "AT_ValidateConstraint":
            yield from _validated(step, name, one.get("name", ""))
        elif subtype == "AT_DropConstraint":
            yield step.finding(DROPPED, f"{one.get('name', '')} no longer guards {shown(name)}.", name)


def _added(step: Step, name: Name, part: Node) -> Iterator[Finding]:
    kind = part.get("contype")
    keys = names(part.get("keys"))
    if kind == "CONSTR_FOREIGN":
        yield from _foreign(step, name, part)
    elif kind == "CONSTR_CHECK":
        yield from _check(step, name, part)
    elif kind == "CONSTR_UNIQUE":
        yield from _unique(step, name, part, keys)
    elif kind == "CONSTR_PRIMARY":
        yield from _primary(step, name, part, keys)
    elif kind == "CONSTR_EXCLUSION":
        yield step.slow(
            EXCLUSION,
            f"{part.get('conname', 'The exclusion constraint')} is built on {shown(name)} while nobody can use the table.",
            name,
        )
    elif kind == "CONSTR_NOTNULL" and not part.get("skip_validation") and step.scans(name):
        from dbwright.safety.checks.columns import NOT_NULL

        for key in keys:
            rewrite = sequences.not_null(step.framework, quoted(name), quote_identifier(key), step.state.major)
            yield step.slow(
                NOT_NULL,
                f"{shown(name)}.{key} is checked for NULLs while nobody can use the table.",
                name,
                column=key,
                rewrite=rewrite,
            )


def _foreign(step: Step, name: Name, part: Node) -> Iterator[Finding]:
    target = relation(part["pktable"])
    if part.get("skip_validation") or not step.scans(name):
        return
    own, other = names(part.get("fk_attrs")), names(part.get("pk_attrs")) or ["id"]
    constraint = part.get("conname") or f"{name[1]}_{own[0] if own else 'x'}_fkey"
    rule = f"FOREIGN KEY ({', '.join(map(quote_identifier, own))}) REFERENCES {quoted(target)}"
    if step.exists(target):
        condition = " AND ".join(
            f"o.{quote_identifier(b)} = t.{quote_identifier(a)}" for a, b in zip(own, other, strict=False)
        )
        present = " AND ".join(f"t.{quote_identifier(a)} IS NOT NULL" for a in own)
        missing = f"NOT EXISTS (SELECT FROM {quoted(target)} o WHERE {condition})"
        counting = f"SELECT count(*) FROM {quoted(name)} t WHERE {present} AND {missing}"
    else:
        counting = None
    yield step.slow(
        FOREIGN_KEY, f"Every row of {shown(name)} is checked against {shown(target)} while nobody can write to either.", name,
        rewrite=sequences.not_valid(step.framework, quoted(name), quote_identifier(constraint), rule), counting=counting,
    )  # fmt: skip


def _check(step: Step, name: Name, part: Node) -> Iterator[Finding]:
    if part.get("skip_validation") or not step.scans(name):
        return
    from dbwright.source.expressions import expression_text

    text = expression_text(part.get("raw_expr"))
    constraint = quote_identifier(part.get("conname") or f"{name[1]}_check")
    yield step.slow(
        CHECK, f"Every row of {shown(name)} is checked while nobody can use the table.", name,
        rewrite=sequences.not_valid(step.framework, quoted(name), constraint, f"CHECK ({text or '…'})"),
        counting=f"SELECT count(*) FROM {quoted(name)} WHERE NOT ({text})" if text else None,
    )  # fmt: skip


def _unique(step: Step, name: Name, part: Node, keys: list[str]) -> Iterator[Finding]:
    if part.get("indexname"):
        yield step.finding(ATTACHED, f"{part['indexname']} becomes a constraint of {shown(name)}.", name)
        return
    columns = ", ".join(map(quote_identifier, keys))
    constraint = quote_identifier(part.get("conname") or f"{name[1]}_{'_'.join(keys)}_key"[:63])
    yield step.slow(
        UNIQUE, f"The index of {constraint} is built while nobody can use {shown(name)}; it fails where values repeat.", name,
        rewrite=sequences.unique(step.framework, quoted(name), constraint, columns), counting=_repeated(name, columns),
    )  # fmt: skip


def _primary(step: Step, name: Name, part: Node, keys: list[str]) -> Iterator[Finding]:
    if part.get("indexname"):
        if step.scans(name, told=False):
            yield step.slow(
                PRIMARY_USING,
                f"{shown(name)} is read for NULLs while nobody can use it, because a column of the key is nullable.",
                name,
            )
        else:
            yield step.finding(ATTACHED, f"{part['indexname']} becomes the primary key of {shown(name)}.", name)
        return
    columns = ", ".join(map(quote_identifier, keys))
    constraint = quote_identifier(part.get("conname") or f"{name[1]}_pkey")
    yield step.slow(
        PRIMARY, f"The primary key of {shown(name)} is built while nobody can use the table.", name,
        rewrite=sequences.unique(step.framework, quoted(name), constraint, columns, "PRIMARY KEY"), counting=_repeated(name, columns),
    )  # fmt: skip


def _repeated(name: Name, columns: str) -> str:
    return (
        f"SELECT count(*) FROM (SELECT {columns} FROM {quoted(name)} GROUP BY {columns} HAVING count(*) > 1) repeated"
    )


def _with_column(step: Step, name: Name, column: Node) -> Iterator[Finding]:
    """Constraints that stand at a new column."""
    label = column["colname"]
    for one in constraints_of(column):
        kind = one.get("contype")
        if kind == "CONSTR_FOREIGN":
            target = relation(one["pktable"])
            if step.ran is not None and step.scans(name, told=False) and not step.rewrites(name, told=False):
                yield from _foreign(step, name, {**one, "fk_attrs": [{"String": {"sval": label}}]})
            elif step.exists(target):
                rule = f"FOREIGN KEY ({quote_identifier(label)}) REFERENCES {quoted(target)}"
                yield step.finding(
                    REFERENCE, f"The new column {label} locks {shown(name)} and {shown(target)} together; no row is read.", name,
                    column=label, observed=step.ran is not None,
                    rewrite=sequences.not_valid(step.framework, quoted(name), quote_identifier(f"{name[1]}_{label}_fkey"), rule),
                )  # fmt: skip
        elif kind == "CONSTR_CHECK" and step.scans(name):
            yield from _check(step, name, one)
        elif kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY"):
            check = UNIQUE if kind == "CONSTR_UNIQUE" else PRIMARY
            columns = quote_identifier(label)
            yield step.slow(
                check, f"The index of the new column {label} is built while nobody can use {shown(name)}.", name, column=label,
                rewrite=sequences.unique(step.framework, quoted(name), quote_identifier(f"{name[1]}_{label}_key"), columns),
            )  # fmt: skip


def _validated(step: Step, name: Name, constraint: str) -> Iterator[Finding]:
    added = step.state.unvalidated.get(constraint, -1)
    same = step.statement.transaction is not None and added == step.statement.transaction
    if same:
        yield step.slow(
            TOGETHER, f"{constraint} is checked while the lock that added it is still held on {shown(name)}.", name,
            rewrite=sequences.validate(step.framework, quoted(name), quote_identifier(constraint)),
        )  # fmt: skip
    else:
        yield step.finding(
            VALIDATES,
            f"Every row of {shown(name)} is read for {constraint}; others go on working.{step.cost(name)}",
            name,
        )
