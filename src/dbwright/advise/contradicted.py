"""Statistics that a unique index contradicts. Pure.

ANALYZE guesses from its sample how many different values a column has, and where a value's rows lie together it guesses far too few. Of the
columns of a unique index one can have no fewer than the table's rows divided by what the others have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from dbwright.advise.tables import TableFacts, facts_of
from dbwright.model.catalog import Table
from dbwright.model.snapshot import Snapshot

_APART = 1.5
"""Times that a guess must be below the least that is possible."""
_ALL = 0.999
"""Share of the rows that a complete list of frequent values stands for: then the number of values is no guess."""
_LEAST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Contradicted:
    """``told``: how many values the statistics say the column has; ``least``: how many it has at least, by the unique index ``index``."""

    table: Table
    column: str
    told: float
    least: float
    rows: float
    index: str

    @property
    def factor(self) -> float:
        """By how much estimates of rows for one value are too high, at least."""
        return self.least / self.told


def contradicted(snapshot: Snapshot) -> Iterator[Contradicted]:
    """Each column once, by what contradicts it most."""
    for table in snapshot.catalog.user_tables:
        facts = facts_of(snapshot, table)
        found: dict[str, Contradicted] = {}
        for one in _of_table(facts):
            if one.column not in found or one.least > found[one.column].least:
                found[one.column] = one
        yield from found.values()


def _of_table(facts: TableFacts) -> Iterator[Contradicted]:
    rows = facts.rows or 0.0
    for index in facts.indexes:
        names = [name for name in index.columns if name is not None]
        whole = len(names) == len(index.keys) and all(facts.columns[name].not_null for name in names)
        if rows < _LEAST_ROWS or not index.is_unique or index.predicate is not None or not whole or len(names) < 2:
            continue
        if not all(name in facts.statistics for name in names):
            continue
        guessed = [name for name in names if sum(facts.statistics[name].common_frequencies) < _ALL]
        if len(guessed) == 1:
            told = facts.distinct(guessed[0])
            least = rows / prod(facts.distinct(name) for name in names if name != guessed[0])
            if least > told * _APART:
                yield Contradicted(facts.table, guessed[0], told, least, rows, index.name)
