"""A project's source as changes are written into it: the models and where they stand, its migrations and what they make."""

from __future__ import annotations

import ast
import codecs
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbwright.errors import DbwrightError
from dbwright.fixes.alembic import SqlalchemyTable
from dbwright.fixes.django import DjangoModel
from dbwright.fixes.django_models import ModelClass
from dbwright.fixes.python_text import CannotEdit
from dbwright.fixes.sqlalchemy_models import MappedClass
from dbwright.fixes.stage import NotForCode
from dbwright.model.migrations import Drift, GraphProblem, Migrations
from dbwright.model.source_table import SourceTable
from dbwright.model.surroundings import Surroundings
from dbwright.source.files import find_environment, find_files
from dbwright.source.interpreter import Framework
from dbwright.source.reader import Reading, on_deep_stack
from dbwright.source.values import ClassValue

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.django.migrations import DjangoMigrations
    from dbwright.source.django.models import ModelAdoption

OLDEST_DJANGO = (5, 2)
"""Taken where neither the project nor its environment says which it needs: the oldest that Django's own project still mends."""


class ConflictingMigrations(DbwrightError):
    """The project's migrations have several ends, so nothing can follow them."""


def text_of(root: Path, file: str) -> str:
    """A file's text with plain line ends. ``file`` is relative to the root. Raises CannotEdit for one that is not UTF-8."""
    data = (root / file).read_bytes()
    try:
        if data.startswith(codecs.BOM_UTF8):
            raise CannotEdit(f"{file} begins with a byte order mark")
        if 0 < data.count(b"\r\n") < data.count(b"\n"):
            raise CannotEdit(f"{file} mixes line ends")
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise CannotEdit(f"{file} is not UTF-8") from None


def has_crlf(root: Path, file: str) -> bool:
    """Whether the file's lines end as Windows ends them."""
    return b"\r\n" in (root / file).read_bytes()


@dataclass(frozen=True)
class History:
    """The migrations that a new one follows: an application's (Django) or a folder's (Alembic). ``parents`` are the last ones, ``names``
    all, ``folder`` is relative to the project's root."""

    group: str
    folder: str
    parents: tuple[str, ...]
    names: frozenset[str]


class Project:
    """Read once; ``drift_with`` reads a copy of it with files changed."""

    def __init__(self, root: Path, surroundings: Surroundings, environment: Path | None = None) -> None:
        self.root = root.resolve()
        self.surroundings = surroundings
        self.environment = environment or find_environment(self.root)
        self.reading = Reading(self.root, self.environment)
        self.tables = on_deep_stack(lambda: tuple(self.reading.tables()))
        self.by_name: dict[tuple[str, str], SourceTable] = {}
        for table in self.tables:
            self.by_name.setdefault((table.schema or "public", table.name), table)

    def text(self, file: str) -> str:
        """As ``text_of``."""
        return text_of(self.root, file)

    def has_crlf(self, file: str) -> bool:
        """As ``has_crlf``."""
        return has_crlf(self.root, file)

    @cached_property
    def installed_django(self) -> tuple[int, int] | None:
        """The version in the project's environment, by the name of its folder; None where there is none."""
        folders = self.environment.glob("[Dd]jango-*.dist-info") if self.environment is not None else ()
        found = (re.match(r"[Dd]jango-(\d+)\.(\d+)", path.name) for path in folders)
        return next(((int(one[1]), int(one[2])) for one in found if one), None)

    @cached_property
    def on_sqlite(self) -> bool:
        """Whether some environment of the project runs it on SQLite."""
        return any(access.engine == "sqlite" for access in self.surroundings.accesses)

    def framework(self, name: str) -> Framework | None:
        return next((one for one in self.reading.interpreter.frameworks if type(one).__name__ == name), None)

    # Django ----------------------------------------------------------------------------------------------------------------

    @cached_property
    def _django(self) -> tuple[Django, DjangoMigrations, Any, tuple[GraphProblem, ...]]:
        from dbwright.source.django.migrations import DjangoMigrations

        framework: Any = self.framework("Django")

        def replayed() -> tuple[DjangoMigrations, Any, tuple[GraphProblem, ...]]:
            read = DjangoMigrations(framework)
            problems = tuple(read.check_graph())
            circle = any(problem.fault == "cycle" for problem in problems)
            return read, None if circle else read.replay(), problems

        return (framework, *on_deep_stack(replayed))

    def django_model(self, table: SourceTable) -> DjangoModel:
        """The model of a table. Raises NotForCode where none of the project's migrations make it, ConflictingMigrations where nothing can
        follow them."""
        django, read, state, _ = self._django
        adoption = self._adoption(django, table)
        label = adoption.app_label
        history = self.django_history(label)
        known = state.models.get((label, adoption.cls.name.lower())) if state is not None else None
        whole = label not in read.incomplete
        if known is None and whole:
            raise NotForCode(f"no migration of {history.group} makes {table.name}; run makemigrations first")
        base, inherited = self._meta_source(django, adoption)
        node = adoption.cls.node
        source = ModelClass(adoption.cls.module.file, adoption.cls.name, node.lineno, base, inherited)
        version = self.surroundings.django_version or self.installed_django or OLDEST_DJANGO
        fields, options = (known.fields, known.options) if known is not None else ({}, {})
        user = django.applications.user_label
        return DjangoModel(table, label, source, fields, options, version, self.on_sqlite, whole, user)

    def names_above(self, table: SourceTable) -> dict[str, frozenset[str]]:
        """The classes that a model goes on from, as far as they are read, each with the names that its body binds."""
        interpreter = self._django[0].interpreter
        return {
            one.name: frozenset(interpreter.scope_of(one).bindings)
            for one in interpreter.mro(self._adoption(self._django[0], table).cls)[1:]
            if one.module.owned or not one.module.name.startswith("django.db.models")
        }

    def _adoption(self, django: Django, table: SourceTable) -> ModelAdoption:
        """The class of the table's model; of a table that Django makes for a relation, the class that has the relation."""
        adoptions = {id(adoption.real): adoption for adoption in django.models.values() if adoption.real is not None}
        for model in django.registry.get_models(include_auto_created=True):
            if model._meta.db_table == table.name and not model._meta.proxy and table.owned:
                found = adoptions.get(id(model._meta.auto_created or model))
                if found is not None:
                    return found
        raise NotForCode(f"{table.name} is no model of the project's own; `dbwright apply` does it")

    def _meta_source(self, django: Django, adoption: ModelAdoption) -> tuple[str | None, frozenset[str]]:
        """The Meta that a model's own goes on from, and which of the lists it brings along."""
        interpreter = django.interpreter
        lists = {"indexes", "constraints"} & adoption.meta.keys()
        own = next((n for n in adoption.cls.node.body if isinstance(n, ast.ClassDef) and n.name == "Meta"), None)
        if own is not None:
            return (ast.unparse(own.bases[0]), frozenset(lists)) if own.bases else (None, frozenset())
        from dbwright.source.django.models import ModelAdoption

        for one in interpreter.mro(adoption.cls)[1:]:
            above = interpreter.adoption(one)
            if "Meta" in interpreter.scope_of(one).bindings and isinstance(above, ModelAdoption) and above.is_abstract:
                bases = adoption.cls.node.bases
                named = next((base for base in bases if ast.unparse(base).rpartition(".")[2] == one.name), None)
                return f"{ast.unparse(named or bases[0])}.Meta", frozenset(lists)
        return None, frozenset()

    def django_history(self, label: str) -> History:
        """The migrations of an application. Raises as ``django_model`` does."""
        _, read, _, problems = self._django
        nodes = [node for node in read.nodes.values() if node.label == label]
        if not nodes:
            raise NotForCode(f"the application {label} has no migrations; run makemigrations {label} first")
        for problem in problems:
            if problem.group == label or problem.fault == "cycle":
                raise ConflictingMigrations(f"{problem.message}.", _way_on(problem))
        followed = {name for node in nodes for parent, name in (*node.dependencies, *node.replaces) if parent == label}
        ends = tuple(sorted(node.name for node in nodes if node.name not in followed))
        folder = nodes[0].file.rpartition("/")[0]
        return History(label, folder, ends, frozenset(node.name for node in nodes))

    # SQLAlchemy ------------------------------------------------------------------------------------------------------------

    def sqlalchemy_table(self, table: SourceTable) -> SqlalchemyTable:
        """A table of the project's SQLAlchemy models. Raises NotForCode where its place in the code is not known."""
        framework: Any = self.framework("SQLAlchemy")
        if not table.owned or not table.place.file:
            raise NotForCode(f"{table.name} is no table of the project's own; `dbwright apply` does it")
        name = table.symbol.rpartition(".")[2]
        metadata = next((m for m in framework.metadatas if any(t.name == table.name for t in m.tables.values())), None)
        convention = {str(kind): str(text) for kind, text in metadata.naming_convention.items()} if metadata else {}
        source = MappedClass(table.place.file, name, table.place.line, self._arguments_from(table, name))
        return SqlalchemyTable(table, source, convention, self.on_sqlite)

    def _arguments_from(self, table: SourceTable, name: str) -> str | None:
        """The base class that gives a class its ``__table_args__``."""
        interpreter = self.reading.interpreter
        module = self.reading.codebase.find(table.symbol.rpartition(".")[0])
        value = interpreter.name_in(module.name, name) if module is not None else None
        if not isinstance(value, ClassValue):
            return None
        for one in interpreter.mro(value)[1:]:
            if "__table_args__" in interpreter.scope_of(one).bindings:
                return one.name
        return None

    def alembic_history(self, table: SourceTable) -> History:
        """The revisions that make a table. Raises NotForCode where there are none, ConflictingMigrations where nothing can follow them."""
        files = [file for file in self.migrations.files if file.framework == "alembic"]
        histories = {file.group for file in files}
        group = self.migrations.groups.get(table.name) or (min(histories) if len(histories) == 1 else None)
        if group not in histories:
            raise NotForCode(f"no Alembic revision makes {table.name}")
        for problem in self.migrations.problems:
            if (problem.framework, problem.group) == ("alembic", group):
                raise ConflictingMigrations(f"{problem.message}.", _way_on(problem))
        own = [file for file in files if file.group == group]
        followed = {parent for file in own for parent in file.parents}
        heads = [file for file in own if file.name not in followed]
        if len(heads) != 1:
            raise ConflictingMigrations(f"{group} has {len(heads)} heads.", "Run `alembic merge heads` first.")
        folder = heads[0].place.file.rpartition("/")[0]
        return History(str(group), folder, (heads[0].name,), frozenset(file.name for file in own))

    # What comes of it ------------------------------------------------------------------------------------------------------

    @cached_property
    def migrations(self) -> Migrations:
        """The project's migrations. Scripts are walked once only: a second walk would meet what the first one left."""
        return on_deep_stack(lambda: self.reading.migrations(self.tables))

    @cached_property
    def drift(self) -> frozenset[tuple[object, ...]]:
        """Where models and migrations disagree."""
        return frozenset(map(_identity, self.migrations.drift))

    def unlike(self, files: Mapping[str, str]) -> list[str]:
        """Where models and migrations would disagree with these files written that agree now, in words."""
        return [one.detail for one in self.drift_with(files)]

    def drift_with(self, files: Mapping[str, str]) -> list[Drift]:
        """The same as data. The project is read again, without its queries."""
        with tempfile.TemporaryDirectory(prefix="dbwright-fix-") as folder:
            copy = Path(folder).resolve() / "project"
            for file in find_files(self.root):
                _copy(file.path, copy / file.name)
            for name in ("manage.py", "alembic.ini"):
                for path in self.root.rglob(name):
                    if (
                        path.relative_to(self.root).parent.parts[:1] != (".venv",)
                        and not (copy / path.relative_to(self.root)).exists()
                    ):
                        _copy(path, copy / path.relative_to(self.root))
            for name, new in files.items():
                path = copy / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(new, encoding="utf-8")
            again = Project(copy, self.surroundings, self.environment or copy)
            return [one for one in again.migrations.drift if _identity(one) not in self.drift]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _identity(one: Drift) -> tuple[object, ...]:
    return one.have, one.lack, one.kind, one.table, one.name, one.columns


def _way_on(problem: GraphProblem) -> str:
    if problem.fault == "heads" and problem.framework == "django":
        return "Run `python manage.py makemigrations --merge` first, or `dbwright fix migrations/several-heads`."
    if problem.fault == "heads":
        return "Run `alembic merge heads` first, or `dbwright fix migrations/several-heads`."
    if problem.fault == "duplicate":
        return "Run `dbwright fix migrations/duplicate-revision` first."
    return f"Mend it first: {problem.place}."
