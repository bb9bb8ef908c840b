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
    return {file: edited(texts[file], [edit for edit in merged(edits) if edit.place.file == file]) for file in files}


def try_edits(
    room: Room, tests: Command, texts: Texts, units: Sequence[Unit], progressed: Callable[[str, float], None]
) -> Trial:
    """Run the tests twice as the project is, and once with each of the edits that they come to. Where something is other with one, they run
    once more without it, and with each of its names alone. Raises CannotRunTests."""
    progressed("running the tests as they are", 0.1)
    course = _Course(room, tests, texts, units)
    failing = tuple(
        (test.name, test.outcome) for test in course.before.values() if test.outcome not in ("passed", "skipped")
    )
    tried: list[Tried] = []
    for n, unit in enumerate(units):
        progressed(f"running the tests with {unit[0].words}", 0.1 + 0.9 * n / len(units))
        tried += course.tried(unit)
    return Trial(tuple(tried), failing)


class _Course:
    """A course of runs: how the tests are with the edits in ``good``, and the runs that tell what differs by itself."""

    def __init__(self, room: Room, tests: Command, texts: Texts, units: Sequence[Unit]) -> None:
        self.room, self.tests, self.texts = room, tests, texts
        self.numbers = {part: number for number, part in enumerate(part for unit in units for part in _parts(unit))}
        self.good: list[CodeEdit] = []
        self.before = self._run(())
        self.controls: list[Record] = []

    def _run(self, more: Sequence[CodeEdit]) -> Record:
        written = {*self.good, *more}
        files: dict[str, str] = {}
        for file in dict.fromkeys(part.place.file for part in self.numbers):
            numbers = {part: number for part, number in self.numbers.items() if part.place.file == file}
            files[file] = marked(self.texts[file], numbers, written)
        return self.room.run(self.tests, files)

    def tried(self, unit: Unit) -> list[Tried]:
        parts = _parts(unit)
        verdict = self._judged(parts)
        if not verdict.is_other or len(parts) == 1:
            return [Tried(unit, verdict)]
        apart = [Tried((part,), self._judged((part,))) for part in parts]
        return apart if any(one.verdict.is_proven for one in apart) else [Tried(unit, verdict)]

    def _judged(self, parts: Unit) -> Verdict:
        marks = self._marks(parts)
        if marks and not reached(self.before, marks):
            return Verdict(reason="no test comes to it")
        self.controls = self.controls or [self._run(())]
        after = self._run(parts)
        verdict = judge(self.before, self.controls, after, marks)
        if verdict.is_other and len(self.controls) < MOST_CONTROLS:
            # Something may be other because time goes by.
            self.controls.append(self._run(()))
            verdict = judge(self.before, self.controls, after, marks)
        if verdict.is_proven:
            self.good += parts
            self.controls = [_with_costs(control, self.before, after) for control in self.controls]
            self.before = after
        return verdict

    def _marks(self, parts: Unit) -> list[int]:
        """The numbers of edits that stand in functions; none where a class or module says one of them, which no test comes to again."""
        if any(CodeText(self.texts[part.place.file]).function_of(part) is None for part in parts):
            return []
        return [self.numbers[part] for part in parts]


def _parts(unit: Unit) -> Unit:
    """The edits of single relations that an edit of several is."""
    relations = ("select_related", "prefetch_related", "selectinload")
    return tuple(
        part
        for edit in unit
        for part in ([replace(edit, names=(name,)) for name in edit.names] if edit.do in relations else [edit])
    )


def merged(edits: Sequence[CodeEdit]) -> list[CodeEdit]:
    """Edits of one expression that do the same, as one with all names."""
    names: dict[CodeEdit, dict[str, None]] = {}
    for edit in edits:
        names.setdefault(replace(edit, names=()), {}).update(dict.fromkeys(edit.names))
    return [replace(edit, names=tuple(every)) for edit, every in names.items()]


def _with_costs(control: Record, before: Record, after: Record) -> Record:
    """A run without an edit that is good, as a run with it: where it cost what the others cost."""
    return {
        name: replace(test, statements=after[name].statements, rows=after[name].rows)
        if name in after and (test.statements, test.rows) == (before[name].statements, before[name].rows)
        else test
        for name, test in control.items()
        if name in before
    }
