"""Whatever ends the owner of an embedded server, nothing of the server remains."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from embedded_owners import directory_of, eventually, is_gone, needs_root, own, processes_of

from dbwright.embedded import EmbeddedServer, private

WAIT = "time.sleep(60)"


@pytest.mark.parametrize(
    "body", ["pass", "raise ValueError", "sys.exit(3)", "os._exit(3)", "os.execv('/bin/true', ['true'])"]
)
def test_the_server_ends_with_its_owner(place: Path, body: str) -> None:
    owner = own(place, body)
    directory = directory_of(owner)
    owner.communicate(timeout=60)
    assert eventually(lambda: is_gone(directory))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_server_ends_when_its_owner_gets_a_signal(place: Path, number: signal.Signals) -> None:
    owner = own(place, WAIT)
    directory = directory_of(owner)
    # The whole group, as a terminal sends Ctrl-C.
    os.killpg(owner.pid, number)
    owner.communicate(timeout=60)
    assert eventually(lambda: is_gone(directory))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_start_cut_short_leaves_nothing(place: Path, number: signal.Signals) -> None:
    owner = own(place, WAIT)
    assert eventually(lambda: any(place.glob("*/data/base")))
    owner.send_signal(number)
    owner.communicate(timeout=60)
    assert eventually(lambda: not any(place.iterdir()))


def test_a_start_killed_before_there_is_a_supervisor_is_cleared_by_the_next(place: Path) -> None:
    owner = own(place, WAIT)
    assert eventually(lambda: any(place.glob("*/data")))
    owner.kill()
    owner.communicate(timeout=60)

    def is_cleared() -> bool:
        private.clear_leftovers()
        return not any(place.iterdir())

    assert eventually(is_cleared)


def test_a_worker_that_outlives_the_owner_does_not_keep_the_server(place: Path) -> None:
    owner = own(place, "if worker := os.fork():\n    print(worker, flush=True)\n" + WAIT)
    directory = directory_of(owner)
    assert owner.stdout
    worker = int(owner.stdout.readline())
    try:
        owner.kill()
        owner.wait(timeout=60)
        assert eventually(lambda: is_gone(directory))
        os.kill(worker, 0)
    finally:
        os.kill(worker, signal.SIGKILL)
        owner.communicate(timeout=60)


def test_a_worker_cannot_stop_the_server(place: Path) -> None:
    owner = own(place, "if os.fork() == 0:\n    sys.exit()\nos.wait()\nserver.create_database('still here')")
    directory_of(owner)
    assert owner.communicate(timeout=60)[1] == ""
    assert owner.returncode == 0


def test_stopping_finds_the_server_also_without_its_supervisor(place: Path) -> None:
    with EmbeddedServer.start() as server:
        _kill_supervisor(server.directory)
    assert is_gone(server.directory)


def test_the_next_start_clears_what_was_killed_with_its_supervisor(place: Path) -> None:
    directory = _abandoned(place)
    assert processes_of(directory)
    with EmbeddedServer.start():
        assert is_gone(directory)


def test_the_next_start_spares_a_process_that_took_over_the_number(place: Path) -> None:
    directory = place / "dbwright-pg-leftover"
    (directory / "data").mkdir(parents=True)
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "-D", directory / "data"])
    try:
        (directory / "data/postmaster.pid").write_text(f"{innocent.pid}\n")
        with EmbeddedServer.start():
            assert not directory.exists()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_the_next_start_leaves_alone_what_is_not_a_leftover(place: Path) -> None:
    newborn, stale = place / "dbwright-pg-newborn", place / "dbwright-pg-stale"
    newborn.mkdir()
    stale.mkdir()
    os.utime(stale, (time.time() - 3600,) * 2)
    with EmbeddedServer.start() as first, EmbeddedServer.start() as second:
        assert newborn.exists()
        assert not stale.exists()
        first.create_database("mine")
        second.create_database("mine")
    newborn.rmdir()


@needs_root
def test_the_next_start_leaves_alone_what_belongs_to_others(place: Path) -> None:
    foreign = place / "dbwright-pg-foreign"
    (foreign / "data").mkdir(parents=True)
    os.chown(foreign, 65534, 65534)
    with EmbeddedServer.start():
        assert foreign.exists()
    shutil.rmtree(foreign)


def _abandoned(place: Path) -> Path:
    owner = own(place, WAIT)
    directory = directory_of(owner)
    os.kill(owner.pid, signal.SIGSTOP)
    _kill_supervisor(directory)
    owner.kill()
    owner.communicate(timeout=60)
    return directory


def _kill_supervisor(directory: Path) -> None:
    (supervisor,) = (pid for pid, arguments in processes_of(directory).items() if "supervisor.py" in arguments)
    os.kill(supervisor, signal.SIGKILL)
    assert eventually(lambda: supervisor not in processes_of(directory))
