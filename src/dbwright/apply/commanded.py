"""What `dbwright apply` and `dbwright undo` do, in order: what was left unfinished first, then the plan, the question, the run and what
came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from dbwright import config, store
from dbwright.acquire import GIVEN_SECONDS, Request, address, connect_within
from dbwright.apply import choice, engine, estimates, journal, telling, via, watch
from dbwright.apply.choice import Priced
from dbwright.apply.conduct import conduct
from dbwright.apply.plan import Left, Plan, run_name, undoing
from dbwright.apply.session import AnotherRun, Session
from dbwright.choosing import chosen
from dbwright.collect.postgres import target_of
from dbwright.errors import DbwrightError
from dbwright.model.finding import Severity
from dbwright.model.report import Report
from dbwright.model.wording import bytes_text, counted
from dbwright.options import Look, Patience, Source, note, run
from dbwright.plaintext import clean, one_line
from dbwright.source.exact import find_python


class Refused(DbwrightError):
    """A change cannot be carried out on this database as it is."""


class NotConfirmed(DbwrightError):
    """The database's name was not typed."""


@dataclass(frozen=True)
class Target:
    """The database that is changed. ``parameters`` hold its password and are shown nowhere."""

    parameters: dict[str, Any]
    name: str
    database: str
    identity: str

    @property
    def journal(self) -> Path:
        return journal.path_for(store.default_path(os.environ), self.identity)


def target(source: Source) -> Target:
    """The database that the options are about, asked who it is."""
    configuration = config.load(source.path.resolve(), os.environ)
    databases = source.databases or ((configuration.database,) if configuration.database else ())
    parameters = address(Request(source.path, databases), os.environ)
    with connect_within(parameters, GIVEN_SECONDS) as connection:
        found = target_of(connection, parameters)
        (read_only,) = connection.execute("SELECT pg_is_in_recovery()").fetchone() or (False,)
    if read_only:
        raise Refused(f"{found.name} is a standby, which takes no changes.", "Give --db the address of its primary.")
    return Target(parameters, found.name, found.database, found.identity)


def alone(target: Target) -> AbstractContextManager[None]:
    return journal.alone(target.journal)


def stop(target: Target) -> int:
    """Ask a run of this journal to stop."""
    try:
        with journal.alone(target.journal):
            note(f"No run changes {target.name} from here.")
    except AnotherRun:
        journal.stop_file(target.journal).touch(mode=0o600)
        note("It stops before its next step.")
    return 0


def list_runs(target: Target) -> int:
    """Print the runs of this journal, the newest first."""
    known = journal.runs(target.journal)
    taken_back = _taken_back(known)
    for one in known:
        state = "unfinished" if one.outcome is None else "done"
        if one.plan.run in taken_back:
            state = "taken back"
        titles = "; ".join(one_line(part.title) for part in one.plan.parts)
        titles = one.plan.via.kind + "'s own migrate" if one.plan.via else titles
        click.echo(f"{one.plan.run}  {one.plan.kind}  {state}  {titles}")
    return 0


def go_on(target: Target, patience: Patience, *, dry_run: bool) -> int | None:
    """Finish the run that was left unfinished, if there is one. It was agreed to when it began."""
    unfinished = journal.unfinished(journal.runs(target.journal))
    if unfinished is None:
        return None
    if dry_run:
        note(
            f"Run {unfinished.plan.run} ({unfinished.plan.kind}) is unfinished; without --dry-run it is gone on with first."
        )
        return 0
    note(f"Run {unfinished.plan.run} ({unfinished.plan.kind}) is unfinished; going on with it.")
    return _carry_out(target, unfinished.plan, patience)


@dataclass(frozen=True)
class Wanted:
    """What to carry out: findings by name or severity, or the indexes of a file of advice. ``may_block``: seconds that writers may wait."""

    names: Sequence[str]
    severity: Severity
    may_block: float
    advice: Path | None = None

    def of(self, report: Report, major: int) -> tuple[list[Priced], list[Left]]:
        """The changes, and what is left of the findings with the reason."""
        if self.advice:
            return choice.advised(self.advice, report.snapshot, major), []
        return choice.divided(chosen(report, self.names, self.severity), report.snapshot, major, self.may_block)


def apply(target: Target, source: Source, wanted: Wanted, patience: Patience, *, yes: bool, dry_run: bool) -> int:
    """Audit, plan, ask, carry out, audit anew."""
    report = _audit(source, target)
    now = run_name(datetime.now(UTC))
    session = Session(target.parameters, now, note)
    try:
        priced, left = wanted.of(report, session.major)
        if not priced:
            _show(telling.left_lines(left))
            note("Nothing to carry out.")
            return 0
        _refuse(priced, session)
        free, sees_replicas = watch.free_bytes(session), watch.sees_replicas(session)
    finally:
        session.close()
    _show(telling.plan_lines(f"{target.database} ({target.name})", priced, left, free, sees_replicas))
    if report.snapshot.source.tables:
        _show(
            [
                "The database alone is changed: `dbwright fix` writes it into models and migrations, `--via` carries those out."
            ]
        )
    _require_room(priced, free)
    if dry_run:
        return 0
    _confirm(target, yes)
    plan = Plan(now, "apply", target.database, tuple(one.part for one in priced))
    code = _carry_out(target, plan, patience)
    if wanted.advice:
        return code
    return max(code, _resolved(plan, report, _audit(source, target)))


def migrate(target: Target, source: Source, kind: str, patience: Patience, *, yes: bool, dry_run: bool) -> int:
    """Let the project's framework migrate, as one step that is journaled."""
    python = source.python or find_python(source.path.resolve())
    if python is None:
        raise Refused("No environment of the project was found.", "Give --python PATH, its interpreter.")
    project = via.found(source.path.resolve(), kind, python)
    head = f"{kind.capitalize()} would do, in its own way, with its own locks, and on the database of the project's own settings:"
    _show([head, *via.planned(project).splitlines()])
    if dry_run:
        return 0
    _confirm(target, yes)
    return _carry_out(target, Plan(run_name(datetime.now(UTC)), "apply", target.database, (), via=project), patience)


def undo(target: Target, name: str | None, patience: Patience, *, yes: bool) -> int:
    """Take back a run: the one named, else the one that is unfinished or was the last."""
    known = journal.runs(target.journal)
    unfinished = journal.unfinished(known)
    if unfinished is not None and unfinished.plan.kind == "undo":
        note(f"Run {unfinished.plan.run} takes {unfinished.plan.of} back and is unfinished; going on with it.")
        return _carry_out(target, unfinished.plan, patience)
    earlier = _run_to_undo(known, name)
    reverse = via.undone if earlier.plan.via else undoing
    plan = reverse(earlier.plan, journal.entries(target.journal, earlier.plan.run), run_name(datetime.now(UTC)))
    if earlier.outcome is not None and not plan.parts and not plan.via:
        note(f"Nothing of run {earlier.plan.run} is there to take back.")
        return 0
    _show(telling.undo_lines(plan))
    _confirm(target, yes)
    return _carry_out(target, plan, patience)


def _taken_back(known: Sequence[journal.Run]) -> set[str]:
    """The runs of which nothing stayed. Where something did, it may be tried again."""
    return {
        one.plan.of
        for one in known
        if one.plan.of is not None and all(entry["state"] == "done" for entry in one.outcome or ())
    }


def _run_to_undo(known: Sequence[journal.Run], name: str | None) -> journal.Run:
    taken_back = _taken_back(known)
    runs = [one for one in known if one.plan.kind == "apply" and one.plan.run not in taken_back]
    if name is None and runs:
        return runs[0]
    found = next((one for one in known if one.plan.run == name), None)
    if found is None:
        raise Refused(
            f"There is no run {name}." if name else "No run is there to take back.",
            "`dbwright undo --list` shows the runs.",
        )
    if found not in runs:
        raise Refused(f"Run {name} was taken back already, or is an undoing.", "`dbwright apply` applies anew.")
    return found


def _audit(source: Source, target: Target) -> Report:
    report = run(source, Look((), (), None, no_history=False))
    if report.snapshot.target.identity != target.identity:
        raise Refused(f"The audit read {report.snapshot.target.name} instead of {target.name}.", "Give --db.")
    return report


def _refuse(priced: Sequence[Priced], session: Session) -> None:
    """Raise Refused with everything that stands against the changes."""
    against = engine.refusals([one.part for one in priced], session)
    if against:
        for part, problem, remedy in against[1:]:
            note(f"{part.title}: {problem}. {remedy}")
        part, problem, remedy = against[0]
        raise Refused(f"Nothing was changed. {part.title}: {problem}.", remedy)


def _require_room(priced: Sequence[Priced], free: int | None) -> None:
    needed = estimates.total(cost for one in priced for cost in one.costs).bytes or 0
    if free is not None and needed * _SPARE > free:
        raise Refused(
            f"Nothing was changed. {bytes_text(needed)} are needed and {bytes_text(free)} are free.",
            "Make room, or name fewer findings.",
        )


_SPARE = 1.5
"""A build may need temporary files as well, and an estimate may be short."""


def _confirm(target: Target, yes: bool) -> None:
    if yes:
        return
    if not _is_person_there():
        raise NotConfirmed("Nothing was changed: nobody is here to ask.", "Give --yes.")
    typed = click.prompt(f"Type the database's name ({target.database}) to go on", default="", show_default=False)
    if typed.strip() != target.database:
        raise NotConfirmed("Nothing was changed.", "Type the name as it stands there.")


def _is_person_there() -> bool:
    return sys.stdin.isatty()


def _carry_out(target: Target, plan: Plan, patience: Patience) -> int:
    outcome = conduct(target.journal, plan, target.parameters, note, patience)
    words = {"done": "taken back" if plan.kind == "undo" else "done"}
    for entry in outcome:
        note(f"{words.get(entry['state'], entry['state'])}: {entry['title']}")
        for problem in entry["problems"]:
            note(f"   {problem}")
    if plan.kind == "apply":
        note(f"Run {plan.run}; `dbwright undo` takes it back.")
    return 1 if any(entry["problems"] for entry in outcome) else 0


def _resolved(plan: Plan, before: Report, after: Report) -> int:
    """Tell which findings are gone, and what else is to be seen of the run. A finding that only a restart or the passing of time ends is
    told as still there."""
    there = {finding.id for finding in after.findings}
    left = [part for part in plan.parts if part.finding in there]
    note(
        f"The audit anew: {counted(len(plan.parts) - len(left), 'finding')} of {len(plan.parts)} gone.{_effect(before, after)}"
    )
    waiting = {setting.name for setting in after.snapshot.settings.rows if setting.pending_restart}
    of_code = {finding.id for finding in after.findings if finding.locations}
    for part in left:
        told = " (in the code, which `dbwright fix` changes)" if part.finding in of_code else ""
        note(f"   still there{told}: {part.title}")
    if waiting:
        note(f"   at the next restart of the server only: {', '.join(sorted(waiting))}")
    return 1 if left else 0


def _effect(before: Report, after: Report) -> str:
    text = ""
    if before.overall and after.overall and before.overall.value != after.overall.value:
        text += f" Score {before.overall.value}, now {after.overall.value}."
    sizes = [_size(report) for report in (before, after)]
    if sizes[0] and sizes[1] and sizes[0] != sizes[1]:
        text += f" Database {bytes_text(sizes[0])}, now {bytes_text(sizes[1])}."
    return text


def _size(report: Report) -> int | None:
    return next((one.bytes for one in report.snapshot.catalog.databases if one.is_current), None)


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(clean(line))
