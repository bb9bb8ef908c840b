"""Whether tests show that an edit of the code is good: the same comes out, and fewer statements are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbwright.model.wording import counted, listed
from dbwright.trials.runs import Ran, Record

_TOKEN = re.compile(r"\w+|\W")
Results = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one test sends and fetches before and after."""

    test: str
    statements: tuple[int, int]
    rows: tuple[int, int]

    def __str__(self) -> str:
        before, after = self.statements
        if before != after:
            return f"{self.test}: {before} → {after} statements, same result"
        return f"{self.test}: {self.rows[0]} → {self.rows[1]} rows fetched, same result"

    @property
    def gain(self) -> tuple[int, int]:
        return self.statements[0] - self.statements[1], self.rows[0] - self.rows[1]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``figures``: the tests that are cheaper now, the most first. ``reason``: why the edit is not proven, empty where it is;
    ``is_other``: because something is worse or other with it, which may be by chance."""

    figures: tuple[Figure, ...] = ()
    reason: str = ""
    is_other: bool = False

    @property
    def is_proven(self) -> bool:
        return not self.reason


def judge(first: Record, controls: Sequence[Record], after: Record, marks: Sequence[int]) -> Verdict:
    """``first`` and ``controls`` are runs without the edit: what differs between them says nothing. ``marks`` are the numbers of the
    edit's expressions, where functions hold them: they tell which tests come to it."""
    again = {name: [control[name] for control in controls if name in control] for name in first}
    again = {name: runs for name, runs in again.items() if len(runs) == len(controls)}
    steady = [name for name, runs in again.items() if all(_is_steady(first[name], run) for run in runs)]
    for name, runs in again.items():
        if problem := _differs(first[name], runs, after.get(name), name in steady):
            return Verdict(reason=problem, is_other=True)
    meant = set(reached(first, marks)) if marks else set(steady)
    cheaper = [
        Figure(name, (first[name].statements, after[name].statements), (first[name].rows, after[name].rows))
        for name in steady
        if name in meant and _cost(after[name]) < _cost(first[name])
    ]
    if not cheaper:
        return Verdict(reason=_nothing_cheaper(first, steady, marks))
    shown = [figure for figure in cheaper if any(text is not None for _, text in first[figure.test].results)]
    if not shown:
        return Verdict(reason=f"nothing comes out of {_names(cheaper)} that could be compared")
    return Verdict(tuple(sorted(shown, key=lambda figure: figure.gain, reverse=True)))


def reached(record: Record, marks: Sequence[int]) -> list[str]:
    """The tests that came to one of the marks."""
    return [name for name, test in record.items() if not test.reached.isdisjoint(marks)]


def _is_steady(one: Ran, other: Ran) -> bool:
    same = (one.outcome, one.statements, one.rows) == (other.outcome, other.statements, other.rows)
    return same and one.outcome == "passed" and _varying(one.results, other.results) is not None


def _cost(test: Ran) -> tuple[int, int]:
    return test.statements, test.rows


def _differs(before: Ran, again: Sequence[Ran], after: Ran | None, is_steady: bool) -> str:
    """What is worse with the edit, or other."""
    if any(run.outcome != "passed" for run in (before, *again)):
        return ""
    if after is None or after.outcome != "passed":
        return f"{before.name} passes without it and not with it"
    if not is_steady:
        return ""
    if after.statements > before.statements:
        return f"{before.name} then sends {after.statements} statements instead of {before.statements}"
    if [kind for kind, _ in after.results] != [kind for kind, _ in before.results]:
        return f"{before.name} then asks for other things"
    found = [_varying(before.results, run.results) or () for run in again]
    varying = [frozenset().union(*places) for places in zip(*found, strict=True)]
    for (kind, old), (_, new), places in zip(before.results, after.results, varying, strict=True):
        if old is not None and not _alike(old, new, places):
            return f"in {before.name} the result of {kind} is another"
    return ""


def _varying(one: Results, other: Results) -> tuple[frozenset[int], ...] | None:
    """For each result the words in which two runs of the same code differ (times, random keys); None where they are not the same."""
    if [kind for kind, _ in one] != [kind for kind, _ in other]:
        return None
    found = []
    for (_, old), (_, new) in zip(one, other, strict=True):
        if old is None or new is None or old == new:
            found.append(frozenset[int]())
            continue
        words, others = _TOKEN.findall(old), _TOKEN.findall(new)
        if len(words) != len(others):
            return None
        found.append(frozenset(n for n, pair in enumerate(zip(words, others, strict=True)) if pair[0] != pair[1]))
    return tuple(found)


def _alike(old: str, new: str | None, varying: frozenset[int]) -> bool:
    if new is None or old == new:
        return new is not None
    words, others = _TOKEN.findall(old), _TOKEN.findall(new)
    if len(words) != len(others):
        return False
    return all(pair[0] == pair[1] or n in varying for n, pair in enumerate(zip(words, others, strict=True)))


def _nothing_cheaper(first: Record, steady: Sequence[str], marks: Sequence[int]) -> str:
    tests = reached(first, marks)
    if not tests:
        return "no test sends fewer statements with it"
    come = f"the {counted(len(tests), 'test')} that come{'' if len(tests) > 1 else 's'} to it"
    if not set(tests) & set(steady):
        return f"{come} fail{'' if len(tests) > 1 else 's'} without it too, or differ{'' if len(tests) > 1 else 's'} each time ({tests[0]})"
    return f"{come} send{'' if len(tests) > 1 else 's'} no fewer statements: too few rows, perhaps ({tests[0]})"


def _names(figures: Sequence[Figure]) -> str:
    return listed([figure.test for figure in figures], 3)
