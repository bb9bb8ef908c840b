"""The project's tests, run in a copy of the project with some files changed, and what the recorder wrote down of each test."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbwright.errors import DbwrightError

SECONDS = 1800
"""How long one run of the tests may take."""
MOST_BYTES = 1_000_000_000
"""A larger project is not copied."""
_RECORDER = Path(__file__).parent / "recorder"
_LINKED = frozenset(("node_modules", "venv", ".venv", "env", ".tox", ".nox"))
"""Folders of what others wrote, which the copy shares with the project."""
_LEFT = frozenset((".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"))


class CannotRunTests(DbwrightError):
    """The project's tests cannot be run, or told nothing."""


_ERROR = re.compile(r"(E\s+)?[\w.]+(Error|Exception|DoesNotExist|ImproperlyConfigured)\b")


@dataclass(frozen=True, slots=True)
class Ran:
    """One test as it ran. ``results`` are what came out: a kind and the text, None where it cannot be compared; ``reached`` the numbers
    of the marks that it came to."""

    name: str
    outcome: str
    statements: int
    rows: int
    reached: frozenset[int]
    results: tuple[tuple[str, str | None], ...]


Record = Mapping[str, Ran]
"""The tests of one run by name. A test that ran twice under its name counts with its last."""


@dataclass(frozen=True)
class Command:
    """A command that runs a project's tests, in the folder below its root where it runs, with the folder of the project's programs."""

    command: tuple[str, ...]
    folder: str = "."
    programs: Path | None = None


def find_tests(root: Path, given: str, environment: Path | None) -> Command:
    """The tests that a user names, or with ``auto`` those that the project shows. ``environment`` is the project's site-packages. Raises
    CannotRunTests."""
    try:
        words = tuple(shlex.split(given))
    except ValueError as error:
        raise CannotRunTests(f"--tests {given!r} cannot be read: {error}.", "Quote it as a shell wants it.") from None
    managed = _managed(root)
    if given == "auto":
        if _has_pytest(root):
            words = ("python", "-m", "pytest", "-q")
        elif managed:
            words = ("python", "manage.py", "test")
        else:
            raise CannotRunTests(
                f"Nothing in {root} says how its tests are run.",
                'Say it: --tests "python -m pytest tests/test_views.py".',
            )
    if not words:
        raise CannotRunTests("--tests names no command.", 'Give one: --tests "python manage.py test".')
    is_below = "manage.py" in words and not (root / "manage.py").exists() and len(managed) == 1
    return Command(words, managed[0] if is_below else ".", _programs(environment))


def requests_of(root: Path, urls: Sequence[str], user: str | None, environment: Path | None) -> Command:
    """The pages of a Django project at these URLs as tests, asked for by a user (by name, where one is given)."""
    managed = _managed(root)
    words = ("python", "-m", "dbwright_requests", *(("--as", user) if user else ()), "--", *urls)
    return Command(words, managed[0] if managed else ".", _programs(environment))


def _managed(root: Path) -> list[str]:
    """The folders that hold a ``manage.py``."""
    found = (path.parent for depth in ("", "*/", "*/*/") for path in sorted(root.glob(f"{depth}manage.py")))
    return [folder.relative_to(root).as_posix() for folder in found]


def _programs(environment: Path | None) -> Path | None:
    is_found = environment is not None and environment.name == "site-packages"
    return environment.parents[2] / "bin" if environment is not None and is_found else None


def _has_pytest(root: Path) -> bool:
    def says(name: str, word: str) -> bool:
        path = root / name
        return path.is_file() and word in path.read_text(encoding="utf-8", errors="replace")

    told = (
        ("pytest.ini", ""),
        ("pyproject.toml", "[tool.pytest"),
        ("setup.cfg", "[tool:pytest]"),
        ("tox.ini", "[pytest]"),
    )
    return (root / "conftest.py").exists() or any(says(name, word) for name, word in told)


@contextmanager
def room(root: Path) -> Iterator[Room]:
    """A place for copies of a project, which goes with all that is in it. Raises CannotRunTests for a project that is too large."""
    size = sum(path.stat().st_size for path in _files(root))
    if size > MOST_BYTES:
        raise CannotRunTests(
            f"The project is too large to be copied ({size / 1e6:.0f} MB).", "Give a part of it with --project."
        )
    with tempfile.TemporaryDirectory(prefix="dbwright-trial-", ignore_cleanup_errors=True) as folder:
        yield Room(root, Path(folder).resolve())


def _files(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in _LEFT | _LINKED and not Path(folder, name).is_symlink()]
        yield from (path for name in files if (path := Path(folder, name)).is_file())


@dataclass(frozen=True)
class Room:
    """Where copies of a project are made. Each run gets a fresh one at the same path: what a run leaves behind touches no other, and what
    tells its own path tells the same."""

    root: Path
    folder: Path

    def copy(self, files: Mapping[str, str]) -> Path:
        """A fresh copy with these files as they are here."""
        copy = self.folder / self.root.name
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(self.root, copy, symlinks=True, ignore=_ignored, ignore_dangling_symlinks=True)
        except (OSError, shutil.Error) as error:
            reason = " ".join(str(error).split())[:200]
            raise CannotRunTests(f"The project cannot be copied: {reason}.", "Move what cannot be read away.") from None
        for folder, names, _ in os.walk(self.root):
            for name in _LINKED.intersection(names):
                target = copy / Path(folder, name).relative_to(self.root)
                target.symlink_to(Path(folder, name), target_is_directory=True)
            names[:] = [name for name in names if name not in _LEFT | _LINKED]
        for name, text in files.items():
            path = copy / name
            if not path.parent.resolve().is_relative_to(copy):
                raise CannotRunTests(f"{name} stands behind a link that leads out of the project.", "Edit it there.")
            path.unlink(missing_ok=True)  # a link would lead to the file itself
            path.write_text(text, encoding="utf-8")
        return copy

    def run(self, tests: Command, files: Mapping[str, str]) -> Record:
        """Run the tests on a fresh copy. Raises CannotRunTests when the command cannot be started, lasts too long or ran no test."""
        copy = self.copy(files)
        records = self.folder / "records"
        shutil.rmtree(records, ignore_errors=True)
        records.mkdir()
        where = copy / tests.folder
        code, output = self._ended(tests, where, self._environment(copy, where, records, tests.programs))
        record = {test.name: test for test in _read(records)}
        if not record:
            raise CannotRunTests(
                f"No test ran (exit code {code}): {_said(output)[:200]}",
                "Name a command that runs some with --tests; the project's own interpreter by its path, where it is not in .venv.",
            )
        return record

    def _ended(self, tests: Command, where: Path, environment: Mapping[str, str]) -> tuple[int, bytes]:
        """The exit code and what was printed. What the tests have started ends with them."""
        said = self.folder / "said"
        with said.open("wb") as output:
            try:
                process = subprocess.Popen(
                    tests.command, cwd=where, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise CannotRunTests(
                    f"The tests cannot be started: {error.strerror}: {tests.command[0]}.",
                    "Name the command with --tests.",
                ) from None
            try:
                process.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                raise CannotRunTests(
                    f"The tests took longer than {SECONDS // 60} minutes.", "Name fewer with --tests."
                ) from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode, said.read_bytes()

    def _environment(self, copy: Path, where: Path, records: Path, programs: Path | None) -> dict[str, str]:
        """The user's own, with the recorder and the copy first on Python's path: a project that is installed would be found before it.
        What the path names of the project is that of the copy."""
        path = [str(_RECORDER), str(where), str(copy), *([str(copy / "src")] if (copy / "src").is_dir() else [])]
        if (copy / "__init__.py").exists():
            path.append(str(copy.parent))
        for given in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
            place = Path(given).resolve()
            path.append(str(copy / place.relative_to(self.root)) if place.is_relative_to(self.root) else given)
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path))
        environment["PYTHONHASHSEED"] = "0"
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["DBWRIGHT_RECORD"] = str(records)
        options = environment.get("PYTEST_ADDOPTS", "")
        environment["PYTEST_ADDOPTS"] = f"{options} -p dbwright_recorder_pytest -p no:randomly".strip()
        if programs is not None and programs.is_dir():
            environment["PATH"] = os.pathsep.join([str(programs), environment.get("PATH", "")])
        return environment


def _said(output: bytes) -> str:
    """The error that a run ended with, else its last line."""
    lines = output.decode("utf-8", "replace").strip().splitlines() or ["it printed nothing"]
    return next((line for line in reversed(lines) if _ERROR.match(line)), lines[-1])


def _ignored(folder: str, names: list[str]) -> set[str]:
    """What is not copied: what others wrote or keep, and pipes and sockets."""
    return {name for name in names if name in _LEFT | _LINKED or not _is_copied(Path(folder, name))}


def _is_copied(path: Path) -> bool:
    return path.is_symlink() or path.is_file() or path.is_dir()


def _read(folder: Path) -> Iterator[Ran]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row: dict[str, Any] = json.loads(line)
            except ValueError:  # the process ended while it wrote
                continue
            yield Ran(
                row["test"],
                row["outcome"],
                row["statements"],
                row["rows"],
                frozenset(row["reached"]),
                tuple((str(kind), text) for kind, text in row["results"]),
            )
