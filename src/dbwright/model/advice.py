"""Advice for a whole workload: the indexes to make, what each does for which statement, and how near the choice is to the best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dbwright.model.change import CreateIndex
from dbwright.model.finding import Confidence
from dbwright.model.removal import Removal
from dbwright.model.workload import StatementProblem, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Effect:
    """A statement under the advice. Costs are the planner's, of one call. ``used`` are the positions of the advised indexes in its plan.
    ``doubtful``: the plan becomes another for a gain that is within what estimates err by."""

    statement: WorkloadStatement
    before: float
    after: float
    used: tuple[int, ...] = ()
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class AdvisedIndex:
    """An index to make. ``bytes`` and ``rows`` are estimates; ``write_cost`` is what keeping it costs, ``gain`` what the workload would
    lose without it alone, both in the unit of `Advice.before`. ``replaces`` names existing indexes that it makes superfluous. ``doubts``
    are what lowers the ``confidence``."""

    index: CreateIndex
    bytes: int
    rows: float
    gain: float
    write_cost: float
    kinds: tuple[str, ...]
    reason: str
    replaces: tuple[str, ...] = ()
    statements: tuple[int, ...] = ()
    confidence: Confidence = "high"
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate that somebody may miss in the advice, and why it is not in it. ``bytes`` is None where its size was not estimated."""

    index: CreateIndex
    bytes: int | None
    why: str


Verdict = Literal["advised", "not advised", "not judged"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Something else than an index that the same evidence speaks for, or was asked about.

    ``kind`` is the name of its file in `advise.measures`. ``statements`` are positions in `Advice.effects`; ``share`` is their part of the
    workload, of its time where that was recorded, else of its cost. ``before`` and ``after`` are the planner's costs, beside the advised
    indexes, of what ``method`` says. ``change`` is SQL or what to do, ``price`` what the change costs, ``proof`` how to prove it.
    """

    kind: str
    title: str
    evidence: tuple[str, ...]
    verdict: Verdict = "advised"
    statements: tuple[int, ...] = ()
    share: float = 0.0
    before: float | None = None
    after: float | None = None
    method: str = ""
    change: str = ""
    price: str = ""
    confidence: Literal["low", "medium", "high"] = "medium"
    proof: str = ""


@dataclass(frozen=True)
class Advice:
    """``before`` and ``after`` are the costs of the whole workload, weighted by calls; ``gap``: no choice over the costs that were looked
    at is better by more than this share; None: nothing is proven. ``looks`` are plans asked for. ``notes`` say what would be tried if the
    server had it, and what was left out. ``doubts`` lower the confidence in all of it. ``interrupted``: it is the best that was found until
    then."""

    indexes: tuple[AdvisedIndex, ...]
    effects: tuple[Effect, ...]
    before: float
    after: float
    gap: float | None
    candidates: int
    looks: int
    seconds: float
    budget: int | None
    rejected: tuple[Rejected, ...] = ()
    problems: tuple[StatementProblem, ...] = ()
    notes: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    removals: tuple[Removal, ...] = ()
    doubts: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def freed(self) -> int:
        """Bytes of the indexes that may go."""
        return sum(row.bytes for row in self.removals if row.goes)

    @property
    def bytes(self) -> int:
        return sum(row.bytes for row in self.indexes)

    def share_of(self, effect: Effect) -> tuple[float, str]:
        """The statement's part of the workload, and of what: of its time where that was recorded for all, else of its cost."""
        if self._milliseconds is not None:
            return effect.statement.calls * (effect.statement.mean_milliseconds or 0.0) / self._milliseconds, "time"
        return (effect.before * effect.statement.calls / self.before if self.before else 0.0), "cost"

    @cached_property
    def _milliseconds(self) -> float | None:
        means = [(e.statement.calls, e.statement.mean_milliseconds) for e in self.effects]
        return (
            sum(calls * (mean or 0.0) for calls, mean in means) or None
            if all(m is not None for _, m in means)
            else None
        )

    @property
    def relative(self) -> float:
        """``after`` as a share of ``before``."""
        return self.after / self.before if self.before else 1.0
