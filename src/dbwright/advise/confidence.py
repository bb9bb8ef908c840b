"""How sure it is that an advised index does what is said of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbwright.model.advice import Effect
from dbwright.model.catalog import Table
from dbwright.model.finding import Confidence
from dbwright.model.freshness import staleness
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import listed

_PARAMETER = re.compile(r"\$(\d+)")
_MOST = 0.5
"""A doubt about statements counts when they make up this share of what the index gains."""
_PLANNED = 0.9
_MANY = 3


@dataclass(frozen=True, slots=True)
class Planned:
    """How the workload was planned: ``share`` of its cost or time that was planned at all, whether calls were ``recorded``, and the
    majors of the planner and of production."""

    share: float
    recorded: bool
    planner: int
    production: int


def confidence(
    snapshot: Snapshot, table: Table, served: Sequence[Effect], planned: Planned
) -> tuple[Confidence, tuple[str, ...]]:
    """The confidence, and what lowers it beside `general_doubts`: one severe doubt or three others make it low. ``served`` are the
    statements that use it."""
    stale = staleness(snapshot, table)
    doubts = [doubt for doubt in (_parameters(served), _small_gains(served), _early_ends(served)) if doubt]
    if stale:
        doubts.insert(0, stale.text)
    number = len(doubts) + len(general_doubts(planned))
    if (stale and stale.severe) or number >= _MANY:
        return "low", tuple(doubts)
    return ("medium" if number else "high"), tuple(doubts)


def _gain(effects: Sequence[Effect]) -> float:
    return sum(effect.gain for effect in effects)


def _parameters(served: Sequence[Effect]) -> str:
    """Statements planned for values that nobody knows: the planner takes an average, and a skewed column has none."""
    unknown = [
        effect
        for effect in served
        if {int(n) for n in _PARAMETER.findall(effect.statement.sql)} - effect.statement.parameters.keys()
    ]
    if not unknown or _gain(unknown) < _gain(served) * _MOST:
        return ""
    return f"the values of parameters are not known ({_named(unknown)}): planned for any value"


def _small_gains(served: Sequence[Effect]) -> str:
    doubtful = [effect for effect in served if effect.doubtful]
    if not doubtful or _gain(doubtful) < _gain(served) * _MOST:
        return ""
    return f"it gains by plans that change for a small difference ({_named(doubtful)}), which is within what estimates err by"


def _early_ends(served: Sequence[Effect]) -> str:
    hoping = [effect for effect in served if effect.at_worst is not None]
    if not hoping or _gain(hoping) < _gain(served) * _MOST:
        return ""
    return f"it gains where a LIMIT is filled early in its order ({_named(hoping)}), which statistics do not tell"


def _named(effects: Sequence[Effect]) -> str:
    largest = sorted(effects, key=lambda e: -e.gain)
    return listed(dict.fromkeys(e.statement.origin or e.statement.sql[:40] for e in largest), 2)


def general_doubts(planned: Planned) -> tuple[str, ...]:
    """What lowers the confidence in every index alike."""
    doubts = []
    if planned.planner != planned.production:
        doubts.append(f"the planner of PostgreSQL {planned.planner} stands in for that of {planned.production}")
    if planned.share < _PLANNED:
        doubts.append(f"only {planned.share:.0%} of the workload could be planned")
    if not planned.recorded:
        doubts.append("how often each statement runs was not recorded: all count alike")
    return tuple(doubts)
