"""Edits tried one after the other: each on top of those that the tests have shown to be good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dbwright.fixes.code_edits import CodeText, edited, marked
from dbwright.fixes.python_text import CannotEdit
from dbwright.model.code_edit import CodeEdit
from dbwright.trials.runs import Command, Record, Room
from dbwright.trials.verdict import Verdict, judge, reached

Unit = tuple[CodeEdit, ...]
"""Edits of one function, which stand and fall together."""
MOST_CONTROLS = 6
"""Runs without an edit after which what is other with one is taken to be the edit's doing."""
Texts = Mapping[str, str]
"""Files of the project with their text."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Edits with what the tests say of them."""

    edits: Unit
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Trial:
    """Edits with what the tests say of them, and the tests that do not pass as the project is, with their outcomes."""

    tried: tuple[Tried, ...]
    failing: tuple[tuple[str, str], ...]


def editable(texts: Texts, units: Sequence[Unit]) -> tuple[list[Unit], list[Tried]]:
    """The edits that the text allows together, and the others with the reason."""
    good: list[Unit] = []
    refused: list[Tried] = []
    for unit in units:
        kept: list[CodeEdit] = []
        for edit in unit:
            try:
                write(texts, [*(edit for one in good for edit in one), *kept, edit])
            except CannotEdit as error:
                refused.append(Tried((edit,), Verdict(reason=str(error))))
            else:
                kept.append(edit)
        if kept:
            good.append(tuple(kept))
    return good, refused


def write(texts: Texts, edits: Sequence[CodeEdit]) -> dict[str, str]:
    """The files that edits change, as they are then. Raises CannotEdit."""
    files = dict.fromkeys(edit.place.file for edit in edits)
    return {file: edited(texts[file], [edit for edit in edits if edit.place.file == file]) for file in files}


def try_edits(
    room: Room, tests: Command, texts: Texts, units: Sequence[Unit], progressed: Callable[[str, float], None]
) -> Trial:
    """Run the tests twice as the project is, and once with each of the edits that they come to; where something is other with one, once
    more without it. Raises CannotRunTests."""
    numbers = {edit: number for number, edit in enumerate(edit for unit in units for edit in unit)}
    runs = len(units) + 2
    progressed("running the tests as they are", 1 / (runs + 1))
    before = room.run(tests, _marked(texts, numbers, ()))
    marks = {unit: _marks(texts, unit, numbers) for unit in units}
    worth = [unit for unit in units if not marks[unit] or reached(before, marks[unit])]
    found = {unit: Verdict(reason="no test comes to it") for unit in units}
    failing = tuple((test.name, test.outcome) for test in before.values() if test.outcome not in ("passed", "skipped"))
    if not worth:
        return Trial(tuple(Tried(unit, found[unit]) for unit in units), failing)
    progressed("running the tests as they are, again", 2 / (runs + 1))
    controls = [room.run(tests, _marked(texts, numbers, ()))]
    good: list[CodeEdit] = []
    for n, unit in enumerate(worth):
        progressed(f"running the tests with {unit[0].words}", (n + 3) / (runs + 1))
        after = room.run(tests, _marked(texts, numbers, [*good, *unit]))
        verdict = judge(before, controls, after, marks[unit])
        if verdict.is_other and len(controls) < MOST_CONTROLS:
            # Something may be other because time goes by.
            controls.append(room.run(tests, _marked(texts, numbers, good)))
            verdict = judge(before, controls, after, marks[unit])
        found[unit] = verdict
        if verdict.is_proven:
            good += unit
            controls = [_with_costs(control, before, after) for control in controls]
            before = after
    return Trial(tuple(Tried(unit, found[unit]) for unit in units), failing)


def _with_costs(control: Record, before: Record, after: Record) -> Record:
    """A run without an edit that is good, as a run with it: where it cost what the others cost."""
    return {
        name: replace(test, statements=after[name].statements, rows=after[name].rows)
        if name in after and (test.statements, test.rows) == (before[name].statements, before[name].rows)
        else test
        for name, test in control.items()
        if name in before
    }


def _marks(texts: Texts, unit: Unit, numbers: Mapping[CodeEdit, int]) -> list[int]:
    """The numbers of edits that stand in functions; none where one of them is said by a class or module, which no test comes to again."""
    if any(CodeText(texts[edit.place.file]).function_of(edit) is None for edit in unit):
        return []
    return [numbers[edit] for edit in unit]


def _marked(texts: Texts, numbers: Mapping[CodeEdit, int], written: Sequence[CodeEdit]) -> dict[str, str]:
    files = dict.fromkeys(edit.place.file for edit in numbers)
    return {
        file: marked(texts[file], {e: n for e, n in numbers.items() if e.place.file == file}, written) for file in files
    }
