"""Advice for a whole workload: the indexes to make, what each does for which statement, and how near the choice is to the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dbwright.model.change import CreateIndex
from dbwright.model.finding import Confidence
from dbwright.model.removal import Removal
from dbwright.model.workload import StatementProblem, WorkloadStatement


@dataclass(frozen=True, slots=True)
class Effect:
    """A statement under the advice. ``before`` and ``after`` are the planner's costs of one call, which ``weight`` multiplies: its calls,
    or where its time was recorded what gives it its part of that. ``used`` are the positions of the advised indexes in its plan.
    ``time`` is the estimated time after as a share of that before, None where it was not estimated. ``doubtful``: the plan becomes
    another for a gain that is within what estimates err by. ``at_worst``: what a call costs where the rows that a LIMIT waits for are the
    last in the index's order, when that is more than before."""

    statement: WorkloadStatement
    before: float
    after: float
    used: tuple[int, ...] = ()
    doubtful: bool = False
    weight: float = 1.0
    time: float | None = None
    at_worst: float | None = None

    @property
    def gain(self) -> float:
        """What all calls save of the planner's cost."""
        return (self.before - self.after) * self.weight


def weighed_by(effects: Sequence[Effect]) -> str:
    """``time`` where that was recorded for all, else ``cost``."""
    return "time" if effects and all(e.statement.mean_milliseconds is not None for e in effects) else "cost"


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

    def share_of(self, effect: Effect) -> float:
        """The statement's part of the workload: see `weighed_by`."""
        return effect.before * effect.weight / self.before if self.before else 0.0

    @property
    def weighed_by(self) -> str:
        """What a part of the workload is a part of: of its time where that was recorded for all, else of its cost."""
        return weighed_by(self.effects)

    @property
    def relative(self) -> float:
        """``after`` as a share of ``before``."""
        return self.after / self.before if self.before else 1.0
