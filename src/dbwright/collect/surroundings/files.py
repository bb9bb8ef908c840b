"""The files around a project's code that say how it runs: found in one bounded walk, told apart by name."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from dbwright.model.surroundings import Environment
from dbwright.source.files import SKIPPED_FOLDERS
from dbwright.source.modules import syntax_tree

Kind = Literal[
    "python",
    "env",
    "compose",
    "ci",
    "dockerfile",
    "procfile",
    "settings",
    "script",
    "requirements",
    "platform",
    "other",
]
MOST_ENTRIES = 400_000
"""Names looked at; a folder of a million files ends the walk, and the reader says so."""
MOST_BYTES = 1_000_000
_DOTTED = frozenset((".github", ".gitlab", ".circleci", ".envs", ".do", ".platform", ".woodpecker"))
_NAMED: tuple[tuple[str, Kind], ...] = (
    (r"\.py$", "python"),
    (r"(^|/)\.env[^/]*$|(^|/)[\w-]+\.env([.-]\w+)?$|(^|/)env\.(example|sample|template|dist)$|(^|/)\.envs/.+", "env"),
    (r"(^|/)\.(github/workflows|circleci|gitlab|woodpecker)/.*\.ya?ml$|(^|/)(\.gitlab-ci|\.travis|azure-pipelines)\.ya?ml$", "ci"),
    (r"(^|/)(render|app|railway|\.do/app|heroku)\.ya?ml$|(^|/)(fly|railway)\.toml$|(^|/)(app|railway)\.json$|\.tf$", "platform"),
    (r"compose[^/]*\.ya?ml$|(^|/)(local|production|staging|stack|docker)\.ya?ml$", "compose"),
    (r"(^|/)dockerfile[^/]*$|\.dockerfile$", "dockerfile"),
    (r"(^|/)procfile[^/]*$", "procfile"),
    (r"\.(ini|conf|cfg)$", "settings"),
    (r"(^|/)requirements[^/]*\.(txt|in)$|(^|/)requirements/.*\.(txt|in)$|(^|/)(pyproject\.toml|pipfile)$", "requirements"),
    (r"\.(sh|bash|service|timer|cron)$|(^|/)(crontab[^/]*|makefile|justfile|start[^/.]*|entrypoint[^/.]*|run[^/.]*)$", "script"),
    (r"(^|/)cron[^/]*/|backup", "script"),
    (r"\.ya?ml$", "other"),
)  # fmt: skip
_KINDS = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _NAMED)


@dataclass(eq=False)
class File:
    """A file of interest. ``name`` is relative to the root, with forward slashes."""

    path: Path
    name: str
    kind: Kind

    def read(self) -> bytes:
        """Its content; nothing when it cannot be read or is too large to have been written by a person."""
        return self._content

    @cached_property
    def _content(self) -> bytes:
        try:
            if not self.path.is_file() or self.path.stat().st_size > MOST_BYTES:
                return b""
            return self.path.read_bytes()
        except OSError:
            return b""

    def tree(self) -> ast.Module | None:
        """Its syntax tree; None when it is no Python (the reading of the source says so)."""
        return self._tree

    @cached_property
    def _tree(self) -> ast.Module | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return syntax_tree(self.read(), self.name)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def lines(self) -> list[str]:
        return self.read().decode("utf-8", "replace").splitlines()


class Files:
    """All files of interest below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cut = False
        """More names lie there than were looked at."""
        self.by_kind: dict[Kind, list[File]] = defaultdict(list)
        for file in self._walk():
            self.by_kind[file.kind].append(file)

    def _walk(self) -> Iterator[File]:
        count = 0
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(n for n in names if not _is_skipped(Path(folder, n)))
            relative = Path(folder).relative_to(self.root).as_posix()
            prefix = "" if relative == "." else f"{relative}/"
            for name in sorted(files):
                count += 1
                if count > MOST_ENTRIES:
                    self.cut = True
                    return
                kind = kind_of(prefix + name)
                if kind is not None:
                    yield File(Path(folder, name), prefix + name, kind)

    def of(self, *kinds: Kind) -> Iterator[File]:
        for kind in kinds:
            yield from self.by_kind.get(kind, ())

    @cached_property
    def by_name(self) -> dict[str, File]:
        return {file.name: file for files in self.by_kind.values() for file in files}

    def named(self, base: str) -> File | None:
        """The one file with that last part of its name."""
        found = self._by_base.get(base, ())
        return found[0] if len(found) == 1 else None

    @cached_property
    def _by_base(self) -> dict[str, list[File]]:
        found: defaultdict[str, list[File]] = defaultdict(list)
        for file in self.by_name.values():
            found[file.name.rpartition("/")[2]].append(file)
        return found


def _is_skipped(folder: Path) -> bool:
    name = folder.name
    if name in SKIPPED_FOLDERS or name.endswith(".egg-info") or folder.is_symlink():
        return True
    return (name.startswith(".") and name not in _DOTTED) or (folder / "pyvenv.cfg").exists()


def kind_of(name: str) -> Kind | None:
    """What a file is by its name; None when it tells nothing of interest."""
    return next((kind for pattern, kind in _KINDS if pattern.search(name)), None)


_TESTS = re.compile(r"(^|[/_.-])(tests?|testing|ci|pytest|conftest|test_?project|e2e)([/_.-]|$)", re.IGNORECASE)
_DEVELOPMENT = re.compile(
    r"(^|[/_.-])(dev|devel|develop|development|devstack|devserver|debug|local|demo|examples?|sandbox|docs|devcontainer|override|benchmarks?)([/_.-]|$)",
    re.IGNORECASE,
)
_PRODUCTION = re.compile(r"(^|[/_.-])(prod|production|live|staging|stage|heroku)([/_.-]|$)", re.IGNORECASE)  # fmt: skip
_EXAMPLE = re.compile(r"(^|[/_.-])(examples?|samples?|template|dist|tmpl|default)$", re.IGNORECASE)


def is_example(name: str) -> bool:
    """An env file that is to be copied and filled in: ``.env.example``, ``template.env``."""
    base = name.rpartition("/")[2]
    return bool(_EXAMPLE.search(base) or _EXAMPLE.search(base.removesuffix(".env")))


def environment_of(name: str) -> Environment:
    """The deployment that a file's path or a class' name speaks of."""
    name = _EXAMPLE.sub("", name)
    for pattern, environment in ((_TESTS, "tests"), (_PRODUCTION, "production"), (_DEVELOPMENT, "development")):
        if pattern.search(name):
            return environment  # type: ignore[return-value]
    return "any"
