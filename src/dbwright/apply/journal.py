"""The journal of runs, kept by DBOS in a SQLite file, one for each database: a run is a workflow, what is recorded of it are its steps.

A run that was stopped, or whose process died, stays pending. Opening the journal starts it again at the step after the last one recorded;
that is DBOS's doing, and here it is only allowed to go on where it was asked for. Importing this module takes half a second.
"""

from __future__ import annotations

import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dbos import DBOS, DBOSClient, DBOSConfig, SetWorkflowID
from dbos._serialization import DBOSPortableJSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from dbwright.apply.engine import Entry, Record, Stopped
from dbwright.apply.plan import Plan, decode, encode
from dbwright.apply.session import AnotherRun
from dbwright.errors import DbwrightError

FORMAT = "1"
"""Raised when plans or entries change in a way that older runs cannot be gone on with; those are then no longer seen."""
START_SECONDS = 60.0
"""How long DBOS may take to begin a run, or to go on with one: it looks every second."""
Work = Callable[[Plan, Record], list[Entry]]


class NoJournal(DbwrightError):
    """The journal cannot be read or written, and without it nothing is changed."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that the journal knows. ``outcome`` is what it answered, None as long as it has not ended."""

    plan: Plan
    outcome: list[Entry] | None


@dataclass
class _Wanted:
    """The one run that may go on in this process, and where its beginning and its end are told."""

    run: str
    work: Work
    ended: queue.SimpleQueue[list[Entry] | BaseException]
    begun: threading.Event


_wanted: _Wanted | None = None


@DBOS.workflow(name="run", max_recovery_attempts=None)
def _run(plan: str) -> str:
    wanted = _wanted
    decoded = decode(plan)
    if wanted is None or wanted.run != decoded.run:
        raise Stopped("not asked for")
    wanted.begun.set()
    try:
        outcome = wanted.work(decoded, _record)
    except BaseException as error:
        wanted.ended.put(error)
        # Whatever it was, the run has not ended: only then may it be gone on with.
        raise Stopped(str(error)) from error
    wanted.ended.put(outcome)
    return _encode(outcome)


def _record(name: str, function: Callable[[], Entry]) -> Entry:
    return DBOS.run_step({"name": name}, _safely, function)


def _safely(function: Callable[[], Entry]) -> Entry:
    try:
        return function()
    except Exception as error:
        # An exception would be kept as the outcome of the step for ever.
        raise _Broken(error) from error


class _Broken(BaseException):
    """A mistake of ours in a step: told as it is, and the step is not over."""


def _encode(outcome: list[Entry]) -> str:
    import msgspec

    return msgspec.json.encode(outcome).decode()


def path_for(store: Path, identity: str) -> Path:
    """The journal of a database: beside the store, with its identity in the name."""
    return store.with_name(f"{store.stem}-runs-{identity}.sqlite3")


def stop_file(path: Path) -> Path:
    """While this file is there no run of the journal begins another step."""
    return path.with_suffix(".stop")


def runs(path: Path) -> list[Run]:
    """All runs of a journal, the newest first. Raises NoJournal."""
    if not _has_runs(path):
        return []
    with _reading(path) as client:
        return [_as_run(status) for status in client.list_workflows(name="run", app_version=FORMAT, sort_desc=True)]


def _has_runs(path: Path) -> bool:
    """Whether a run ever began. A process may have died while DBOS made its tables; it makes those that are missing at the next start."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'workflow_status'")
            return (
                known.fetchone() is not None
                and connection.execute("SELECT 1 FROM workflow_status").fetchone() is not None
            )
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


@contextmanager
def _reading(path: Path) -> Iterator[DBOSClient]:
    try:
        client = DBOSClient(system_database_url=_url(path), serializer=DBOSPortableJSONSerializer())
    except (SQLAlchemyError, OSError) as error:
        raise _unusable(path, error) from None
    try:
        yield client
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise _unusable(path, error) from None
    finally:
        client.destroy()


def _unusable(path: Path, error: Exception) -> NoJournal:
    reason = str(getattr(error, "orig", error))
    return NoJournal(
        f"The journal {path} cannot be used: {reason}.", "Set DBWRIGHT_STORE to another file, or mend or move this one."
    )


def _as_run(status: Any) -> Run:
    import msgspec

    plan = decode(status.input["args"][0])
    return Run(plan, msgspec.json.decode(status.output) if status.status == "SUCCESS" else None)


def entries(path: Path, run: str) -> dict[str, Entry]:
    """What a journal recorded of a run, by name."""
    with _reading(path) as client:
        return {step["function_name"]: cast(Entry, step["output"]) for step in client.list_workflow_steps(run)}


def unfinished(known: list[Run]) -> Run | None:
    """The run to go on with: the newest that has not ended. What an undo took over is the undo's."""
    taken_over = {run.plan.of for run in known}
    return next((run for run in known if run.outcome is None and run.plan.run not in taken_over), None)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the journal, as no two processes may: the kernel lets go of it when this one dies. Raises AnotherRun, NoJournal."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRun(
                "Another dbwright on this machine changes this database.",
                "Wait for it to end; `dbwright apply --stop` ends it after its step.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def attend(path: Path, plan: Plan, work: Work) -> list[Entry]:
    """Begin the run, or go on with it if the journal has it; answer with its outcome.

    Raises Stopped, or whatever ``work`` raised; the run then stays as it is and can be gone on with."""
    global _wanted
    wanted = _Wanted(plan.run, work, queue.SimpleQueue(), threading.Event())
    _wanted = wanted
    before = os.umask(0o077)
    config: DBOSConfig = {
        "name": "dbwright",
        "system_database_url": _url(path),
        "application_version": FORMAT,
        "executor_id": "dbwright",
        "log_level": "CRITICAL",
        "enable_otlp": False,
        "serializer": DBOSPortableJSONSerializer(),
        "notification_listener_polling_interval_sec": 0.2,
    }
    try:
        DBOS(config=config)
        DBOS.launch()
        if DBOS.get_workflow_status(plan.run) is None:
            with SetWorkflowID(plan.run):
                DBOS.start_workflow(_run, encode(plan))
        if not wanted.begun.wait(START_SECONDS):
            raise NoJournal(
                f"Run {plan.run} was not begun by DBOS.", "Run this again; the journal is " + str(path) + "."
            )
        outcome = wanted.ended.get()
        if not isinstance(outcome, BaseException):
            DBOS.retrieve_workflow(plan.run).get_result()
    except (SQLAlchemyError, OSError) as error:
        raise _unusable(path, error) from None
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=0)
        _wanted = None
        os.umask(before)
    if isinstance(outcome, _Broken):
        raise outcome.args[0]
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _url(path: Path) -> str:
    return f"sqlite:///{path}"
