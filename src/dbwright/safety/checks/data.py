"""Rows that a migration changes."""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.safety.judged import Check, Finding, Step, quoted, shown
from dbwright.safety.nodes import Name, Node, relation, scalar, walk

UPDATE = Check(
    "updates-every-row",
    "warning",
    (
        "One UPDATE of a whole table locks every row until it commits, doubles the table, and one failure takes all of "
        "it back. In batches, each committed, it does none of that."
    ),
    ("update-without-where", "affected-rows-limit"),
)
DELETE = Check(
    "deletes-every-row",
    "warning",
    "One DELETE of a whole table locks every row until it commits; there is no way back but a backup.",
    ("delete-without-where",),
)
INSERT = Check(
    "copies-a-table",
    "info",
    "INSERT … SELECT of a whole table is one long transaction.",
    ("insert-rows-limit",),
)
MIXED = Check(
    "data-change-under-lock",
    "warning",
    (
        "Rows are changed in a transaction that already keeps others out of a table: they stay out until the last row "
        "is done. Schema first, rows in a migration of their own."
    ),
    ("mixed-ddl-dml",),
)


def look(step: Step) -> Iterator[Finding]:
    node = step.node
    if step.kind in ("UpdateStmt", "DeleteStmt"):
        name = relation(node["relation"])
        if step.exists(name) and (_always_true(node.get("whereClause")) or _touches_all(step, name)):
            yield from _all_rows(step, name)
    elif step.kind == "InsertStmt" and "fromClause" in node.get("selectStmt", {}).get("SelectStmt", {}):
        source = node["selectStmt"]["SelectStmt"]
        if "whereClause" not in source and "limitCount" not in source:
            yield step.finding(INSERT, f"{shown(relation(node['relation']))} takes every row of another table.")
    if step.kind in ("UpdateStmt", "DeleteStmt", "InsertStmt", "MergeStmt"):
        yield from _under_lock(step)


def _all_rows(step: Step, name: Name) -> Iterator[Finding]:
    if step.kind == "DeleteStmt":
        yield step.slow(DELETE, f"Every row of {shown(name)} is deleted in one statement.", name)
        return
    table = quoted(name)
    batch = f"WHERE id IN (SELECT id FROM {table} WHERE … ORDER BY id LIMIT 5000)"
    rewrite = f"-- in batches, each committed, until none is left\n{_head(step)}\n {batch};"
    yield step.slow(UPDATE, f"Every row of {shown(name)} is changed in one statement.", name, rewrite=rewrite)


def _head(step: Step) -> str:
    """The statement up to its condition."""
    text = step.statement.sql.strip()
    place = text.lower().find(" where ")
    return text if place < 0 else text[:place]


def _touches_all(step: Step, name: Name) -> bool:
    """A condition of which the scratch server's made-up rows tell nothing; only one that is there for the change's sake is told: the column
    that is set, IS NULL."""
    where = step.node.get("whereClause")
    if step.kind != "UpdateStmt" or where is None:
        return False
    targets = {one["ResTarget"].get("name") for one in step.node.get("targetList", ())}
    tested = [test for test in walk({"top": where}, "NullTest") if test.get("nulltesttype") == "IS_NULL"]
    fields = {_last(test.get("arg", {})) for test in tested}
    return (
        bool(targets & fields)
        and "NullTest" in where
        and any((step.key(name), c) in step.state.made_columns for c in targets & fields if c)
    )


def _last(node: Node) -> str | None:
    from dbwright.safety.nodes import names

    found = names(node.get("ColumnRef", {}).get("fields"))
    return found[-1] if found else None


def _always_true(where: Node | None) -> bool:
    """No condition, or one that holds for every row: true, 1 = 1."""
    if where is None or scalar(where) is True:
        return True
    if "A_Expr" in where:
        part = where["A_Expr"]
        left, right = scalar(part.get("lexpr", {})), scalar(part.get("rexpr", {}))
        operator = part.get("name", [{}])[-1].get("String", {}).get("sval")
        if left is not None and operator == "=" and left == right:
            return True
    if "BoolExpr" in where:
        part = where["BoolExpr"]
        held = [_always_true(one) for one in part.get("args", ())]
        return any(held) if part.get("boolop") == "OR_EXPR" else part.get("boolop") == "AND_EXPR" and all(held)
    return False


def _under_lock(step: Step) -> Iterator[Finding]:
    if step.statement.transaction is None or "relation" not in step.node:
        return
    held = dict(step.state.exclusive)
    values = step.node.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists")
    if held and not values:
        table, line = next(iter(held.items()))
        yield step.finding(
            MIXED,
            f"Rows change while {shown(table)} is locked against everybody, since line {line}.",
            table,
            observed=step.ran is not None,
        )
