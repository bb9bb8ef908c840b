"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dbwright.errors import DbwrightError
from dbwright.model.finding import SEVERITIES
from dbwright.model.wording import counted

if TYPE_CHECKING:
    from dbwright.config import Baseline, Configuration
    from dbwright.model.report import Report
    from dbwright.model.snapshot import Snapshot
    from dbwright.model.source import Source as ProjectSource
    from dbwright.model.workload import WorkloadRead

FORMATS = ("text", "json", "markdown", "html", "sarif", "github")
FOR_PEOPLE = ("text", "markdown", "html", "github")


class UnknownRule(DbwrightError):
    """A rule was named that does not exist."""


@dataclass(frozen=True)
class Source:
    """The values of ``source_options``."""

    path: Path
    databases: tuple[str, ...]
    snapshot: Path | None
    no_db: bool
    no_values: bool
    imports: bool
    python: Path | None

    def words(self) -> tuple[str, ...]:
        """What another command is given to look at the same; never a password."""
        from dbwright.postgres import without_password

        given = [] if self.path.resolve() == _project_here().resolve() else ["--project", str(self.path)]
        if self.databases:
            return (*given, "--db", without_password(self.databases[0]))
        if self.snapshot is not None:
            return (*given, "--snapshot", str(self.snapshot))
        return (*given, "--no-db") if self.no_db else tuple(given)

    def read(
        self, configuration: Configuration, *, afresh: bool = False, queries: ProjectSource | None = None
    ) -> Snapshot:
        """The Snapshot that these options ask for, with a progress bar when it takes long. ``afresh``: with the project as it is now,
        also where a saved snapshot has what it was."""
        from dbwright.acquire import Request, acquire

        databases = self.databases or ((configuration.database,) if configuration.database and not self.no_db else ())
        imports = self.imports or self.python is not None
        request = Request(
            self.path,
            databases,
            self.snapshot,
            not self.no_db,
            not self.no_values,
            imports,
            self.python,
            afresh,
            queries,
        )
        with progress("Reading the database") as progressed:
            return acquire(request, os.environ, progressed)


@dataclass(frozen=True)
class Look:
    """The values of ``audit_options`` that decide what is looked for."""

    only: tuple[str, ...]
    ignores: tuple[str, ...]
    baseline: Path | None
    no_history: bool
    hints: bool = False


@dataclass(frozen=True)
class Patience:
    """How long one statement of a run queues for a lock, and how long anything is waited for, in seconds."""

    lock: float = 0.5
    total: float = 600.0


def apply_options(command: Callable[..., int]) -> Callable[..., int]:
    """--yes, and --lock-timeout and --wait as ``patience``."""

    @wraps(command)
    def gather(lock_timeout: float, wait: float, **others: Any) -> int:
        return command(patience=Patience(lock_timeout, wait), **others)

    return _decorate(
        gather,
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option(
            "--lock-timeout",
            type=click.FloatRange(min=0.01, max=60),
            default=Patience.lock,
            show_default=True,
            metavar="SECONDS",
            help="How long a statement queues for a lock that others then wait behind; it is tried again.",
        ),
        click.option(
            "--wait",
            type=click.FloatRange(min=1),
            default=Patience.total,
            show_default=True,
            metavar="SECONDS",
            help="How long locks, old transactions, replicas and a server that restarts are waited for.",
        ),
    )


def source_options(command: Callable[..., int]) -> Callable[..., int]:
    """PATH, --db, --snapshot, --no-db, --no-values, --import, --python; the command gets them as ``source``."""
    return _with_source(command, click.argument("path", type=click.Path(path_type=Path), required=False))


def source_options_beside(command: Callable[..., int]) -> Callable[..., int]:
    """The same for a command whose argument is something else: the project is --project."""
    project = click.option(
        "--project",
        "path",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="The project's folder; else this one.",
    )
    return _with_source(command, project)


def _with_source(command: Callable[..., int], place: Callable[..., Any]) -> Callable[..., int]:
    @wraps(command)
    def gather(
        path: Path | None,
        databases: tuple[str, ...],
        snapshot: Path | None,
        no_db: bool,
        no_values: bool,
        imports: bool,
        python: Path | None,
        **others: Any,
    ) -> int:
        root = path or _project_here()
        return command(source=Source(root, databases, snapshot, no_db, no_values, imports, python), **others)

    return _decorate(
        gather,
        place,
        click.option(
            "--db",
            "databases",
            multiple=True,
            metavar="ADDRESS",
            help="Database URL, libpq string or SQLite file. Repeat to add the replicas of the first.",
        ),
        click.option(
            "--snapshot", type=click.Path(path_type=Path), metavar="FILE", help="Read a saved snapshot instead."
        ),
        click.option("--no-db", is_flag=True, help="Read the project only."),
        click.option("--no-values", is_flag=True, help="Do not read sample values of columns."),
        *import_options(),
    )


@dataclass(frozen=True)
class GivenWorkload:
    """The values of ``workload_options``."""

    sql_dir: Path | None = None
    logs: tuple[Path, ...] = ()
    captured: tuple[Path, ...] = ()
    since: Path | None = None

    def read(self, snapshot: Snapshot) -> WorkloadRead:
        """The statements that these options ask for: what the server recorded where none of them was given, else the code's queries."""
        from dbwright import snapshots
        from dbwright.workload.captured import read_captured
        from dbwright.workload.code import read_code
        from dbwright.workload.folder import read_folder
        from dbwright.workload.logs import read_logs
        from dbwright.workload.recorded import read_difference, read_recorded

        if self.sql_dir:
            return read_folder(self.sql_dir)
        if self.logs:
            return read_logs(self.logs, snapshot.target.database)
        if self.captured:
            return read_captured(self.captured)
        if self.since:
            return read_difference(snapshots.load(self.since), snapshot)
        recorded = read_recorded(snapshot)
        return recorded if recorded.statements else read_code(snapshot)


def workload_options(command: Callable[..., int]) -> Callable[..., int]:
    """--sql-dir, --logs, --captured, --since; the command gets them as ``given``."""

    @wraps(command)
    def gather(
        sql_dir: Path | None, logs: tuple[Path, ...], captured: tuple[Path, ...], since: Path | None, **others: Any
    ) -> int:
        return command(given=GivenWorkload(sql_dir, logs, captured, since), **others)

    file = click.Path(path_type=Path)
    return _decorate(
        gather,
        click.option("--sql-dir", type=file, metavar="DIR", help="The workload is the .sql files of a folder."),
        click.option(
            "--logs", multiple=True, type=file, metavar="FILE", help="The workload is PostgreSQL's csv or json logs."
        ),
        click.option(
            "--captured",
            multiple=True,
            type=file,
            metavar="FILE",
            help="The workload is what `python -m dbwright.capture` wrote down.",
        ),
        click.option("--since", type=file, metavar="FILE", help="Only what was recorded since this earlier snapshot."),
    )


def import_options() -> tuple[Callable[..., Any], ...]:
    """--import and --python."""
    return (
        click.option(
            "--import",
            "imports",
            is_flag=True,
            help="Ask the project's own interpreter for the models. This runs the project's code.",
        ),
        click.option(
            "--python",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="The project's interpreter, for --import; else that of its .venv.",
        ),
    )


def with_import_options(command: Callable[..., int]) -> Callable[..., int]:
    """--import and --python as ``imports`` and ``python``."""
    return _decorate(command, *import_options())


def _project_here() -> Path:
    """The project that the working directory lies in; one that lies above it is told."""
    from dbwright.collect.project import find_root

    here = Path.cwd()
    root = find_root(here)
    if root == here:
        return Path()
    note(f"Reading the project in {root}.")
    return root


def audit_options(command: Callable[..., int]) -> Callable[..., int]:
    """What to look for, as ``look``, and how to show it, as ``format_`` and ``output``."""

    @wraps(command)
    def gather(
        only: tuple[str, ...],
        ignores: tuple[str, ...],
        baseline: Path | None,
        no_history: bool,
        hints: bool,
        **others: Any,
    ) -> int:
        return command(look=Look(only, ignores, baseline, no_history, hints), **others)

    return _decorate(
        gather,
        click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True),
        click.option(
            "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write the report to a file."
        ),
        click.option("--only", multiple=True, metavar="RULE", help="Run only these rules or areas (patterns allowed)."),
        click.option("--ignore", "ignores", multiple=True, metavar="RULE", help="Leave out a rule (patterns allowed)."),
        click.option(
            "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Hold back the findings listed here."
        ),
        click.option("--no-history", is_flag=True, help="Neither compare with earlier audits nor keep this one."),
        click.option(
            "--hints", is_flag=True, help="List what is only info, too: habits, and what few rows make harmless."
        ),
    )


def _decorate(command: Callable[..., int], *decorators: Callable[..., Any]) -> Callable[..., int]:
    """Click lists options in the order in which decorators are read, the last applied first."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def plans_option(command: Callable[..., int]) -> Callable[..., int]:
    """--plans as ``plans``."""
    return click.option(
        "--plans",
        is_flag=True,
        help="Plan every query of the code as production would, and tell which would read or sort a large table.",
    )(command)


def run(
    source: Source,
    look: Look,
    *,
    plans: bool = False,
    captured: tuple[Path, ...] = (),
    queries: ProjectSource | None = None,
) -> Report:
    """Collect, audit, remember. ``plans``: the queries of the code, or those captured, are planned as production would. ``queries``: a
    reading whose queries are taken over. The store failing is told, never fatal."""
    from dbwright import config
    from dbwright.judged import judge
    from dbwright.model.report import Ignore
    from dbwright.source.cache import default_folder

    configuration = config.load(source.path.resolve(), os.environ)
    only = look.only or configuration.only
    _check_names((*only, *look.ignores, *(i.rule for i in configuration.ignores if "/" in i.rule)))
    _check_limits(configuration)
    given = tuple(Ignore(rule, "--ignore", source="--ignore") for rule in look.ignores)
    path = baseline_path(source.path, look.baseline, configuration)
    known = config.read_baseline(path) if path else None
    snapshot = source.read(configuration, afresh=plans, queries=queries)
    report = judge(
        _with_plans(snapshot, captured) if plans else snapshot,
        default_folder(os.environ),
        only=only,
        ignores=(*configuration.ignores, *given),
        baseline=known.findings if known else None,
        limits=configuration.limits,
    )
    report = replace(report, given=source.words())
    if path and known:
        _shrink_baseline(path, known, report)
    return report if look.no_history else _remember(report)


def _with_plans(snapshot: Snapshot, captured: tuple[Path, ...]) -> Snapshot:
    from dbwright.gate.queries import of_capture, of_code, with_plans
    from dbwright.workload.captured import read_calls

    if captured:
        calls, problems = read_calls(captured)
        for problem in problems:
            note(f"{problem.origin}: {problem.reason}.")
        sent = of_capture(calls)
    else:
        sent = of_code(snapshot)
    with progress("Planning") as progressed:
        return with_plans(snapshot, sent, progressed)


def baseline_path(root: Path, given: Path | None, configuration: Configuration) -> Path | None:
    """The baseline to use: the one given, the one configured, or the one that lies in the project."""
    from dbwright.config import BASELINE_NAME

    if given:
        return given
    if configuration.baseline:
        return configuration.baseline
    path = root / BASELINE_NAME
    return path if path.is_file() else None


def _shrink_baseline(path: Path, known: Baseline, report: Report) -> None:
    """What was mended leaves the baseline for good, so that its return fails the check."""
    from dbwright.config import encode_baseline
    from dbwright.snapshots import FileNotWritten, write_private

    if known.target != report.snapshot.target.identity:
        return
    present = {f.id for f in (*report.findings, *(held.finding for held in report.ignored))}
    looked = set(report.rules_run) - {entry.rule for entry in report.not_checked}
    left = {id_: line for id_, line in known.findings.items() if id_ in present or line.split(":")[0] not in looked}
    gone = len(known.findings) - len(left)
    if gone:
        try:
            write_private(path, encode_baseline(known.target, left))
            note(f"{counted(gone, 'finding')} of the baseline gone; {path} is shorter now.")
        except FileNotWritten as error:
            note(f"{counted(gone, 'finding')} of the baseline gone, but {error.message}")


def _remember(report: Report) -> Report:
    import sqlite3

    from dbwright import store

    path = store.default_path(os.environ)
    try:
        return store.remember(report, path)
    except (sqlite3.Error, OSError) as error:
        note(f"History not kept in {path}: {error}. Set DBWRIGHT_STORE to another file.")
        return report


def _check_names(patterns: tuple[str, ...]) -> None:
    """A pattern that matches no rule is a mistake of spelling, not an empty selection."""
    from difflib import get_close_matches
    from fnmatch import fnmatchcase

    from dbwright import rules

    names = rules.names()
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) or name.startswith(pattern.rstrip("/") + "/") for name in names):
            raise unknown_rule(pattern, get_close_matches(pattern, names, 1, 0.5))


def _check_limits(configuration: Configuration) -> None:
    from difflib import get_close_matches

    from dbwright import rules

    for rule, limits in configuration.limits.items():
        if rule not in rules.names():
            raise unknown_rule(rule, get_close_matches(rule, rules.names(), 1, 0.5))
        for name in limits:
            if name not in rules.load(rule).limits:
                known = ", ".join(rules.load(rule).limits) or "none"
                raise UnknownRule(f"{rule} has no limit {name!r}.", f"Its limits: {known}.")


def unknown_rule(name: str, close: list[str]) -> UnknownRule:
    near = f"Did you mean {close[0]}?" if close else "`dbwright explain` lists all rules."
    return UnknownRule(f"There is no rule {name!r}.", near)


def render(report: Report, format_: str) -> str:
    """The report as text in one of ``FORMATS`` (text is for a file: plain)."""
    import importlib

    module = importlib.import_module(f"dbwright.report.{format_}")
    text: str = module.render(report)
    return text


def show(
    report: Report, format_: str, output: Path | None, fail_on: str | None = None, look: Look | None = None
) -> None:
    """Print the report, or write it to a file. To people hints are listed when they asked for them, be it by the name of their rule;
    programs get all findings with their severity."""
    from dbwright.model.report import without_hints

    if format_ in FOR_PEOPLE and not (look and (look.hints or look.only)):
        report = without_hints(report)
    if format_ == "text" and output is None:
        from dbwright.report import text

        text.show(report, fail_on=fail_on)
        return
    rendered = render(report, format_)
    _append_summary(report, format_)
    write_or_show(rendered, output)


def write_or_show(text: str, output: Path | None) -> None:
    """To the file that was asked for, else to standard output."""
    if output is None or str(output) == "-":
        click.echo(text, nl=not text.endswith("\n"))
        return
    from dbwright.snapshots import write_private

    write_private(output, text.encode())
    note(f"Report written to {output}.")


def _append_summary(report: Report, format_: str) -> None:
    """The summary page of a GitHub workflow run, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if format_ == "github" and path:
        from dbwright.report import github

        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(github.summary(report))
        except OSError as error:
            note(f"The summary page was not written: {error.strerror}.")


def require_checked(report: Report, source: Source) -> None:
    """Raise when no database was read that was asked for: a gate must not be green for that, nor a baseline empty."""
    from dbwright.acquire import NothingToAudit

    asked_for_source = source.no_db and report.rules_run
    if not report.snapshot.collection_seconds and not asked_for_source:
        gap = report.snapshot.gaps[0]
        raise NothingToAudit(f"Nothing could be checked: {gap.reason}.", gap.remedy)


def failing(report: Report, fail_on: str | None) -> int:
    """How many findings are at or above the threshold."""
    levels = [name for name in SEVERITIES if fail_on in SEVERITIES[SEVERITIES.index(name) :]]
    return sum(1 for finding in report.findings if finding.severity in levels)


def note(text: str) -> None:
    """A remark beside the output: always on standard error."""
    from dbwright.plaintext import one_line

    click.echo(one_line(text), err=True)


PROGRESS_AFTER = 1.5


@contextmanager
def progress(what: str) -> Iterator[Callable[[str, float], None]]:
    """A progress bar on standard error that appears once the work takes longer than ``PROGRESS_AFTER`` seconds, and only
    where a person looks."""
    began = time.monotonic()
    bar: Any = None
    task: Any = None

    def progressed(step: str, share: float) -> None:
        nonlocal bar, task
        if not sys.stderr.isatty():
            return
        if bar is None and time.monotonic() - began > PROGRESS_AFTER:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[step]}"),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            bar.start()
            task = bar.add_task(what, total=1.0, step="")
        if bar is not None:
            bar.update(task, completed=share, step=step)

    try:
        yield progressed
    finally:
        if bar is not None:
            bar.stop()


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """For the length of a block Ctrl-C only sets what this answers, so that the work can end with what it has; a second one ends it at
    once. Off the main thread, which alone hears signals, nothing changes."""
    import signal
    import threading

    asked = threading.Event()

    def hear(_number: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        # Not through a stream: it may be in the middle of a write of its own.
        os.write(2, b"Interrupted: ending with the best that was found so far. Once more ends at once.\n")

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
