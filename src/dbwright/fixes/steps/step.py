"""What a step is, and where operations are made into steps: each module beside this one does it for operations of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

from dbwright.fixes import sql
from dbwright.model import change as c

Lock = Literal["none", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]
LOCKS: tuple[Lock, ...] = (
    "none",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
"""From the weakest on. From SHARE on writers wait, under the last one readers do too."""
Work = Literal["instant", "scan", "build", "rewrite", "batches"]
"""How much a statement does: nothing that grows with the table; reads it; builds an index; writes it anew; changes rows batch by batch."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a concurrent build that dies leaves on a table: an invalid index of this name, or of this name with ``_ccnew`` or ``_ccold``."""

    schema: str
    index: str


@dataclass(frozen=True, slots=True)
class Step:
    """What is carried out, or is not, as one. Several ``statements`` are one transaction.

    ``relations`` are quoted names: the lock is on the first, the others are locked along. ``done`` is a condition in SQL that holds once
    the step is in effect; without one a step that is not ``repeatable`` must be known by its transaction. ``needs`` are queries, each
    answering with a row (problem, way on) for what stands against the step. ``subject`` names what the step makes, changes or drops.
    ``back`` takes it back; nothing there means that another step's ``back`` does, or that there is nothing to take back.
    """

    statements: tuple[str, ...]
    lock: Lock = "none"
    relations: tuple[str, ...] = ()
    work: Work = "instant"
    transactional: bool = True
    done: str | None = None
    repeatable: bool = True
    needs: tuple[str, ...] = ()
    subject: str = ""
    leftover: Leftover | None = None
    batch: c.Backfill | None = None
    back: tuple[Step, ...] = ()

    @property
    def concurrent(self) -> bool:
        """Whether it waits for other transactions by itself, without anybody waiting for it."""
        return self.leftover is not None

    @property
    def known_by_transaction(self) -> bool:
        """Whether nothing but the fate of its transaction tells that it was carried out, once and no more."""
        return self.transactional and self.done is None and not self.repeatable and self.batch is None

    @property
    def blocks_writes(self) -> bool:
        return LOCKS.index(self.lock) >= LOCKS.index("SHARE")


@singledispatch
def alone(operation: c.Operation, major: int) -> tuple[Step, ...]:
    """The steps of an operation, without what its reverse tells. Raises TypeError for an operation that has none."""
    raise TypeError(f"no steps for {type(operation).__name__} on PostgreSQL {major}")


def statements_of(operation: c.Operation) -> tuple[str, ...]:
    """The statements of an operation in their online form."""
    return sql.forward(c.Change((operation,)))
