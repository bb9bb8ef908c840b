"""Intervals of medians that assume nothing about how times are spread: order statistics of the sorted runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from statistics import fmean, median

from dbwright.model.proved import Interval

LEAST_RUNS = 6
"""With fewer, not even the smallest and the largest run hold the median with 95 %: 2 × 0.5⁵ = 6 %."""


def rank(runs: int) -> int:
    """Which of the sorted runs, from 1, is the lower end of an interval of at least 95 % for the median; 0 when there is none."""
    tail, found = 0.0, 0
    for k in range(runs // 2):
        tail += comb(runs, k) * 0.5**runs
        if tail > 0.025:
            break
        found = k + 1
    return found


def of_runs(runs: Sequence[float], *, ended: bool = False) -> Interval | None:
    """The interval of one draw; None with fewer than ``LEAST_RUNS`` runs. ``ended``: some were ended at the time limit, so that they count
    as at least that long."""
    place = rank(len(runs))
    if not place:
        return None
    ordered = sorted(runs)
    return Interval(median(ordered), ordered[place - 1], ordered[-place], len(runs), ended)


def over_draws(intervals: Sequence[Interval]) -> Interval | None:
    """What a call takes on average over the draws."""
    if not intervals:
        return None
    return Interval(
        fmean(row.median for row in intervals),
        fmean(row.low for row in intervals),
        fmean(row.high for row in intervals),
        sum(row.runs for row in intervals),
        any(row.open for row in intervals),
    )
