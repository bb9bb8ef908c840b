"""A run from its beginning, or from where it stopped, to its end: with the journal, the session, and the ways to stop it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbwright.apply import journal, via
from dbwright.apply.engine import Door, Entry, Stopped, carry_out
from dbwright.apply.plan import Plan
from dbwright.apply.session import Session
from dbwright.errors import DbwrightError
from dbwright.options import Patience


class RunStopped(DbwrightError):
    """A run stopped before its end; nothing is lost of it."""


def conduct(
    path: Path, plan: Plan, parameters: Mapping[str, Any], tell: Callable[[str], None], patience: Patience
) -> list[Entry]:
    """Carry a plan out, or go on with it. The caller holds the journal (``journal.alone``). Raises RunStopped."""
    session = Session(parameters, plan.run, tell, (run.plan.run for run in journal.runs(path)))
    stop = journal.stop_file(path)
    stop.unlink(missing_ok=True)
    with _interrupts(session) as interrupted:

        def why_stop() -> str | None:
            if interrupted.is_set():
                return "Interrupted."
            return "Stopped by --stop." if stop.exists() else None

        door = Door(session, tell, why_stop, patience)
        try:
            work = via.carry_out if plan.via else carry_out
            return journal.attend(path, plan, lambda plan, record: work(plan, door, record))
        except Stopped as stopped:
            reason = f"{stopped.reason} Run {plan.run} is unfinished."
            ways = "`dbwright apply` goes on with it, `dbwright undo` takes it back."
            raise RunStopped(reason, f"{stopped.remedy} {ways}".strip()) from None
        finally:
            stop.unlink(missing_ok=True)
            session.close()


@contextmanager
def _interrupts(session: Session) -> Iterator[threading.Event]:
    """Ctrl-C stops before the next step; once more cancels the statement that runs."""
    asked = threading.Event()

    def hear(_number: int, _frame: object) -> None:
        if asked.is_set():
            threading.Thread(target=session.cancel, daemon=True).start()
            return
        asked.set()
        os.write(2, b"Interrupted: stopping before the next step. Once more ends the statement that runs, too.\n")

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
