"""Write the changes that findings propose into the project: models and migrations, and the code that sends queries."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dbwright.commands._fix_code import Asked, proven
from dbwright.errors import DbwrightError
from dbwright.model.finding import SEVERITIES, Severity
from dbwright.model.wording import counted
from dbwright.options import Look, Source, note, progress, run, source_options_beside

if TYPE_CHECKING:
    from dbwright.fixes.drafts import Draft, FileText, Left, Wanted
    from dbwright.model.finding import Finding, ObjectRef
    from dbwright.model.report import Report

MENDED = ("migrations/several-heads", "migrations/duplicate-revision")
"""The rules whose findings are mended in the history itself, before anything can follow it."""
MOST_LEFT = 8
"""Lines on what is not written; the JSON of the audit has all findings."""


class NotConfirmed(DbwrightError):
    """Nobody agreed to the files being written."""


class TwoProofs(DbwrightError):
    """Two ways were named to see what an edit does."""


class UnsavedChanges(DbwrightError):
    """A file to be edited holds changes that git has not."""


@click.command("fix")
@click.argument("findings", nargs=-1, metavar="[FINDING]...")
@source_options_beside
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="Without FINDING: the changes of all findings at least so severe.",
)
@click.option(
    "--tests",
    metavar="COMMAND",
    help="Run these tests of the project in copies of it, to see what edits of its code do; auto: those that are found.",
)
@click.option(
    "--get",
    "urls",
    multiple=True,
    metavar="URL",
    help="Instead of tests: ask for this page of a Django project (/books/?page=2), with the database of its settings. Repeatable.",
)
@click.option("--as", "user", metavar="NAME", help="The user who asks for the pages of --get.")
@click.option("--dry-run", is_flag=True, help="Show the difference, write nothing.")
@click.option("--dirty", "take_dirty", is_flag=True, help="Edit files that hold uncommitted changes, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    source: Source,
    findings: tuple[str, ...],
    severity: Severity,
    tests: str | None,
    urls: tuple[str, ...],
    user: str | None,
    dry_run: bool,
    take_dirty: bool,
    yes: bool,
) -> int:
    """Write the changes that findings propose into the project: models and migrations, and the code that sends queries.

    FINDING is the id of a finding or the name of a rule. The models are edited where they stand, and migrations written that change the
    database while others use it. Shown as a difference first; accepted only when models and migrations then agree. The database is not
    touched: migrate as always, or have `dbwright apply` do it.

    Code that sends queries is edited only where the project's own tests (--tests) then send fewer statements and give the same results;
    else the edit is advice. The tests run in copies of the project. Pages (--get) serve as tests as well. Without either nothing of the
    project is run.

    Exit codes: 0 done, 1 nothing could be written, 2 refused before anything was written.
    """
    from dbwright.choosing import chosen

    require_somebody(dry_run, yes)
    if tests is not None and urls:
        raise TwoProofs("--tests and --get do not go together.", "Leave one of them out.")
    asked = Asked(tests, urls, user)
    look = Look((), (), None, False)
    report = run(source, look)
    meant = chosen(report, findings, severity)
    if findings and any(finding.rule in MENDED for finding in meant):
        return _mend_histories(source, report, dry_run, take_dirty, yes)
    wanted = [one for finding in meant for one in _wanted(finding)]
    edits = [finding for finding in meant if finding.edits and (findings or asked)]
    if not wanted and not edits:
        _tell_nothing(report, findings, severity)
        return 1
    root = _root(source, report)
    draft = _drafted(root, report, wanted) if wanted else None
    in_code = proven(source, root, report, edits, asked) if edits else ()
    files = _apart(draft.files if draft else (), in_code)
    if not files:
        note("Nothing to write.")
        return 1
    if _written(root, files, dry_run, take_dirty, yes):
        after = run(source, look, queries=None if in_code else report.snapshot.source)
        if draft is not None and draft.files:
            _tell_outcome(draft, after)
        _tell_code(files, edits, after)
    return 0


def _tell_nothing(report: Report, findings: Sequence[str], severity: Severity) -> None:
    note("These findings have no change." if findings else f"No finding that is {severity} or worse has a change.")
    milder = sum(1 for finding in report.findings if finding.change or finding.code_change)
    if milder and not findings:
        note(f"{counted(milder, 'hint')} with a change: --severity info takes {'them' if milder > 1 else 'it'}.")


def _drafted(root: Path, report: Report, wanted: Sequence[Wanted]) -> Draft:
    with progress("Writing") as progressed:
        progressed("reading the models", 0.1)
        draft = _draft(root, report, wanted)
    _tell_left(draft.left)
    return draft


def _apart(in_models: Sequence[FileText], in_code: Sequence[FileText]) -> list[FileText]:
    """All files once: what both would change is left to the migrations first."""
    taken = {file.file for file in in_models}
    for file in in_code:
        if file.file in taken:
            note(f"Not written: the queries in {file.file}, which the migrations' models change as well. Run it again.")
    return [*in_models, *(file for file in in_code if file.file not in taken)]


def require_somebody(dry_run: bool, yes: bool) -> None:
    """Raise NotConfirmed where nobody could agree to what would be written."""
    if not (yes or dry_run or sys.stdin.isatty()):
        raise NotConfirmed("Nobody is here to agree to what would be written.", "Give --yes, or --dry-run to see it.")


def agreed(root: Path, files: Sequence[FileText], question: str, dry_run: bool, take_dirty: bool, yes: bool) -> bool:
    """Whether the files are to be written, once they were shown and somebody agreed. Raises UnsavedChanges, NotConfirmed."""
    from dbwright.fixes import writing

    unsaved = [] if dry_run or take_dirty else writing.dirty(root, files)
    if unsaved:
        raise UnsavedChanges(f"Uncommitted changes in {', '.join(unsaved)}.", "Commit them first, or give --dirty.")
    for file in files:
        show(file.file, file.old or "", file.new)
    if dry_run:
        return False
    if not (yes or click.confirm(question, err=True)):
        raise NotConfirmed("Nothing was written.", "Give --yes to be asked no more.")
    return True


def _written(root: Path, files: Sequence[FileText], dry_run: bool, take_dirty: bool, yes: bool) -> bool:
    from dbwright.fixes import writing

    if not agreed(root, files, _question(files), dry_run, take_dirty, yes):
        return False
    writing.write(root, files)
    return True


def _mend_histories(source: Source, report: Report, dry_run: bool, take_dirty: bool, yes: bool) -> int:
    from dbwright.fixes.histories import mend
    from dbwright.fixes.project import Project
    from dbwright.fixes.python_text import CannotEdit

    root = _root(source, report)
    project = Project(root, report.snapshot.project.surroundings)
    try:
        files, words = mend(project, report.snapshot.source.migrations)
    except CannotEdit as error:
        note(f"Not written: {error}.")
        return 1
    for word in words:
        note(f"{word}.")
    if _written(root, files, dry_run, take_dirty, yes):
        after = run(source, Look((), (), None, False), queries=report.snapshot.source)
        left = [problem.message for problem in after.snapshot.source.migrations.problems]
        note(
            f"Left: {'; '.join(left)}."
            if left
            else "Every history has one end now. Compare it with what each database has recorded."
        )
    return 0


def _wanted(finding: Finding) -> list[Wanted]:
    from dbwright.fixes.drafts import Wanted
    from dbwright.model.change import Verbatim

    change = finding.change or finding.code_change
    if change is None:
        return []
    if change.engine == "sqlite" and any(isinstance(one, Verbatim) for one in change.operations):
        return []  # SQLite's own words; everything else is said alike for both
    table = next((_table(one) for one in finding.objects if one.table or one.kind == "table"), None)
    return Wanted(change, finding.title, finding.id, table).apart()


def _table(ref: ObjectRef) -> tuple[str, str]:
    return ref.schema or "public", ref.table or ref.name


def _root(source: Source, report: Report) -> Path:
    from dbwright.acquire import NothingToAudit

    if not report.snapshot.source.tables:
        raise NothingToAudit("There are no models here to be edited.", "Give the project's folder with --project.")
    return source.path.resolve()


def _draft(root: Path, report: Report, wanted: Sequence[Wanted]) -> Draft:
    """What can be written so that models and migrations agree. The changes of tables on which they would not are left out."""
    from dbwright.fixes.drafts import Drafter, Left
    from dbwright.fixes.project import Project

    project = Project(root, report.snapshot.project.surroundings)
    catalog = report.snapshot.catalog
    taken = frozenset(
        [*(name for names in catalog.relation_names.values() for name in names), *(c.name for c in catalog.constraints)]
    )
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    kept = list(wanted)
    left: list[Left] = []
    while True:
        draft = Drafter(project, taken).draft(kept, today)
        if not draft.files:
            return draft.without(left)
        against = {one.table: one.detail for one in project.drift_with({file.file: file.new for file in draft.files})}
        if not against:
            return draft.without(left)
        disagreeing = [one for one in kept if one.tables & against.keys()] or kept
        left += [Left(one, f"models and migrations would not agree: {_first(against, one)}") for one in disagreeing]
        kept = [one for one in kept if one not in disagreeing]


def _first(against: Mapping[str, str], wanted: Wanted) -> str:
    return next((detail for table, detail in against.items() if table in wanted.tables), next(iter(against.values())))


def show(file: str, old: str, new: str) -> None:
    """Show what changes in a file."""
    from dbwright.fixes.python_text import difference
    from dbwright.plaintext import clean

    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in difference(file, old, new).splitlines():
        click.secho(clean(line), fg=colours.get(line[:1]) if not line.startswith(("+++", "---")) else None)
    click.echo()


def _tell_left(left: Sequence[Left]) -> None:
    reasons: dict[tuple[str, str], int] = {}
    for one in left:
        key = one.wanted.reason, one.reason
        reasons[key] = reasons.get(key, 0) + 1
    for (title, reason), count in list(reasons.items())[:MOST_LEFT]:
        note(f"Not written: {title}{f' ({count} parts)' if count > 1 else ''}: {reason}.")
    if len(reasons) > MOST_LEFT:
        note(f"Not written: {len(reasons) - MOST_LEFT} more.")


def _question(files: Sequence[FileText]) -> str:
    new = sum(1 for file in files if file.old is None)
    edited = len(files) - new
    parts = [f"edit {counted(edited, 'file')}"] if edited else []
    parts += [f"write {counted(new, 'migration')}"] if new else []
    return f"{' and '.join(parts).capitalize()}?"


def _tell_code(files: Sequence[FileText], edits: Sequence[Finding], after: Report) -> None:
    """What became of the findings whose code was edited."""
    edited = {file.file for file in files}
    present = {finding.id for finding in after.findings}
    about = [finding for finding in edits if any(edit.place.file in edited for edit in finding.edits)]
    gone = [finding.title for finding in about if finding.id not in present]
    _tell_gone(gone)
    if len(about) > len(gone):
        note(f"{counted(len(about) - len(gone), 'finding')} on code still there, in part.")


def _tell_gone(titles: Sequence[str]) -> None:
    if titles:
        note(f"{counted(len(titles), 'finding')} gone: {'; '.join(titles[:3])}{' …' if len(titles) > 3 else ''}.")


def _tell_outcome(draft: Draft, after: Report) -> None:
    present = {finding.id for finding in after.findings}
    titles = {wanted.finding: wanted.reason for wanted, _ in draft.changes}
    gone = [title for id_, title in titles.items() if id_ not in present]
    stay = len(titles) - len(gone)
    for file in draft.files:
        note(f"{'Written' if file.old is None else 'Edited'}: {file.file}")
    _tell_gone(gone)
    if stay:
        note(f"{counted(stay, 'finding')} still there, in part or until the database is migrated.")
    for name in draft.unchecked:
        note(
            f"Not checked whether models and migrations of {name} agree: they could not be read wholly. Run makemigrations --check."
        )
    if draft.steps:
        note(f"Next: {' && '.join(draft.steps)}")
