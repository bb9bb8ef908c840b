"""What running one statement showed."""

from __future__ import annotations

from dataclasses import dataclass

from dbwright.safety.nodes import Name

STRENGTH = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
    "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
"""PostgreSQL's lock modes on relations, the weakest first (its manual, chapter 13.3.1)."""
BLOCKS_READS = frozenset(("AccessExclusiveLock",))
BLOCKS_WRITES = frozenset(("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"))


def spoken(mode: str) -> str:
    """``ShareRowExclusiveLock`` as the manual writes it: ``SHARE ROW EXCLUSIVE``."""
    words = "".join(f" {c}" if c.isupper() else c for c in mode.removesuffix("Lock"))
    return words.strip().upper()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a relation that was there before the migration; ``kind`` is table, index, view … ``earlier``: an earlier statement of the
    transaction took it. ``held_ms``: from this statement to the end of the transaction."""

    relation: Name
    kind: str
    mode: str
    earlier: bool = False
    held_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """``milliseconds`` are those of the scratch server, waiting left out. ``reads``, ``writes``, ``rows``: tables of which another
    session's SELECT, INSERT, or change of a row had to wait while the transaction was open. ``queued``: tables of which a SELECT waited
    behind this statement, that waited itself for a long transaction that only reads. ``scanned``: tables whose rows it read to the
    last, ``rewritten``: those whose file it wrote anew, ``rebuilt``: indexes. ``touched``: rows of each table that it changed. ``bytes``:
    disk that it took while what it takes the place of was still there."""

    milliseconds: float = 0.0
    locks: tuple[Lock, ...] = ()
    reads: frozenset[Name] = frozenset()
    writes: frozenset[Name] = frozenset()
    rows: frozenset[Name] = frozenset()
    waited: bool = False
    queued: frozenset[Name] = frozenset()
    scanned: frozenset[Name] = frozenset()
    rewritten: frozenset[Name] = frozenset()
    rebuilt: frozenset[Name] = frozenset()
    touched: tuple[tuple[Name, int], ...] = ()
    error: str | None = None
    sqlstate: str | None = None
    bytes: int = 0

    def mode(self, name: Name) -> str | None:
        """The strongest lock on a relation."""
        modes = [lock.mode for lock in self.locks if lock.relation == name]
        return max(modes, key=STRENGTH.index, default=None)
