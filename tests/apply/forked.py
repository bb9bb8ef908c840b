"""Processes that are killed: forked, because importing takes most of a trial's time, and as mortal as any other."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress


class Forked:
    """A process that does a call of ours; what it prints, and how it ends."""

    def __init__(self, call: Callable[[], int], environment: Mapping[str, str]) -> None:
        self._out, write = os.pipe()
        self.said = b""
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid:
            os.close(write)
            return
        code = 70
        try:
            os.setsid()
            os.dup2(write, 1)
            os.dup2(write, 2)
            sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1)
            os.environ.update(environment)
            code = call()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def first_line(self, seconds: float) -> None:
        """Wait until it has said something."""
        self._read(seconds, lambda: b"\n" in self.said)

    def wait(self, seconds: float) -> str:
        """Wait for its end, kill it if that does not come, and answer what it said."""
        self._read(seconds, lambda: False)
        if self.code is None:
            self.kill()
            self.said += b"\nTIMEOUT"
        return self.said.decode(errors="replace")

    def kill(self) -> None:
        if self.code is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._reap()

    def _reap(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        os.close(self._out)

    def _read(self, seconds: float, enough: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        while self.code is None and not enough() and time.monotonic() < until:
            if not select.select([self._out], [], [], 0.2)[0]:
                continue
            data = os.read(self._out, 65536)
            self.said += data
            if not data:
                self._reap()
