"""Kills at random points of a run, one restart, and whether everything is then done or undone.

One trial: a copy of the zoo, a run in a process of its own, a kill at a random moment of it, at most one `dbwright apply` or `dbwright
undo` after it, and the database compared with how it is when nothing is killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import zoo

from dbwright.apply import plan as plans
from dbwright.apply.plan import Plan
from dbwright.embedded import EmbeddedServer

KINDS = ("dbwright", "session", "backend", "server", "immediate stop", "dbwright and server")
"""What is killed: our process; our session, by pg_terminate_backend; its backend, by SIGKILL, upon which the server recovers from a crash;
the postmaster, by SIGKILL or by an immediate stop, and started again; both."""
DURABLE = {"synchronous_commit": "on"}
"""An embedded server does without. What a process has handed to the kernel survives the process, so that fsync is not needed."""
SECONDS = 120


@dataclass
class Trial:
    """What came of one kill. ``problems`` are what differs from both ends of the run."""

    seed: int
    kind: str
    way: str
    after: float
    during: str = ""
    ended: str = ""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Ground:
    """A server with the zoo as a template, and how a database looks before and after all of a run."""

    server: EmbeddedServer
    folder: Path
    rows: int
    names: list[str]
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def prepare(self) -> None:
        zoo.make(self.server.create_database("zoo_template"), self.rows)
        conninfo = self.server.create_database("zoo", "zoo_template")
        self.before = zoo.seen(conninfo)
        process = self.run("clean")
        began = self._begun(process)
        self._wait(process)
        self.seconds = time.monotonic() - began
        self.after = zoo.seen(conninfo)
        self.forget()

    def forget(self) -> None:
        """The database goes, and what is the server's of it."""
        self.server.drop_database("zoo")
        with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS zoo_reader")
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")

    def environment(self, run: str) -> dict[str, str]:
        return os.environ | {"DBWRIGHT_STORE": str(self.folder / run / "store.sqlite3"), "PYTHONUNBUFFERED": "1"}

    def run(self, name: str) -> subprocess.Popen[str]:
        folder = self.folder / name
        folder.mkdir()
        planned = Plan("run", "apply", "zoo", zoo.parts("zoo", self.server.major, self.names))
        (folder / "plan.json").write_text(plans.encode(planned))
        command = [
            sys.executable,
            str(Path(__file__).with_name("runner.py")),
            str(folder / "plan.json"),
            self.server.conninfo("zoo"),
        ]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(name),
            start_new_session=True,
        )

    def _begun(self, process: subprocess.Popen[str]) -> float:
        """When the first step begins: the journal is open then. A line tells the end of the first, which is as near as matters."""
        assert process.stdout
        process.stdout.readline()
        return time.monotonic()

    def _wait(self, process: subprocess.Popen[str]) -> str:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said = process.communicate()[0] + "\nTIMEOUT"
        return said

    def trial(self, seed: int, kind: str) -> Trial:
        chance = random.Random(seed)
        way = chance.choice(("apply", "apply", "undo"))
        after = chance.uniform(-0.15, 1.0) * self.seconds
        trial = Trial(seed, kind, way, round(after, 3))
        began = time.monotonic()
        self.server.create_database("zoo", "zoo_template")
        process = self.run(str(seed))
        try:
            self._kill(trial, process)
            self._restart(trial)
            self._judge(trial)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        self.forget()
        trial.seconds = round(time.monotonic() - began, 1)
        return trial

    def _kill(self, trial: Trial, process: subprocess.Popen[str]) -> None:
        said = ""
        if trial.after > 0:
            assert process.stdout
            said = process.stdout.readline()
            time.sleep(trial.after)
        else:
            time.sleep(1.0 - trial.after)  # while it begins
        trial.during = self._during()
        if trial.kind in ("dbwright", "dbwright and server"):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if trial.kind in ("session", "backend"):
            self._end_session(signal.SIGKILL if trial.kind == "backend" else None)
        if trial.kind in ("server", "dbwright and server", "immediate stop"):
            postmaster = int((self.server.directory / "data/postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGQUIT if trial.kind == "immediate stop" else signal.SIGKILL)
            time.sleep(0.2)
            self.server.restart()
        said += self._wait(process)
        trial.ended = said.strip().splitlines()[-1][:200] if said.strip() else "killed"

    def _during(self) -> str:
        with psycopg.connect(self.server.conninfo("zoo"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT state, left(query, 60) FROM pg_stat_activity WHERE application_name LIKE 'dbwright apply%'"
            ).fetchone()
        return f"{row[0]}: {row[1]}" if row else "no session"

    def _end_session(self, number: int | None) -> None:
        with psycopg.connect(self.server.conninfo("zoo"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'dbwright apply%'"
            ).fetchone()
            if row is None:
                return
            if number is None:
                connection.execute("SELECT pg_terminate_backend(%s)", row)
            else:
                os.kill(row[0], number)
        if number is not None:
            self._until_up()

    def _until_up(self) -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            with suppress(psycopg.OperationalError), psycopg.connect(self.server.conninfo("zoo"), connect_timeout=5):
                return
            time.sleep(0.05)
        raise TimeoutError("the server does not come up again")

    def _restart(self, trial: Trial) -> None:
        """The one restart: what a person would type. After a run that ended by itself only an undo is."""
        if trial.ended == "ended" and trial.way == "apply":
            return
        command = [
            sys.executable,
            "-m",
            "dbwright",
            trial.way,
            "--db",
            self.server.conninfo("zoo"),
            "--yes",
            "--project",
            str(self.folder),
        ]
        if trial.way == "apply":
            # Where the journal knows of nothing to go on with, the audit's findings are not wanted here.
            command += ["--severity", "critical"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, env=self.environment(str(trial.seed))
        )
        if done.returncode and "No run is there" not in done.stderr:
            trial.problems.append(f"{trial.way} ended with {done.returncode}: {done.stderr.strip()[-300:]}")

    def _judge(self, trial: Trial) -> None:
        found = zoo.seen(self.server.conninfo("zoo"))
        wanted = self.after if trial.way == "apply" else self.before
        if trial.way == "apply" and found == self.before:
            return  # killed before the journal knew of the run
        trial.problems += zoo.difference(wanted, found)


def trials(ground: Ground, seed: int, number: int) -> Iterator[Trial]:
    """So many kills, the kinds in turn."""
    for n in range(number):
        yield ground.trial(seed + n, KINDS[n % len(KINDS)])
