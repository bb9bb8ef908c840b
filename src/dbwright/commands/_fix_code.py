"""Edits of the code that findings propose: tried by the project's own tests, shown, written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dbwright.model.code_edit import together
from dbwright.model.wording import counted, listed
from dbwright.options import Look, Source, note, progress, run

if TYPE_CHECKING:
    from dbwright.fixes.drafts import FileText
    from dbwright.model.code_edit import CodeEdit
    from dbwright.model.finding import Finding
    from dbwright.model.report import Report
    from dbwright.trials.trial import Trial, Tried, Unit


@dataclass(frozen=True)
class Asked:
    """What shows whether an edit is good: a command that runs tests (``auto``: those that are found), or pages, asked for by a user."""

    tests: str | None = None
    urls: tuple[str, ...] = ()
    user: str | None = None

    def __bool__(self) -> bool:
        return self.tests is not None or bool(self.urls)


MOST_FIGURES = 3
"""Tests of an edit whose figures are shown."""
MOST_LEFT = 12


def proven(
    source: Source, root: Path, report: Report, findings: Sequence[Finding], asked: Asked
) -> tuple[FileText, ...]:
    """The files with the edits of findings that the project's tests show to be good; the others are told, with the reason. Without tests
    nothing is run, and so nothing written."""
    from dbwright.trials.trial import editable

    edits = [edit for finding in findings for edit in finding.edits]
    texts = dict(_texts(root, edits))
    good, refused = editable(texts, together(edit for edit in edits if edit.place.file in texts))
    if not asked:
        _tell_untried(texts, good, refused)
        return ()
    if not good:
        _tell_refused(refused)
        return ()
    trial = _tried(root, texts, good, asked)
    tried = trial.tried
    if trial.failing:
        some = listed([f"{name} ({outcome})" for name, outcome in trial.failing], 3)
        note(f"{counted(len(trial.failing), 'failing test')} as the project is: {some}.")
    kept = [one for one in tried if one.verdict.is_proven]
    _tell_refused([*(one for one in tried if not one.verdict.is_proven), *refused])
    for one in kept:
        note(f"Proven: {'; '.join(edit.words for edit in one.edits)}")
        for figure in one.verdict.figures[:MOST_FIGURES]:
            note(f"  {figure}")
        if len(one.verdict.figures) > MOST_FIGURES:
            note(f"  and {len(one.verdict.figures) - MOST_FIGURES} more tests likewise")
    files = _files(root, texts, kept)
    if files and (new := _new_findings(source, report, files)):
        note(f"Not written: with it the audit finds what it did not find before: {'; '.join(new[:3])}.")
        return ()
    return files


def _texts(root: Path, edits: Sequence[CodeEdit]) -> Iterator[tuple[str, str]]:
    from dbwright.fixes.project import text_of
    from dbwright.fixes.python_text import CannotEdit

    for file in dict.fromkeys(edit.place.file for edit in edits):
        try:
            yield file, text_of(root, file)
        except (CannotEdit, OSError) as error:
            note(f"Not edited: {error}.")


def _tried(root: Path, texts: Mapping[str, str], units: Sequence[Unit], asked: Asked) -> Trial:
    from dbwright.source.files import find_environment
    from dbwright.trials.runs import find_tests, requests_of, room
    from dbwright.trials.trial import try_edits

    environment = find_environment(root)
    tests = (
        find_tests(root, asked.tests, environment)
        if asked.tests is not None
        else requests_of(root, asked.urls, asked.user, environment)
    )
    note(f"Running `{' '.join(tests.command)}` in copies of the project, before and after.")
    with room(root) as place, progress("Trying") as progressed:
        return try_edits(place, tests, texts, units, progressed)


def _files(root: Path, texts: Mapping[str, str], kept: Sequence[Tried]) -> tuple[FileText, ...]:
    from dbwright.fixes.drafts import FileText
    from dbwright.fixes.project import has_crlf
    from dbwright.trials.trial import write

    new = write(texts, [edit for one in kept for edit in one.edits])
    return tuple(FileText(file, texts[file], text, has_crlf(root, file)) for file, text in sorted(new.items()))


def _new_findings(source: Source, report: Report, files: Sequence[FileText]) -> list[str]:
    """What the audit of the edited project finds that it did not find before, among the rules on queries."""
    from dbwright.trials.runs import room

    known = {finding.id for finding in report.findings}
    with room(source.path.resolve()) as place:
        copy = place.copy({file.file: file.new for file in files})
        after = run(replace(source, path=copy), Look((), (), None, True))
    return [one.title for one in after.findings if one.rule.startswith("queries/") and one.id not in known]


def _tell_untried(texts: Mapping[str, str], good: Sequence[Unit], refused: Sequence[Tried]) -> None:
    """The edits as advice."""
    from dbwright.commands.fix import show
    from dbwright.trials.trial import write

    edits = [edit for unit in good for edit in unit]
    for file, new in write(texts, edits).items():
        show(file, texts[file], new)
    _tell_refused(refused)
    if edits:
        note(
            "Advice, not written: nothing shows yet that the same comes out with fewer statements. Have tests of the project run before "
            'and after, in copies of it (--tests "python manage.py test shop", --tests auto), or pages of it asked for (--get /books/).'
        )


def _tell_refused(tried: Sequence[Tried]) -> None:
    for one in tried[:MOST_LEFT]:
        note(f"Advice only: {'; '.join(edit.words for edit in one.edits)}: {one.verdict.reason}.")
    if len(tried) > MOST_LEFT:
        note(f"Advice only: {len(tried) - MOST_LEFT} more.")
