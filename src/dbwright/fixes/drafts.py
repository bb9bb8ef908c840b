"""Changes written into a project: which files get which text. Nothing is written here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dbwright.fixes import alembic, django, django_models, sqlalchemy_models
from dbwright.fixes.alembic import SqlalchemyTable
from dbwright.fixes.django import DjangoModel
from dbwright.fixes.project import History, Project
from dbwright.fixes.python_text import CannotEdit
from dbwright.fixes.stage import NotForCode, Rendered, Stage, shared_out
from dbwright.fixes.tables import table_of
from dbwright.model import change as c

LONGEST_FILE_NAME = 60
_INDEPENDENT = (c.CreateIndex, c.AddConstraint, c.AddRangeCheck, c.SetStorageParameter, c.ValidateConstraint)
_STEPS = {"django": "python manage.py migrate", "alembic": "alembic upgrade head"}


@dataclass(frozen=True)
class Wanted:
    """A change that is to be written, with the finding that it mends and the table that it is about where its operations do not say."""

    change: c.Change
    reason: str
    finding: str = ""
    table: tuple[str, str] | None = None

    @property
    def tables(self) -> set[str]:
        """The names of the tables that it is about."""
        found = [table_of(operation) or self.table for operation in self.change.operations]
        return {name for _, name in filter(None, found)}

    def apart(self) -> list[Wanted]:
        """One for each operation where none needs another."""
        if not all(isinstance(one, _INDEPENDENT) for one in self.change.operations):
            return [self]
        return [replace(self, change=replace(self.change, operations=(one,))) for one in self.change.operations]


@dataclass(frozen=True)
class FileText:
    """A file of the project with its new text; ``old`` is None for a file that is new. ``crlf``: its lines end as Windows ends them, and
    do so again; both texts have plain ends. ``gone``: the file is deleted."""

    file: str
    old: str | None
    new: str
    crlf: bool = False
    gone: bool = False


@dataclass(frozen=True)
class Left:
    """What is not written, and why."""

    wanted: Wanted
    reason: str


@dataclass(frozen=True)
class Draft:
    """Files to write, the changes that they carry out as they are there, and what is left. ``steps``: the commands that follow;
    ``unchecked``: histories that could not be read wholly, so that nothing says whether they and the models agree."""

    files: tuple[FileText, ...]
    changes: tuple[tuple[Wanted, c.Change], ...]
    left: tuple[Left, ...]
    steps: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    def without(self, left: Sequence[Left]) -> Draft:
        """The same with more that is left."""
        return replace(self, left=(*self.left, *left))


Target = DjangoModel | SqlalchemyTable
Key = tuple[str, str]
"""A history of migrations: ``django`` with the application, ``alembic`` with the folder."""


@dataclass
class _Part:
    """What one change comes to, before it is shared out: its operations and its stages by history."""

    wanted: Wanted
    operations: list[c.Operation] = field(default_factory=list)
    stages: defaultdict[Key, list[Stage]] = field(default_factory=lambda: defaultdict(list))


class Drafter:
    """Writes several changes into one project. ``taken`` are names of indexes and constraints that the database has."""

    def __init__(self, project: Project, taken: frozenset[str] = frozenset()) -> None:
        self.project = project
        self.taken = taken
        self.texts: dict[str, str] = {}
        self.histories: dict[Key, History] = {}
        self.unchecked: dict[str, None] = {}

    def draft(self, wanted: Sequence[Wanted], today: str) -> Draft:
        """``today`` is the date that revisions tell. Raises ConflictingMigrations where nothing can follow the project's migrations."""
        parts: list[_Part] = []
        left: list[Left] = []
        for one in wanted:
            before = dict(self.texts)
            try:
                parts.append(self._part(one))
            except (NotForCode, CannotEdit) as error:
                self.texts = before
                left.append(Left(one, str(error)))
        files = [
            FileText(file, self.project.text(file), new, self.project.has_crlf(file))
            for file, new in sorted(self.texts.items())
            if new != self.project.text(file)
        ]
        keys = sorted({key for part in parts for key in part.stages})
        for key in keys:
            files += self._migrations(key, [part for part in parts if key in part.stages], today)
        changes = tuple((part.wanted, c.Change(tuple(part.operations), part.wanted.change.note)) for part in parts)
        steps = dict.fromkeys(_STEPS[framework] for framework, _ in keys)
        return Draft(tuple(files), changes, tuple(left), tuple(steps), tuple(self.unchecked))

    def _part(self, wanted: Wanted) -> _Part:
        part = _Part(wanted)
        tables = [table_of(operation) for operation in wanted.change.operations]
        fallback = next((table for table in tables if table is not None), wanted.table)
        for operation, found in zip(wanted.change.operations, tables, strict=True):
            target, key = self._target(found or fallback)
            fitted, rendered = self._rendered(operation, target)
            part.operations.append(fitted)
            part.stages[key] += rendered.stages
            for edit in rendered.edits:
                self._edit(target, edit)
        return part

    def _target(self, name: tuple[str, str] | None) -> tuple[Target, Key]:
        if name is None:
            raise NotForCode("it is about no table; `dbwright apply` does it")
        table = self.project.by_name.get(name)
        if table is None or table.framework == "sql":
            raise NotForCode(f"{name[1]} is no table of the project's models; `dbwright apply` does it")
        if not table.managed:
            raise NotForCode(f"{name[1]} is not managed by the project's migrations; `dbwright apply` does it")
        if table.framework == "django":
            model = self.project.django_model(table)
            key = ("django", model.label)
            self.histories[key] = self.project.django_history(model.label)
            if not model.is_whole:
                self.unchecked[model.label] = None
            return model, key
        history = self.project.alembic_history(table)
        key = ("alembic", history.group)
        self.histories[key] = history
        return self.project.sqlalchemy_table(table), key

    def _rendered(self, operation: c.Operation, target: Target) -> tuple[c.Operation, Rendered[Any]]:
        if isinstance(target, DjangoModel):
            operation = django.fitted(operation, self.taken)
            return operation, django.rendered(operation, target)
        operation = alembic.fitted(operation)
        return operation, alembic.render(operation, target)

    def _edit(self, target: Target, edit: Any) -> None:
        file = target.source.file
        text = self.texts[file] if file in self.texts else self.project.text(file)
        if isinstance(target, DjangoModel):
            self.texts[file] = django_models.edited(text, target.source, edit)
        else:
            self.texts[file] = sqlalchemy_models.edited(text, target.source, edit)

    def _migrations(self, key: Key, parts: Sequence[_Part], today: str) -> list[FileText]:
        history = self.histories[key]
        reason_of = {id(stage): part.wanted.reason for part in parts for stage in part.stages[key]}
        files = []
        for stages in shared_out([part.stages[key] for part in parts]):
            reasons = [reason_of[id(stage)] for stage in stages]
            if key[0] == "django":
                name = f"{next_number(history.names)}_{slug(stages)}"
                parents = [(key[1], parent) for parent in history.parents]
                file, text = name, django.migration(parents, stages, reasons)
            else:
                name = alembic.next_identifier(sorted(history.names), history.parents[0], stages)
                file, text = f"{name}_{slug(stages)}", alembic.revision(name, history.parents, stages, reasons, today)
            files.append(FileText(f"{history.folder}/{file}.py", None, text))
            history = replace(history, parents=(name,), names=history.names | {name})
        return files


def next_number(names: Iterable[str]) -> str:
    """The number of the next Django migration."""
    return f"{max((int(match[0]) for name in names if (match := re.match(r'[0-9]+', name))), default=0) + 1:04}"


def slug(stages: Sequence[Stage]) -> str:
    """What a migration's file is called behind its number."""
    first = re.sub(r"\W+", "_", stages[0].title.lower()).strip("_")
    ending = "_and_more" if len(stages) > 1 else ""
    return first[: LONGEST_FILE_NAME - len(ending)].rstrip("_") + ending
