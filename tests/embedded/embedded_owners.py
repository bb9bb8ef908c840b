"""Processes that own an embedded server, to be ended in every way there is."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other accounts to turn to")

SOURCE = Path(__file__).parents[2] / "src"
PROLOGUE = """
import os, sys, time
from dbwright.embedded import EmbeddedServer
with EmbeddedServer.start() as server:
    print(server.directory, flush=True)
"""


def own(place: Path, body: str) -> subprocess.Popen[str]:
    """A process that starts a server in `place`, prints its directory, and goes on with `body`."""
    return subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + textwrap.indent(body, "    ")],
        env=os.environ | {"TMPDIR": str(place), "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def directory_of(owner: subprocess.Popen[str]) -> Path:
    """The directory of its server, once that runs."""
    assert owner.stdout
    line = owner.stdout.readline().strip()
    assert line, owner.communicate()[1]
    return Path(line)


def processes_of(directory: Path) -> dict[int, str]:
    """The supervisors and postmasters of this directory, by process number."""
    listed = subprocess.run(["ps", "axww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=1) for line in listed.splitlines() if str(directory) in line)
    return {int(pid): arguments for pid, arguments in rows}


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it holds before the deadline, which only keeps a failing test from hanging."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def is_gone(directory: Path) -> bool:
    return not directory.exists() and not processes_of(directory)
