"""The workload on both copies, interleaved: run by run, first one copy and then the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import fmean, median

from dbwright.model.proved import Answers, Interval, ProvedStatement, Side, Skipped, Verdict
from dbwright.model.workload import WorkloadStatement
from dbwright.prove import intervals
from dbwright.prove.copies import Copies
from dbwright.prove.draws import Draws
from dbwright.prove.running import Answer, Copy, Explained, RunFailed
from dbwright.sqltext import mask_secrets

_AMOUNT = r"\s+'?\d+'?(?:::\w+)?"
_LIMIT = re.compile(rf"(?:\s+(?:LIMIT|OFFSET){_AMOUNT})+(?=\s*(?:;|\Z|FOR\s))", re.I)
_BY_PLAN = re.compile(r"\bLIMIT\b|\bFETCH\s+FIRST\b|_agg\s*\(|\bOVER\s*\(|\bDISTINCT\s+ON\b", re.I)
Progress = Callable[[str, float], None]
COLD_ROUNDS = 6
COLD_LONGEST = 5000.0
"""Milliseconds; what takes longer is not run cold as well."""
_CONTROL_RUNS = 6
_LEAST_NOISE = 0.02
"""Two equal copies are never taken to be nearer than this."""
_LEAST_BY_ITSELF = 0.1
"""The least difference that is told where plan and blocks are the same."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is run. ``seconds`` is what one statement may take on both copies together: with many runs where it is quick, with fewer
    where it is slow; ``limit_seconds`` ends a single run."""

    repeats: int = 9
    draws: int = 3
    seconds: float = 20.0
    limit_seconds: float = 30.0
    cold: bool = True


@dataclass
class Case:
    """A statement with its draws, as it is measured. ``rewritten`` are the texts for the copy after, draw by draw."""

    statement: WorkloadStatement
    draws: Draws
    rewritten: Draws | None = None
    typical: float = 0.0
    control: float | None = None
    error: str | None = None
    warm: tuple[list[Interval], list[Interval]] = field(default_factory=lambda: ([], []))
    cold: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    explained: tuple[list[Explained], list[Explained]] = field(default_factory=lambda: ([], []))
    rows: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    errors: list[str | None] = field(default_factory=lambda: [None, None])
    answers: list[Answers] = field(default_factory=list)
    unconfirmed: bool = False

    def texts(self, draw: int) -> tuple[str, str]:
        """What is sent to the copy before and to the one after."""
        before = self.draws.texts[draw]
        return before, self.rewritten.texts[draw] if self.rewritten else before


def look_first(
    cases: Sequence[Case],
    pair: tuple[Copy, Copy],
    effort: Effort,
    progressed: Progress,
    interrupted: Callable[[], bool],
) -> list[Skipped]:
    """Run each statement on both equal copies, before anything is changed: how long it takes, its plan, and by what share the copies
    differ for it. What fails here fails without the change."""
    skipped = []
    for number, case in enumerate(cases):
        progressed(case.statement.origin, number / len(cases))
        if interrupted():
            break
        text = case.draws.texts[0]
        try:
            first = [copy.run(text).milliseconds for copy in pair]
            case.typical = min(first)
            if case.typical * 2 * _CONTROL_RUNS <= effort.seconds * 1000:
                runs: tuple[list[float], list[float]] = ([], [])
                for side in _turns(_CONTROL_RUNS):
                    runs[side].append(pair[side].run(text).milliseconds)
                case.control = median(runs[1]) / median(runs[0]) - 1
        except RunFailed as error:
            if not error.timed_out:
                case.error = str(error)
                skipped.append(Skipped(case.statement.origin, str(error)))
            else:
                case.typical = effort.limit_seconds * 1000
    return skipped


def noise_of(cases: Sequence[Case]) -> float | None:
    """The median share by which the two equal copies differed."""
    shares = [abs(case.control) for case in cases if case.control is not None]
    return median(shares) if shares else None


def measure(case: Case, pair: tuple[Copy, Copy], effort: Effort) -> None:
    """Run one statement on both copies, in turn, with the answers compared."""
    draws, repeats = _runs(case, effort)
    for draw in range(draws):
        texts = case.texts(draw)
        firsts = [_first(case, side, pair[side], texts[side]) for side in (0, 1)]
        if any(first is None for first in firsts):
            return
        before, after = (first for first in firsts if first)
        case.answers.append(_compared(case, texts, pair, before, after))
        runs: tuple[list[float], list[float]] = ([], [])
        ended = [False, False]
        for side in _turns(repeats):
            if ended[side] and len(runs[side]) >= 2:
                continue
            try:
                runs[side].append(pair[side].run(texts[side]).milliseconds)
            except RunFailed as error:
                if not error.timed_out:
                    case.errors[side] = str(error)
                    return
                runs[side].append(effort.limit_seconds * 1000)
                ended[side] = True
        for side in (0, 1):
            if ended[side]:
                limit = effort.limit_seconds * 1000
                case.warm[side].append(Interval(limit, limit, limit, len(runs[side]), True))
            elif found := intervals.of_runs(runs[side]):
                case.warm[side].append(found)


def confirm(case: Case, pair: tuple[Copy, Copy], effort: Effort, noise: float) -> None:
    """A difference without another plan is measured a second time, and stands only if it is there again: of many statements some differ
    by chance, and most of a change's effects come by another plan."""
    found = result(case, noise)
    if found.plan_changed or found.verdict not in ("faster", "slower"):
        return
    again = Case(case.statement, case.draws, case.rewritten, case.typical, case.control)
    measure(again, pair, effort)
    case.unconfirmed = result(again, noise).verdict != found.verdict


def _runs(case: Case, effort: Effort) -> tuple[int, int]:
    """How many draws and how many repeats of each: draws are given up first, never the runs that an interval needs."""
    draws, repeats = len(case.draws.texts), effort.repeats
    affordable = effort.seconds * 1000 / max(2 * case.typical, 0.001)
    while draws > 1 and draws * intervals.LEAST_RUNS > affordable:
        draws -= 1
    if draws * repeats > affordable:
        repeats = max(intervals.LEAST_RUNS, int(affordable / draws))
    return draws, min(repeats, effort.repeats)


def _turns(repeats: int) -> Iterator[int]:
    """0 for the copy before, 1 for the one after: A B, B A, A B …, so that neither is always the first."""
    for number in range(repeats):
        yield from ((0, 1) if number % 2 == 0 else (1, 0))


def _first(case: Case, side: int, copy: Copy, text: str) -> Answer | None:
    """Warms up, takes plan and blocks, and the rows for comparison. A run that is ended at the limit gives an empty answer."""
    try:
        case.explained[side].append(copy.explain(text))
        answer = copy.run(text, hashed=True)
        case.rows[side].append(answer.rows)
        return answer
    except RunFailed as error:
        if error.timed_out:
            return Answer(copy.limit_seconds * 1000, 0)
        case.errors[side] = str(error)
        return None


def _compared(case: Case, texts: tuple[str, str], pair: tuple[Copy, Copy], before: Answer, after: Answer) -> Answers:
    if not before.as_set or not after.as_set:
        return "not compared"
    if before.in_order == after.in_order:
        return "same"
    ordered = " ORDER BY " in texts[0].upper()
    if before.as_set == after.as_set:
        return (
            "same" if case.rewritten is None or not ordered or _order(texts[0]) == _order(texts[1]) else "other order"
        )
    again = pair[0].run(texts[0], hashed=True)
    if again.as_set != before.as_set:
        return "not comparable"
    whole = [_without_limit(text) for text in texts]
    if all(whole) and _order(texts[0]) == _order(texts[1]):
        try:
            every = [copy.run(text or "", hashed=True).as_set for copy, text in zip(pair, whole, strict=True)]
        except RunFailed:
            return "not comparable"
        if every[0] == every[1]:
            return "same rows, ties cut otherwise"
    # The rows that an inner limit, a window or an aggregate of rows in their order takes may rest on the plan alone.
    return "not comparable" if case.rewritten is None and _BY_PLAN.search(texts[0]) else "differ"


def _order(text: str) -> str:
    """What follows the last ORDER BY."""
    return " ".join(text.upper().rpartition("ORDER BY")[2].split()).rstrip("; ")


def _without_limit(text: str) -> str | None:
    """The statement without the LIMIT at its end; None when it has none there."""
    cut = _LIMIT.sub("", text)
    return cut if cut != text else None


def measure_cold(
    cases: Sequence[Case], copies: Copies, pair: tuple[Copy, Copy], seed: int, interrupted: Callable[[], bool]
) -> None:
    """The first draw of each once a round, after a restart of the server, in an order by lot that is the same for both copies."""
    chosen = [c for c in cases if c.warm[0] and c.warm[1] and max(w.median for s in c.warm for w in s) <= COLD_LONGEST]
    for number in range(COLD_ROUNDS):
        if interrupted() or copies.server is None:
            return
        copies.server.restart()
        for copy in pair:
            copy.again()
            copy.value("SELECT 1")
        order = list(chosen)
        Random(f"{seed}:{number}").shuffle(order)  # noqa: S311 -- an order that can be repeated
        for case in order:
            texts = case.texts(0)
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                try:
                    case.cold[side].append(pair[side].run(texts[side]).milliseconds)
                except RunFailed as error:
                    if error.timed_out:
                        case.cold[side].append(pair[side].limit_seconds * 1000)


def result(case: Case, noise: float) -> ProvedStatement:
    """What came of a statement."""
    sides = (_side(case, 0), _side(case, 1))
    shapes = [[explained.shape for explained in of_side] for of_side in case.explained]
    changed = shapes[0] != shapes[1]
    return ProvedStatement(
        case.statement.origin,
        mask_secrets(case.statement.sql),
        case.statement.calls,
        max(len(case.warm[0]), len(case.warm[1])),
        case.draws.origin,
        *sides,
        "inside noise"
        if case.unconfirmed
        else verdict(sides[0].warm, sides[1].warm, _noise(case, sides, noise, changed), any(case.errors)),
        _worst(case.answers),
        changed,
        case.control,
        case.rewritten is not None,
    )


def _noise(case: Case, sides: tuple[Side, Side], noise: float, changed: bool) -> float:
    """The share that a difference must exceed. With the same plan over the same blocks next to nothing can have changed, and of many
    statements some differ by chance."""
    own = max(abs(case.control or 0.0), noise, _LEAST_NOISE)
    before, after = (side.buffers or 0.0 for side in sides)
    return own if changed or abs(before - after) > 0.02 * max(before, 1.0) else max(3 * own, _LEAST_BY_ITSELF)


def _side(case: Case, side: int) -> Side:
    explained, rows = case.explained[side], case.rows[side]
    return Side(
        intervals.over_draws(case.warm[side]),
        intervals.of_runs(case.cold[side]),
        fmean(row.buffers for row in explained) if explained else None,
        fmean(rows) if rows else None,
        tuple(sorted({name for row in explained for name in row.indexes})),
        case.errors[side],
    )


_SEVERITY: tuple[Answers, ...] = (
    "differ", "other order", "not comparable", "not compared", "same rows, ties cut otherwise", "same",
)  # fmt: skip


def _worst(answers: Sequence[Answers]) -> Answers:
    return min(answers, key=_SEVERITY.index, default="not compared")


def verdict(before: Interval | None, after: Interval | None, noise: float, failed: bool = False) -> Verdict:
    """``noise`` is the share by which equal copies differ: what is nearer than that is no difference."""
    if failed:
        return "failed"
    if before is None or after is None or (before.open and after.open):
        return "no interval"
    if before.overlaps(after):
        return "inside noise"
    change = abs(after.median / before.median - 1) if after.median > before.median else before.median / after.median - 1
    if change <= max(noise, _LEAST_NOISE):
        return "inside noise"
    return "faster" if after.median < before.median else "slower"
