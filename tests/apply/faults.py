"""Kills at random points of a run, one restart, and whether everything is then done or undone.

One trial: a copy of the zoo, a run in a process of its own, a kill at a random moment of it, at most one `dbwright apply` or `dbwright
undo` after it, and the database compared with how it is when nothing is killed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import runner
import zoo
from forked import Forked

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
class Group:
    """Changes that one run carries out, and how the database looks after all of them."""

    names: list[str]
    after: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Ground:
    """A server with the zoo as a template, and how a database looks before a run."""

    server: EmbeddedServer
    folder: Path
    rows: int
    groups: list[Group]
    before: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the template, and carry each group out undisturbed."""
        zoo.make(self.server.create_database("zoo_template"), self.rows)
        for number, group in enumerate(self.groups):
            conninfo = self.server.create_database("zoo", "zoo_template")
            self.before = zoo.seen(conninfo)
            process = self._start(f"clean {number}", group)
            process.first_line(SECONDS)
            began = time.monotonic()
            said = process.wait(SECONDS)
            assert said.strip().endswith("ended"), said
            group.seconds = time.monotonic() - began
            group.after = zoo.seen(conninfo)
            self.forget()

    def forget(self) -> None:
        """The database goes, and what is the server's of it."""
        self.server.drop_database("zoo")
        with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS zoo_reader")
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")

    def _start(self, name: str, group: Group) -> Forked:
        (self.folder / name).mkdir()
        planned = Plan("run", "apply", "zoo", zoo.parts("zoo", self.server.major, group.names))
        return self._fork(lambda: runner.main(planned, self.server.conninfo("zoo")), name)

    def _fork(self, call: Callable[[], int], name: str) -> Forked:
        return Forked(call, {"DBWRIGHT_STORE": str(self.folder / name / "store.sqlite3")})

    def trial(self, seed: int, kind: str, group: Group) -> Trial:
        chance = random.Random(seed)
        way = chance.choice(("apply", "apply", "undo"))
        trial = Trial(seed, kind, way, round(chance.uniform(-0.1, 1.0) * group.seconds, 3))
        began = time.monotonic()
        self.server.create_database("zoo", "zoo_template")
        process = self._start(str(seed), group)
        try:
            self._kill(trial, process)
            self._restart(trial)
            self._judge(trial, group)
        finally:
            process.kill()
        self.forget()
        trial.seconds = round(time.monotonic() - began, 1)
        return trial

    def _kill(self, trial: Trial, process: Forked) -> None:
        """At that time after the first step, or, below 0, while the run begins."""
        if trial.after > 0:
            process.first_line(SECONDS)
            time.sleep(trial.after)
        else:
            time.sleep(-trial.after * 5)
        trial.during = self._during()
        if trial.kind in ("dbwright", "dbwright and server"):
            process.kill()
        if trial.kind in ("session", "backend"):
            self._end_session(signal.SIGKILL if trial.kind == "backend" else None)
        if trial.kind in ("server", "dbwright and server", "immediate stop"):
            postmaster = int((self.server.directory / "data/postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGQUIT if trial.kind == "immediate stop" else signal.SIGKILL)
            time.sleep(0.2)
            self.server.restart()
        said = process.wait(SECONDS).strip()
        trial.ended = said.splitlines()[-1][:200] if said else "killed"

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
        arguments = [trial.way, "--db", self.server.conninfo("zoo"), "--yes", "--project", str(self.folder)]
        if trial.way == "apply":
            # Where the journal knows of nothing to go on with, the audit's findings are not wanted here.
            arguments += ["--severity", "critical"]
        process = self._fork(lambda: runner.command_line(arguments), str(trial.seed))
        said = process.wait(SECONDS)
        if process.code and "No run is there" not in said:
            trial.problems.append(f"{trial.way} ended with {process.code}: {said.strip()[-300:]}")

    def _judge(self, trial: Trial, group: Group) -> None:
        found = zoo.seen(self.server.conninfo("zoo"))
        if trial.way == "apply" and found == self.before:
            return  # killed before the journal knew of the run
        trial.problems += zoo.difference(group.after if trial.way == "apply" else self.before, found)


def groups_of(names: list[str], size: int) -> list[Group]:
    """The changes dealt out, so that every group has of every kind."""
    number = max(1, len(names) // size)
    return [Group(names[n::number]) for n in range(number)]


def trials(ground: Ground, seed: int, number: int) -> Iterator[Trial]:
    """So many kills, the kinds in turn, the groups by chance."""
    for n in range(number):
        group = random.Random(seed + n).choice(ground.groups)
        yield ground.trial(seed + n, KINDS[n % len(KINDS)], group)
