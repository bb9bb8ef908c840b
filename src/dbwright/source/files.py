"""The Python files of a project: found without following links, bounded, and told apart by what they are for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

FileRole = Literal["code", "tests", "migrations", "scripts"]

SKIPPED_FOLDERS = frozenset(
    "node_modules site-packages __pycache__ venv env virtualenv __pypackages__ build dist static staticfiles media htmlcov "
    "bower_components".split()
)
"""Folders that hold what tools made or others wrote. Those whose name begins with a dot are passed over as well."""

_FOLDERS_OF_TEMPLATES = frozenset(("templates", "jinja2"))
_ENDINGS_OF_TEXTS = (".html", ".htm", ".txt", ".xml", ".jinja", ".jinja2", ".j2", ".email")

MOST_FILES = 50_000
MOST_BYTES = 3_000_000
"""A larger Python file is generated; it becomes a Gap."""
_TEST_FOLDERS = frozenset(
    ("tests", "test", "testing", "testutils", "test_utils", "fixtures", "testproject", "test_project")
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One Python file. ``name`` is its path relative to the project's root with forward slashes."""

    path: Path
    name: str
    role: FileRole


def find_files(root: Path, unread: Callable[[str, str], None] | None = None) -> Iterator[SourceFile]:
    """All Python files below a folder, in a fixed order, at most ``MOST_FILES``. Links to folders are not followed, so a loop of
    links ends; neither are nested environments (they hold a ``pyvenv.cfg``). What is no file (a pipe, a device) is passed over.

    ``unread`` is called with the name and the reason of each folder that cannot be read, and when there are more files than that.
    """
    count = 0

    def told(error: OSError) -> None:
        if unread is not None:
            name = Path(str(error.filename)).relative_to(root).as_posix() if error.filename else ""
            unread(name, error.strerror or type(error).__name__)

    for folder, names, files in os.walk(root, onerror=told):
        names[:] = sorted(n for n in names if not _is_skipped(Path(folder, n)))
        for file in sorted(files):
            if file.endswith(".py"):
                path = Path(folder, file)
                name = path.relative_to(root).as_posix()
                count += 1
                if count > MOST_FILES:
                    if unread is not None:
                        unread("", f"more than {MOST_FILES:,} Python files; those from {name} on were not read")
                    return
                if not os.path.isfile(path):
                    continue
                yield SourceFile(path, name, role_of(name))


def find_templates(root: Path) -> Iterator[Path]:
    """The templates below a folder: what lies in a folder called ``templates`` or ``jinja2``, at most ``MOST_FILES``."""
    return islice(_texts(root, _FOLDERS_OF_TEMPLATES), MOST_FILES)


def find_texts(root: Path) -> Iterator[Path]:
    """What may be a template below a folder, at most ``MOST_FILES``: settings may name any folder."""
    return islice(_texts(root), MOST_FILES)


def _texts(root: Path, below: frozenset[str] = frozenset()) -> Iterator[Path]:
    """``below``: only what lies in a folder of one of these names."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if not _is_skipped(Path(folder, n)))
        if below and below.isdisjoint(Path(folder).relative_to(root).parts):
            continue
        for file in sorted(files):
            if file.endswith(_ENDINGS_OF_TEXTS) and os.path.isfile(Path(folder, file)):
                yield Path(folder, file)


def _is_skipped(folder: Path) -> bool:
    name = folder.name
    return (
        name in SKIPPED_FOLDERS
        or name.startswith(".")
        or name.endswith(".egg-info")
        or folder.is_symlink()
        or (folder / "pyvenv.cfg").exists()
    )


def role_of(name: str) -> FileRole:
    """What a file is for, by its place and name."""
    path = PurePosixPath(name)
    folders = path.parts[:-1]
    if path.name.startswith("test_") or path.stem.endswith("_test") or path.name in ("tests.py", "conftest.py"):
        return "tests"
    if not _TEST_FOLDERS.isdisjoint(folders):
        return "tests"
    if folders and (folders[-1] == "versions" or folders[-1].endswith("migrations")):
        return "migrations"
    if path.name in ("setup.py", "noxfile.py", "fabfile.py", "tasks.py") and not folders:
        return "scripts"
    return "code"


def find_environment(root: Path) -> Path | None:
    """The ``site-packages`` of an environment inside the project, or of the project itself when it lies in one."""
    for name in (".venv", "venv", "env"):
        for candidate in sorted((root / name).glob("lib/python3*/site-packages")):
            return candidate
    return None
