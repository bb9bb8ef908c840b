"""Statements of our own as steps, known by the grammar."""

from __future__ import annotations

import re
from typing import Any

from dbwright.fixes.steps import catalog as ask
from dbwright.fixes.steps.step import LOCKS, Lock, Step, Work, alone
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier


@alone.register
def _verbatim(operation: c.Verbatim, major: int) -> tuple[Step, ...]:
    return (_of_statement(operation.sql, operation.transactional),)


_KINDS: dict[str, tuple[Lock, Work]] = {
    "alter_seq_stmt": ("SHARE ROW EXCLUSIVE", "instant"),
    "refresh_mat_view_stmt": ("ACCESS EXCLUSIVE", "rewrite"),
    "create_policy_stmt": ("ACCESS EXCLUSIVE", "instant"),
    "alter_policy_stmt": ("ACCESS EXCLUSIVE", "instant"),
    "create_trig_stmt": ("SHARE ROW EXCLUSIVE", "instant"),
}
_WEAK_ALTERS = {"AT_ValidateConstraint": "SHARE UPDATE EXCLUSIVE", "AT_SetStatistics": "SHARE UPDATE EXCLUSIVE"} | {
    f"AT_{verb}Trig{of}": "SHARE ROW EXCLUSIVE"
    for verb in ("Enable", "Disable", "EnableAlways", "EnableReplica")
    for of in ("", "All", "User")
}
_REWRITING_ALTERS = frozenset({"AT_SetLogged", "AT_SetUnLogged", "AT_AlterColumnType", "AT_SetAccessMethod"})
_REPEATABLE = ("alter_", "grant_", "refresh_", "vacuum_", "comment_", "reindex_")
"""What may be said twice: the second time changes nothing, or does the same once more."""


def _of_statement(statement: str, transactional: bool) -> Step:
    """What the grammar tells of a statement. Several forms of ALTER TABLE in one are judged by the strongest."""
    import postgast

    (parsed,) = postgast.parse(statement).stmts
    kind = parsed.stmt.WhichOneof("node") or ""
    node = getattr(parsed.stmt, kind)
    repeatable = kind.startswith(_REPEATABLE)
    if kind == "alter_table_stmt":
        return _of_alter(node, statement, transactional)
    relation = _named(
        getattr(node, "relation", None) or getattr(node, "sequence", None) or getattr(node, "table", None)
    )
    lock, work = _KINDS.get(kind, ("none", "instant"))
    if kind == "refresh_mat_view_stmt" and node.concurrent:
        lock = "EXCLUSIVE"
    if kind == "select_stmt" and re.search(r"\bsetval\b", statement):
        repeatable = True
    needs = (
        (ask.owner(*relation, "MATERIALIZED VIEW" if work == "rewrite" else "TABLE"),)
        if relation and lock != "none"
        else ()
    )
    return Step(
        (statement,),
        lock,
        (quote_identifier(*relation),) if relation else (),
        work,
        transactional,
        repeatable=repeatable,
        needs=needs,
        subject=quote_identifier(*relation) if relation else "",
    )


def _named(node: Any) -> tuple[str, str] | None:
    """Schema and name of a relation that the grammar found; without a schema it is the role's search path that tells."""
    name = getattr(node, "relname", "")
    return (node.schemaname or "public", name) if name else None


def _of_alter(node: Any, statement: str, transactional: bool) -> Step:
    commands = [command.alter_table_cmd for command in node.cmds]
    kinds = node.cmds[0].alter_table_cmd.DESCRIPTOR.fields_by_name["subtype"].enum_type.values_by_number
    names = [kinds[command.subtype].name for command in commands]
    relation = _named(node.relation)
    if relation is None:
        return Step((statement,), transactional=transactional)
    locks: list[Lock] = [_WEAK_ALTERS.get(name, "ACCESS EXCLUSIVE") for name in names]  # type: ignore[misc]
    done = None
    if names in (["AT_AddColumn"], ["AT_DropColumn"]):
        column = commands[0].name or getattr(getattr(commands[0], "def").column_def, "colname", "")
        there = ask.column(*relation, column, "true")
        done = there if names == ["AT_AddColumn"] else f"NOT {there}"
    adds = any(name in ("AT_AddColumn", "AT_DropColumn", "AT_AddConstraint", "AT_DropConstraint") for name in names)
    label = quote_identifier(*relation)
    return Step(
        (statement,),
        max(locks, key=LOCKS.index),
        (label,),
        "rewrite" if _REWRITING_ALTERS & set(names) else "scan" if "AT_ValidateConstraint" in names else "instant",
        transactional,
        done=done,
        repeatable=not adds,
        needs=(ask.owner(*relation),),
        subject=label,
    )
