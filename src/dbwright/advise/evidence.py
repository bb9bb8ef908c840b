"""What measures beyond indexes are judged by: the statements with their part of the workload, and plans beside the advised indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import psycopg
from psycopg.sql import SQL, Identifier

from dbwright.advise.relations import Relations
from dbwright.advise.sizing import supposed
from dbwright.advise.tables import TableFacts, facts_of
from dbwright.model.advice import Effect, weighed_by
from dbwright.model.catalog import Table
from dbwright.model.change import CreateIndex
from dbwright.model.query import Query, Usage
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement
from dbwright.phantom import Plan, PlanFailed, Session, WhatIf, WhatIfIndex
from dbwright.source.placeholders import filled
from dbwright.source.sql import CannotTakeApart
from dbwright.source.usage import usage_of

MOST_OBSERVED = 300
"""Statements that are looked at, those with the largest part of the workload."""


@dataclass(frozen=True)
class Observed:
    """A statement of the workload. ``number`` is its position in `Advice.effects`, ``cost`` that of a call beside the advised indexes,
    ``share`` its part of the workload's recorded time, else of its cost. ``tables`` are those of the snapshot by alias."""

    number: int
    statement: WorkloadStatement
    cost: float
    share: float
    usage: Usage
    tables: dict[str, Table]

    @property
    def query(self) -> Query:
        return self.usage.query


class Evidence:
    """The workload as measures see it. Plans are made in one session, so not for several threads at once; use it as a context manager."""

    def __init__(
        self,
        session: Session,
        snapshot: Snapshot,
        effects: Sequence[Effect],
        advised: Sequence[WhatIfIndex],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Once ``stop`` says so, no plan is made any more."""
        self.snapshot = snapshot
        self.relations = Relations(snapshot)
        self.effects = effects
        self.advised = advised
        self.timed = weighed_by(effects) == "time"
        self._session = session
        self._stop = stop
        self._block: tuple[tuple[CreateIndex, ...], WhatIf] | None = None
        self._plans: dict[int, Plan | None] = {}
        self._facts: dict[int, TableFacts] = {}

    def __enter__(self) -> Evidence:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @cached_property
    def observed(self) -> tuple[Observed, ...]:
        """The statements that can be read, those with the largest share first."""
        weights = [effect.before * effect.weight for effect in self.effects]
        total = sum(weights) or 1.0
        order = sorted(range(len(self.effects)), key=lambda n: (-weights[n], n))[:MOST_OBSERVED]
        found = []
        for number in order:
            effect = self.effects[number]
            statement = effect.statement
            try:
                usage = usage_of(statement.sql, self.relations.schema, statement.parameters, self.relations.views)
            except CannotTakeApart:
                continue  # told among the advice's problems already
            named = ((table.alias, self.relations.find(table.schema, table.name)) for table in usage.query.tables)
            tables = {alias: table for alias, table in named if table is not None}
            found.append(Observed(number, statement, effect.after, weights[number] / total, usage, tables))
        return tuple(found)

    @cached_property
    def recorded_hours(self) -> float | None:
        """Hours in which the calls of the workload came, None where nobody knows."""
        hours = {effect.statement.hours for effect in self.effects}
        return hours.pop() if self.timed and len(hours) == 1 else None

    def facts(self, table: Table) -> TableFacts:
        if table.oid not in self._facts:
            self._facts[table.oid] = facts_of(self.snapshot, table)
        return self._facts[table.oid]

    def share_text(self, share: float) -> str:
        """``share`` in words."""
        return f"{share:.1%} of the workload's {weighed_by(self.effects)}"

    def plan_of(self, observed: Observed) -> Plan | None:
        """The plan of a statement beside the advised indexes, None when it cannot be made."""
        if observed.number not in self._plans:
            self._plans[observed.number] = self.plan(observed.statement.sql, like=observed)
        return self._plans[observed.number]

    def plan(
        self,
        sql: str,
        indexes: Iterable[CreateIndex] = (),
        *,
        like: Observed | None = None,
        suppose: Callable[[Session], bool] = lambda _: True,
    ) -> Plan | None:
        """The plan of any text beside the advised indexes and these, None when it cannot be made. ``like``: with the parameters of a
        statement; ``suppose`` may suppose something else, which is taken back, and says whether it could."""
        if self._stop():
            return None
        text = filled(sql, like.statement.parameters) if like else sql
        block = self._open(tuple(indexes))
        try:
            with self._session.connection.transaction(force_rollback=True):
                return block.plan(text)[0] if suppose(self._session) else None
        except PlanFailed:
            return None

    def size_of(self, index: CreateIndex) -> int:
        """Estimated bytes of an index."""
        self._close()
        return supposed(self._session, self.snapshot, [index])[0].bytes

    def has_extension(self, name: str) -> bool:
        """Whether the planner here has an extension, which it gets where it can: production need not have it."""
        self._close()
        try:
            self._session.connection.execute(SQL("CREATE EXTENSION IF NOT EXISTS {}").format(Identifier(name)))
        except psycopg.Error:
            return False
        return True

    def _open(self, indexes: tuple[CreateIndex, ...]) -> WhatIf:
        if self._block is not None and self._block[0] == indexes:
            return self._block[1]
        self._close()
        more = supposed(self._session, self.snapshot, indexes)
        block = self._session.what_if([*self.advised, *more])
        block.__enter__()
        block.switch(range(len(block.indexes)))
        self._block = indexes, block
        return block

    def _close(self) -> None:
        if self._block is not None:
            self._block[1].__exit__(None, None, None)
            self._block = None
