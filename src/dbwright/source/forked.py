"""Work on what is in memory, shared out among processes that begin as copies of this one."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Task = Callable[[], bytes]

CAN_FORK = sys.platform == "linux"
"""Elsewhere a copy of a process with threads may not be used for more than starting another program."""
_DIE_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of ``linux/prctl.h``."""
_DONE, _FAILED = b"+", b"-"
_CHUNK = 1 << 20


class Ended(Exception):
    """A process ended before its task did; the message says how."""


@dataclass
class _Process:
    task: int
    number: int
    output: int
    said: bytearray = field(default_factory=bytearray)


def results(tasks: Sequence[Task], processes: int) -> list[bytes | Ended]:
    """What each task gives, in the order of the tasks, so many of them at a time. A task that fails is `Ended` in its place.

    Whatever a task changes in memory is seen by nobody else.
    """
    found: list[bytes | Ended] = [Ended("was not begun")] * len(tasks)
    waiting = list(enumerate(tasks))[::-1]
    with selectors.DefaultSelector() as outputs:
        try:
            while waiting or outputs.get_map():
                while waiting and len(outputs.get_map()) < processes:
                    process = _begin(*waiting.pop())
                    outputs.register(process.output, selectors.EVENT_READ, process)
                for key, _ in outputs.select():
                    part = os.read(key.fd, _CHUNK)
                    key.data.said += part
                    if not part:
                        outputs.unregister(key.fd)
                        found[key.data.task] = _outcome(key.data)
        finally:
            for key in list(outputs.get_map().values()):
                os.kill(key.data.number, signal.SIGKILL)
                _outcome(key.data)
    return found


def _begin(task: int, work: Task) -> _Process:
    ours, theirs = os.pipe()
    number = os.fork()
    if number:
        os.close(theirs)
        return _Process(task, number, ours)
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        said = _DONE + work()
    except BaseException as error:  # whatever it was, this process ends here and its parent says so
        said = _FAILED + f"{type(error).__name__}: {error}".encode("utf-8", "replace")
    try:
        with os.fdopen(theirs, "wb") as output:
            output.write(said)
    finally:
        os._exit(0)


def _outcome(process: _Process) -> bytes | Ended:
    os.close(process.output)
    code = os.waitstatus_to_exitcode(os.waitpid(process.number, 0)[1])
    how, said = bytes(process.said[:1]), bytes(process.said[1:])
    if code == 0 and how == _DONE:
        return said
    if how == _FAILED:
        return Ended(said.decode("utf-8", "replace"))
    return Ended(f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}")
