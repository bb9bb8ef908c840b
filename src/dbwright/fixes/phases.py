"""An operation as the phases in which migrations carry it out: each is one transaction, or one statement that must stand outside of any.

What is added in an instant comes first, what reads old rows in a later phase: so no strong lock is held while a table is read.
A phase that fails leaves nothing of its own behind in a transaction, and one statement can simply be run again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbwright.fixes import sql
from dbwright.fixes.stage import Kind
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier

_READS_TABLE = (c.CreateIndex, c.RecreateIndex, c.AddConstraint, c.PromoteToPrimaryKey, c.AlterColumnType, c.SetNotNull)
"""Operations that read or write the whole table under a strong lock where one statement carries them out."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Statements, and those that take them back; ``kind`` as of a migration's stage."""

    forward: tuple[str, ...]
    backward: tuple[str, ...]
    kind: Kind = "brief"


def phases(operation: c.Operation) -> tuple[Phase, ...]:
    """The phases of an operation, first to last; they are taken back last to first."""
    forward = sql.statements((operation,), online=True)
    builds = len(forward) == 1 and " INDEX CONCURRENTLY " in forward[0]
    backward = sql.statements(operation.reverse(), online=builds)
    if isinstance(operation, c.AddUnique):
        return (Phase(_again(forward[0], operation), (), "resumable"), Phase(forward[1:], backward))
    if builds:
        return (Phase(_again(forward[0], operation), backward, "resumable"),)
    if len(forward) == 1:
        return (Phase(forward, backward, _kind(operation)),)
    if _adds_first(operation):
        return _in_two(operation, forward)
    return (Phase(forward, backward, "alone"),)


def _again(statement: str, operation: c.Operation) -> tuple[str, ...]:
    """A statement that builds or drops an index, so that it can be run again after it failed."""
    if statement.startswith("DROP "):
        return (statement.replace(" CONCURRENTLY ", " CONCURRENTLY IF EXISTS ", 1),)
    made = operation.dropped if isinstance(operation, c.RecreateIndex) else operation
    assert isinstance(made, c.CreateIndex | c.AddUnique | c.DropIndex)
    return (f"DROP INDEX CONCURRENTLY IF EXISTS {quote_identifier(made.schema, made.name)}", statement)


def _kind(operation: c.Operation) -> Kind:
    """Of an operation that is one statement."""
    if isinstance(operation, c.Verbatim):
        return "alone" if operation.transactional else "outside"
    if isinstance(operation, c.ValidateConstraint):
        return "validates"
    is_free = isinstance(operation, c.SetNotNull) and not operation.not_null
    return "alone" if isinstance(operation, _READS_TABLE) and not is_free else "brief"


def _adds_first(operation: c.Operation) -> bool:
    return isinstance(operation, c.AddConstraint | c.AddRangeCheck | c.SetOnDelete) or (
        isinstance(operation, c.SetNotNull) and operation.not_null
    )


def _in_two(operation: c.Operation, forward: tuple[str, ...]) -> tuple[Phase, ...]:
    """The constraint NOT VALID, then its validation and what follows from it."""
    name, table = _added(operation)
    drop = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {quote_identifier(name)}"
    swaps = isinstance(operation, c.SetNotNull | c.SetOnDelete)
    back = sql.statements(operation.reverse(), online=False) if swaps else ()
    return (Phase(forward[:1], (drop,)), Phase(forward[1:], back, "validates" if len(forward) == 2 else "alone"))


def _added(operation: c.Operation) -> tuple[str, str]:
    """The name of the constraint that the first phase adds, and its table as SQL."""
    assert isinstance(operation, c.AddConstraint | c.AddRangeCheck | c.SetOnDelete | c.SetNotNull)
    table = quote_identifier(operation.schema, operation.table)
    if isinstance(operation, c.SetOnDelete):
        return sql.swapped_name(operation), table
    if isinstance(operation, c.SetNotNull):
        return sql.not_null_check(operation), table
    return operation.name, table


def titles(operation: c.Operation, count: int) -> tuple[str, ...]:
    """Short names for the phases of an operation, for files."""
    name = str(getattr(operation, "name", "") or re.sub(r"(?<!^)(?=[A-Z])", "_", type(operation).__name__).lower())
    if isinstance(operation, c.SetNotNull):
        name = f"{operation.column}_{'not_null' if operation.not_null else 'null'}"
    elif isinstance(operation, c.DropIndex | c.DropConstraint):
        name = f"remove_{name}"
    if count == 1:
        return (name,)
    if isinstance(operation, c.AddUnique):
        return (f"{name}_index", name)
    if isinstance(operation, c.SetNotNull | c.SetOnDelete):
        return (f"{name}_check", name)
    return (name, f"validate_{name}")
