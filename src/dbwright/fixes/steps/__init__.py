"""Operations as steps on a live PostgreSQL: what each statement locks and costs, how it is seen that it was carried out, what a death in
its middle leaves behind, and the steps that take it back.

Everything that a step asks the server is SQL that reads the catalog, made in ``catalog`` and run with ``search_path = pg_catalog``.
"""

from __future__ import annotations

from dataclasses import replace

from dbwright.fixes.steps import constraints, indexes, server, tables, verbatim  # noqa: F401 - each registers its operations
from dbwright.fixes.steps.constraints import as_read
from dbwright.fixes.steps.step import LOCKS, Leftover, Lock, Step, Work, alone
from dbwright.model import change as c

__all__ = ["LOCKS", "Leftover", "Lock", "Step", "Work", "steps"]


def steps(change: c.Change, major: int) -> tuple[Step, ...]:
    """The change as steps for a server of that major version, each with its way back."""
    return tuple(step for operation in change.operations for step in _with_back(operation, major))


def _with_back(operation: c.Operation, major: int) -> tuple[Step, ...]:
    """Where the steps of an operation are not taken back one by one, the first takes back all of them, at whichever they stopped."""
    made = alone(operation, major)
    if isinstance(operation, c.DropConstraint | c.SetOnDelete):
        made = (replace(made[0], needs=(*made[0].needs, as_read(operation))), *made[1:])
    if any(step.back for step in made):
        return made
    return (replace(made[0], back=_reverse(operation, major)), *made[1:])


def _reverse(operation: c.Operation, major: int) -> tuple[Step, ...]:
    return tuple(replace(step, back=()) for reverse in operation.reverse() for step in alone(reverse, major))
