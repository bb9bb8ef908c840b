"""Which lines of the project issue the statements that the server recorded, and how much of its time each costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dbwright.model.query import Query
from dbwright.model.source import Place

Match = Literal["tag", "fingerprint", "structure", "similar", "library", ""]
"""How a statement found its lines: a comment in its text names them; the code's SQL has the same fingerprint; the same tables, joins,
conditions, grouping, order and limit; most of these; its tables belong to a library; or not at all."""


@dataclass(frozen=True, slots=True)
class StatementOrigin:
    """A recorded statement with the lines that send it (``issued``) and build it (``made``); several when the code sends the same
    query from several. ``query`` is the statement taken apart, None when its text cannot be; ``reason`` says why no line is known.
    ``milliseconds`` is its total execution time."""

    query_id: int
    match: Match
    issued: tuple[Place, ...] = ()
    made: tuple[Place, ...] = ()
    query: Query | None = None
    calls: int = 0
    milliseconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Attribution:
    """The application's statements, costliest first, with their lines."""

    statements: tuple[StatementOrigin, ...] = ()

    @cached_property
    def milliseconds(self) -> float:
        """Execution time of the application's statements."""
        return sum(s.milliseconds for s in self.statements)

    @cached_property
    def attributed(self) -> float:
        """The part of ``milliseconds`` whose lines are known."""
        return sum(s.milliseconds for s in self.statements if s.issued)

    @property
    def share(self) -> float | None:
        """Share of the application's time whose lines are known, 0 to 1; None when nothing was recorded."""
        return self.attributed / self.milliseconds if self.milliseconds else None

    @cached_property
    def by_query_id(self) -> dict[int, StatementOrigin]:
        return {s.query_id: s for s in self.statements}

    def recorded_at(self, places: Collection[tuple[str, int]], tables: Collection[str]) -> tuple[int, float]:
        """Calls and milliseconds of the statements on these tables that these lines (file, line) send or build. A statement of several
        lines counts by the share of its lines that are among them, which is an estimate."""
        calls = milliseconds = 0.0
        for statement in self.statements:
            if statement.query is None or not any(t.name in tables for t in statement.query.tables):
                continue
            shares = [
                sum((place.file, place.line) in places for place in lines) / len(lines)
                for lines in (statement.issued, statement.made)
                if lines
            ]
            calls += statement.calls * max(shares, default=0)
            milliseconds += statement.milliseconds * max(shares, default=0)
        return round(calls), milliseconds

    @cached_property
    def by_place(self) -> tuple[tuple[Place, float], ...]:
        """Milliseconds by line, the costliest first. A statement of several lines is shared among them alike, which is an estimate."""
        costs: defaultdict[Place, float] = defaultdict(float)
        for statement in self.statements:
            for place in statement.issued:
                costs[place] += statement.milliseconds / len(statement.issued)
        return tuple(sorted(costs.items(), key=lambda item: (-item[1], str(item[0]))))
