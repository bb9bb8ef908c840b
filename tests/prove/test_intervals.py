"""Intervals of medians: how wide they must be, and what they are made of."""

from random import Random

import pytest

from dbwright.model.proved import Interval
from dbwright.prove import intervals
from dbwright.prove.measuring import verdict


@pytest.mark.parametrize(("runs", "place"), [(5, 0), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6)])
def test_the_ends_are_those_of_the_tables_for_95_percent(runs: int, place: int) -> None:
    assert intervals.rank(runs) == place


def test_they_hold_the_median_as_often_as_they_say() -> None:
    rng = Random(1)
    held = 0
    for _ in range(2000):
        found = intervals.of_runs([rng.expovariate(1.0) for _ in range(9)])
        assert found
        held += found.low <= 0.6931 <= found.high
    assert held / 2000 >= 0.94


def test_too_few_runs_have_none() -> None:
    assert intervals.of_runs([1.0] * 5) is None
    assert intervals.over_draws([]) is None


def test_draws_are_averaged() -> None:
    found = intervals.over_draws([Interval(1, 0.5, 2, 9), Interval(3, 2.5, 4, 9)])
    assert found == Interval(2, 1.5, 3, 18)


@pytest.mark.parametrize(
    ("before", "after", "noise", "expected"),
    [
        (Interval(10, 9, 11, 9), Interval(5, 4, 6, 9), 0.02, "faster"),
        (Interval(5, 4, 6, 9), Interval(10, 9, 11, 9), 0.02, "slower"),
        (Interval(10, 9, 11, 9), Interval(9.5, 8, 10, 9), 0.02, "inside noise"),
        (Interval(10, 9.9, 10.1, 9), Interval(9.7, 9.6, 9.8, 9), 0.05, "inside noise"),  # equal copies differ by more
        (Interval(10, 9, 11, 9), None, 0.02, "no interval"),
        (Interval(30, 30, 30, 2, True), Interval(30, 30, 30, 2, True), 0.02, "no interval"),
        (Interval(30, 30, 30, 2, True), Interval(1, 0.9, 1.1, 9), 0.02, "faster"),
    ],
)
def test_verdicts(before: Interval, after: Interval | None, noise: float, expected: str) -> None:
    assert verdict(before, after, noise) == expected
