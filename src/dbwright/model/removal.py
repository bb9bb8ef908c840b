"""An index that looks superfluous: what was asked of four witnesses, and whether it may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbwright.model.change import DropIndex
from dbwright.model.finding import Confidence

WitnessName = Literal["counters", "constraints", "code", "plans"]


@dataclass(frozen=True, slots=True)
class Witness:
    """What one witness says. ``looked``: it could be asked; ``objects``: the index is needed."""

    name: WitnessName
    text: str
    looked: bool = True
    objects: bool = False


@dataclass(frozen=True, slots=True)
class Worse:
    """A statement that would cost more without the index; costs are the planner's, of one call."""

    origin: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Removal:
    """An index that looks superfluous. ``reason`` says why it looks so, ``answered_by`` what takes over; ``objection`` is why it has to
    stay, None when it may go. ``write_cost`` is what keeping it costs in the unit of `Advice.before`, None where calls and counters are
    not of one time; ``rows_written`` are at most the entries that were made in it since the counters began. ``worst`` is the statement
    that would lose most."""

    drop: DropIndex
    table: str
    reason: str
    answered_by: str | None
    bytes: int
    rows_written: int
    write_cost: float | None
    witnesses: tuple[Witness, ...]
    objection: str | None
    confidence: Confidence
    cost_change: float = 0.0
    worst: Worse | None = None

    @property
    def goes(self) -> bool:
        """Whether all that could be asked let it go."""
        return self.objection is None
