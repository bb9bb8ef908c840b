"""The framework's own migrate as a run of one step: `manage.py migrate`, `alembic upgrade head`, and the way back to where it was before.

What it does it does in its own way: dbwright waits for old transactions first, writes down which migrations were applied before, and is
there when it was interrupted. The frameworks themselves know what is applied, so that the command may be given again.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dbwright.apply import watch
from dbwright.apply.engine import Door, Entry, Record, Stopped
from dbwright.apply.plan import Plan, Via
from dbwright.errors import DbwrightError
from dbwright.fixes.steps import Leftover, Step
from dbwright.sqltext import mask_secrets


class NoMigrations(DbwrightError):
    """The project cannot be migrated from here."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command of the framework printed, and its exit code."""

    code: int
    said: str


def found(root: Path, kind: str, python: Path) -> Via:
    """How the project is migrated. Raises NoMigrations."""
    pattern = "manage.py" if kind == "django" else "alembic.ini"
    place = next((path for path in (*root.glob(pattern), *sorted(root.glob(f"*/{pattern}")))), None)
    if place is None:
        raise NoMigrations(f"No {pattern} was found in {root.name or root}.", "Give --project, its folder.")
    command = ("manage.py",) if kind == "django" else ("-m", "alembic")
    return Via(kind, str(place.parent), (str(python.absolute()), *command))


def planned(via: Via) -> str:
    """What the framework says that it would do. Raises NoMigrations with its error."""
    if via.kind == "django":
        result = _run(via, ("migrate", "--plan", "--no-color"))
    else:
        result = _run(via, ("history", "--verbose", "-r", "current:heads"))
    if result.code:
        raise NoMigrations(f"It cannot be asked for its plan: {_last(result.said)}", "Run it by hand to see why.")
    return result.said.strip()


def carry_out(plan: Plan, door: Door, record: Record) -> list[Entry]:
    """Migrate, or go back to where an earlier run began. Raises Stopped."""
    via = plan.via
    if via is None:
        raise ValueError("a plan without a project")
    applied = record("via before", lambda: {"applied": _applied(via, door)})
    watch.wait_for_others(_BEFORE, door)
    problems: list[str] = []
    commands = [_FORWARD[via.kind]]
    if plan.kind == "undo":
        commands, problems = _backwards(via, applied["applied"])
    for number, arguments in enumerate(commands):
        door.pass_on()
        started = record(f"via started {number}", partial(_start, via, arguments))
        done = record(f"via done {number}", partial(_finish, via, arguments, started["pid"], door))
        if done["code"]:
            problems.append(done["said"])
            break
    title = " ".join(Path(word).name for word in (*via.command, *_FORWARD[via.kind]))
    return [{"finding": "", "title": title, "state": "left" if problems else "done", "problems": problems}]


_BEFORE = Step(("migrate",), leftover=Leftover("", ""))
"""Like a concurrent build it may wait for every transaction that is open."""
_FORWARD = {"django": ("migrate", "--no-input", "--no-color"), "alembic": ("upgrade", "heads")}
_TABLES = {
    "django": ("django_migrations", "SELECT app || '.' || name FROM django_migrations ORDER BY id"),
    "alembic": ("alembic_version", "SELECT version_num FROM alembic_version ORDER BY 1"),
}


def _applied(via: Via, door: Door) -> list[str]:
    table, query = _TABLES[via.kind]
    connection = door.session.connection
    (there,) = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() or (False,)
    return [str(name) for (name,) in connection.execute(query.encode())] if there else []


def _backwards(via: Via, now: list[str]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The commands that lead from what is applied now to what was applied before; none where one of them would take back more than
    that, and why."""
    if via.kind == "alembic":
        target = via.before[0] if via.before else "base"
        return ([] if sorted(via.before) == sorted(now) else [("downgrade", target)]), []
    asked = _run(via, ("showmigrations", "--plan", "--no-color"))
    listed = _run(via, ("showmigrations", "--no-color"))
    if asked.code or listed.code:
        return [], [_last((asked if asked.code else listed).said)]
    # As their dependencies order them. The order in which they were recorded is another where some were squashed.
    ordered = re.findall(r"^\[[X ]\]\s+(\S+)", asked.said, re.MULTILINE)
    gone = {_application(name) for name in via.before if name not in ordered}
    # What was squashed from applied ones is recorded when it is first seen, and nothing is done then.
    before = {*via.before, *(name for name in _squashed(listed.said) if _application(name) in gone)}
    new = [name for name in now if name not in before]
    commands: list[tuple[str, ...]] = []
    for app in dict.fromkeys(map(_application, reversed(new))):
        kept = [name for name in ordered if _application(name) == app and name in before]
        if not kept and app in map(_application, before):
            return [], [f"what of {app} was applied before cannot be told from the project's migrations: do it by hand"]
        target = kept[-1].split(".", 1)[1] if kept else "zero"
        shown = _run(via, ("migrate", app, target, "--plan", "--no-color"))
        if shown.code:
            return [], [_last(shown.said)]
        taken = re.findall(r"^(\w+\.\S+)$", shown.said, re.MULTILINE)
        if others := [name for name in taken if name not in new]:
            return [], [
                f"migrate {app} {target} would take back {others[0]} as well, which was applied before: do it by hand"
            ]
        commands.append(("migrate", app, target, "--no-input", "--no-color"))
    return commands, []


def _application(migration: str) -> str:
    return migration.partition(".")[0]


def _squashed(said: str) -> list[str]:
    """The squashed migrations of a listing by application."""
    found, app = [], ""
    for line in said.splitlines():
        if line and not line[0].isspace():
            app = line.strip()
        elif squashed := re.match(r"\s+\[.\] (\S+) \(\d+ squashed migrations\)", line):
            found.append(f"{app}.{squashed[1]}")
    return found


_children: dict[int, subprocess.Popen[str]] = {}


def _start(via: Via, arguments: tuple[str, ...]) -> Entry:
    process = subprocess.Popen(
        [*via.command, *arguments], cwd=via.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )  # fmt: skip
    _children[process.pid] = process
    return {"pid": process.pid}


def _finish(via: Via, arguments: tuple[str, ...], pid: int, door: Door) -> Entry:
    """Wait for it. One that an earlier process of ours began is waited for until it is gone, and given again: it knows what is applied."""
    process = _children.pop(pid, None)
    if process is None:
        until = time.monotonic() + door.patience.total
        while Path(f"/proc/{pid}").exists() and _is_ours(pid, arguments):
            if time.monotonic() > until:
                raise Stopped(
                    f"The migrate of the interrupted run still runs (pid {pid}).", "Run this again when it has ended."
                )
            time.sleep(0.5)
        result = _run(via, arguments)
    else:
        said, _ = process.communicate()
        result = Result(process.returncode, said)
    for line in result.said.strip().splitlines():
        door.tell(mask_secrets(line))
    return {"code": result.code, "said": _last(result.said) if result.code else ""}


def _is_ours(pid: int, arguments: tuple[str, ...]) -> bool:
    """Whether the process of that number is that command, and not another that got the number later."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return all(word in words for word in arguments)


def _run(via: Via, arguments: tuple[str, ...]) -> Result:
    done = subprocess.run(
        [*via.command, *arguments], cwd=via.folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout)


def _last(said: str) -> str:
    """The line that tells most of a failure: the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return mask_secrets(lines[-1])[:300] if lines else "it said nothing"


def undone(plan: Plan, entries: Mapping[str, Mapping[str, Any]], run: str) -> Plan:
    """The run that takes a migrate back."""
    if plan.via is None or "via before" not in entries:
        return Plan(run, "undo", plan.database, (), plan.run)
    via = Via(plan.via.kind, plan.via.folder, plan.via.command, tuple(entries["via before"]["applied"]))
    return Plan(run, "undo", plan.database, (), plan.run, via)
