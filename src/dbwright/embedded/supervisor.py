"""The process between dbwright and an embedded PostgreSQL server: it ends the server however dbwright ends.

Run as a program (`python -I -S supervisor.py DIRECTORY PARENT_PID`), standard library only.
It reads JSON lines on standard input, first the job and then "restart" or "stop", and answers each with one JSON line.
Standard input ending, the parent being gone, or SIGTERM mean "stop".
It inherits the lock on the directory and so holds it for life, and it leaves neither server nor directory behind.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_SECONDS = 60
ORPHANS = "pre-existing shared memory block"
INITDB_SECONDS = 120
STOP_SECONDS = 5


class Failed(Exception):
    """A step did not work; the text holds what PostgreSQL said."""


def stop_postmaster(send: Callable[[int], None], ended: Callable[[], bool]) -> None:
    """Ask the server to end, ever less politely, until it has: a fast shutdown, an immediate one, the kill."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if ended():
            return
        with contextlib.suppress(ProcessLookupError):
            send(number)
        wait_until(ended, STOP_SECONDS)


def remove_directory(directory: Path) -> None:
    """Remove the directory, also while the last orphans of a killed server still write into it."""
    for _ in range(50):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(0.1)


def wait_until(reached: Callable[[], bool], seconds: float) -> bool:
    """Whether it was reached in that time."""
    deadline = time.monotonic() + seconds
    while not (done := reached()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return done


class CheckedCopy:
    """Copies files and adds up what is in them, so that one that a crash of the machine cut is noticed."""

    def __init__(self, password: str) -> None:
        self.sum = zlib.crc32(password.encode())

    def __call__(self, source: str, target: str) -> None:
        # As root this reads what another account owns: no link, no pipe.
        with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(f"{source} is no file")
            data = file.read()
        self.sum += zlib.crc32(data, zlib.crc32(os.path.basename(source).encode()))
        Path(target).write_bytes(data)


class Supervisor:
    """Owns one private directory and at most one postmaster."""

    def __init__(self, directory: Path, parent: int) -> None:
        self.directory = directory
        self.parent = parent
        self.job: dict[str, Any] = {}
        self.postmaster: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def serve(self) -> None:
        """Obey orders until there is nobody left to give them."""
        while order := self.next_order():
            if order == "stop":
                return
            try:
                if isinstance(order, dict):
                    self.job = order
                    self.begin()
                else:
                    self.stop()
                    self.start()
            except (Failed, OSError, subprocess.SubprocessError) as error:
                answer = {"error": str(error)}
            else:
                answer = {}
            os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")

    def next_order(self) -> Any:
        """The next order, or None when the parent is gone."""
        while b"\n" not in self._unread:
            # End of file is not enough: a forked worker of the parent may hold the pipe open after the parent's death.
            if os.getppid() != self.parent:
                return None
            if select.select([0], [], [], 0.5)[0]:
                data = os.read(0, 65536)
                if not data:
                    return None
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def begin(self) -> None:
        """Start on a copy of the cluster that was kept of an earlier initdb, else, or when that does not start, on a new one."""
        kept = Path(self.job["kept"])
        if self.take(kept):
            try:
                self.start()
            except Failed:
                shutil.rmtree(kept, ignore_errors=True)
                shutil.rmtree(self.directory / "data")
                (self.directory / "data").mkdir(mode=0o700)
                self._hand_over(self.directory / "data")
            else:
                return
        self.make_cluster()
        self.keep(kept)
        self.start()

    def take(self, kept: Path) -> bool:
        """Put a copy of the kept cluster in place, if there is one of the password that was told. It is made beside, because what belongs
        to the server's account may hold links of that account's."""
        copy = self.directory / "copy"
        try:
            if (kept / "password").read_bytes() != self.job["password"].encode():
                shutil.rmtree(kept, ignore_errors=True)
                return False
            checked = CheckedCopy(self.job["password"])
            shutil.copytree(kept / "data", copy, symlinks=True, copy_function=checked)
            if (kept / "sum").read_text(encoding="utf-8") != str(checked.sum):
                shutil.rmtree(kept, ignore_errors=True)
                raise OSError("the kept cluster is damaged")
            self._hand_over(copy)
            (self.directory / "data").rmdir()
            copy.rename(self.directory / "data")
        except (OSError, shutil.Error):
            shutil.rmtree(copy, ignore_errors=True)
            return False
        return True

    def keep(self, kept: Path) -> None:
        """Keep a copy of the new cluster for the next start, at once or not at all; without one the next start takes longer."""
        with contextlib.suppress(OSError, shutil.Error):
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy = kept.with_name(f"{kept.name}.{os.getpid()}")
            try:
                copy.mkdir(mode=0o700)
                (copy / "password").write_text(self.job["password"], encoding="utf-8")
                checked = CheckedCopy(self.job["password"])
                shutil.copytree(self.directory / "data", copy / "data", symlinks=True, copy_function=checked)
                (copy / "sum").write_text(str(checked.sum), encoding="utf-8")
                copy.rename(kept)
            finally:
                shutil.rmtree(copy, ignore_errors=True)

    def _hand_over(self, tree: Path) -> None:
        """Give a tree of ours to the server's account, its top last."""
        if not self.job["account"]:
            return
        for folder, _, files in os.walk(tree, topdown=False):
            for name in (*files, "."):
                os.chown(Path(folder, name), *self.job["account"], follow_symlinks=False)

    def make_cluster(self) -> None:
        """Run initdb, in the first of the wanted locales that this build and this machine know."""
        said = ""
        for command in self.job["initdb"]:
            done = subprocess.run(
                command, **self._as_account(), capture_output=True, stdin=subprocess.DEVNULL, timeout=INITDB_SECONDS
            )
            said = (done.stdout + done.stderr).decode(errors="replace")
            if done.returncode == 0:
                return
            if "locale" not in said:
                break
        raise Failed(said)

    def start(self) -> None:
        """Start the server and wait until it takes connections. The backends of one that crashed go on for a moment, and as long as they
        do no other may start."""
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._start()
            except Failed as failure:
                if ORPHANS not in str(failure) or time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _start(self) -> None:
        log = self.directory / "log"
        with log.open("ab") as output:
            before = output.tell()
            self.postmaster = subprocess.Popen(
                self.job["postgres"], **self._as_account(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        ready = wait_until(lambda: self._is_ready() or self._has_ended(), START_SECONDS) and not self._has_ended()
        if not ready:
            self.stop()
            with log.open("rb") as output:
                output.seek(before)
                raise Failed(output.read().decode(errors="replace"))

    def stop(self) -> None:
        """Stop the server if one runs."""
        if self.postmaster:
            stop_postmaster(self.postmaster.send_signal, self._has_ended)
            self.postmaster = None

    def _has_ended(self) -> bool:
        return self.postmaster is None or self.postmaster.poll() is not None

    def _is_ready(self) -> bool:
        # Line 8 of postmaster.pid is the state; pg_ctl waits for the same word.
        try:
            lines = (self.directory / "data/postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return False
        # The first line tells this server from a crashed one before it.
        ours = self.postmaster is not None and lines[:1] == [str(self.postmaster.pid)]
        return ours and len(lines) > 7 and lines[7].strip() == "ready"

    def _as_account(self) -> dict[str, Any]:
        who: dict[str, Any] = {"cwd": self.directory, "env": self.job["environment"]}
        if self.job["account"]:
            uid, gid = self.job["account"]
            who.update(user=uid, group=gid, extra_groups=[])
        return who


def main() -> None:
    """Live for one embedded server."""
    directory, parent = Path(sys.argv[1]), int(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    os.umask(0o077)
    supervisor = Supervisor(directory, parent)
    try:
        with contextlib.suppress(OSError):
            supervisor.serve()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        supervisor.stop()
        remove_directory(directory)


if __name__ == "__main__":
    main()
