"""A project as generators write into it: tables found, files edited and added, migrations put behind the last ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b

from dbwright.fixes.django import DjangoModel
from dbwright.fixes.drafts import Drafter, FileText, Wanted, next_number
from dbwright.fixes.project import History, Project
from dbwright.fixes.python_text import CannotEdit, PythonText, assigned
from dbwright.fixes.spelling import text as written
from dbwright.fixes.stage import NotForCode
from dbwright.generate import migrations
from dbwright.generate.generated import Generated, Refused
from dbwright.generate.migrations import Step
from dbwright.model import change as c
from dbwright.model.source_table import SourceColumn, SourceTable
from dbwright.source.files import find_files

APPLY = {"django": "python manage.py migrate", "sqlalchemy": "alembic upgrade head"}


class Workspace:
    """Collects what is to be written. ``today`` is the date that revisions tell."""

    def __init__(self, project: Project, today: str) -> None:
        self.project = project
        self.today = today
        self._texts: dict[str, str] = {}
        self._histories: dict[tuple[str, str], History] = {}

    # Finding ---------------------------------------------------------------------------------------------------------------

    def table(self, name: str) -> SourceTable:
        """The table of that name, or of the model of that name (``Order``, ``shop.Order``). Raises Refused."""
        wanted = name.lower()
        found = [one for one in self.project.tables if wanted in _names(one) and one.framework != "sql"]
        if len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise Refused(f"{name} may be {names}.", "Name the table.")
        if not found:
            raise Refused(f"{name} is no table of the project's models.", "Name a table or a model of this project.")
        if not found[0].managed or not found[0].owned:
            raise Refused(f"{found[0].name} is not managed by this project's migrations.", "Name another table.")
        return found[0]

    @staticmethod
    def column(table: SourceTable, name: str) -> SourceColumn:
        """A column by its name or its field's. Raises Refused."""
        found = next((one for one in table.columns if name in (one.name, one.field)), None)
        if found is None:
            names = ", ".join(one.name for one in table.columns)
            raise Refused(f"{table.name} has no column {name}.", f"It has {names}.")
        return found

    @staticmethod
    def primary_key(table: SourceTable) -> str:
        """The column that is a table's key. Raises Refused where none is, or several are."""
        composed = next((one.columns for one in table.constraints if one.kind == "primary key"), ())
        found = composed or tuple(column.name for column in table.columns if column.primary_key)
        if len(found) != 1:
            what = "a primary key of several columns" if found else "no primary key"
            raise Refused(f"{table.name} has {what}.", "This goes by a key of one column.")
        return found[0]

    def django_model(self, table: SourceTable) -> DjangoModel:
        """Raises Refused where no migration makes the model."""
        self._history(table)
        return self.project.django_model(table)

    def folder_of_application(self, table: SourceTable) -> str:
        """The folder of the Django application that a table's model belongs to."""
        folder, _, last = self._history(table)[1].folder.rpartition("/")
        return folder if last == "migrations" else table.place.file.rpartition("/")[0]

    @staticmethod
    def module(table: SourceTable, file: str) -> str:
        """How a file is imported that stands below the same root as a table's model; imports may begin below the project's folder."""
        path = table.place.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        root = path.removesuffix(table.symbol.rpartition(".")[0])
        return file.removesuffix(".py").replace("/", ".").removeprefix(root)

    @staticmethod
    def require_django(table: SourceTable, what: str) -> None:
        """Raises Refused for a table of another framework; ``what`` is generated for Django only: ``Search is``."""
        if table.framework != "django":
            raise Refused(f"{table.name} is no model of Django's.", f"{what} generated for Django only.")

    def applications(self, asked: Sequence[str]) -> dict[str, SourceTable]:
        """Django's applications with models of the project, each with one of its tables. Raises Refused where there are none, or one in
        ``asked`` is not among them."""
        models = [
            table
            for table in self.project.tables
            if table.framework == "django" and table.owned and table.managed and not table.through
        ]
        known = {self.django_model(table).label: table for table in reversed(models)}
        if not known:
            raise Refused("There are no models of Django's here.", "Give the project's folder with --project.")
        strange = next((name for name in asked if name not in known), None)
        if strange is not None:
            raise Refused(f"{strange} is no application with models here.", f"There are {', '.join(sorted(known))}.")
        return known

    def settings_file(self, wanted: str | None) -> str:
        """The file with Django's ``DATABASES``: ``wanted``, or the only one. Raises Refused."""
        found = [
            one.name
            for one in find_files(self.project.root)
            if "settings" in one.name and re.search(r"^\s*DATABASES\b", self.text(one.name), re.MULTILINE)
        ]
        if wanted is not None:
            found = [name for name in found if name == wanted.strip("/")]
        if len(found) != 1:
            told = f"DATABASES stand in {', '.join(found)}" if found else "No settings with DATABASES were found"
            raise Refused(f"{told}.", "Name the file with --settings.")
        return found[0]

    def requires(self, package: str) -> bool:
        """Whether the project requires a package."""
        return package in self.project.surroundings.packages

    # Writing ---------------------------------------------------------------------------------------------------------------

    def text(self, file: str) -> str:
        return self._texts[file] if file in self._texts else self.project.text(file)

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        """Change a file that is there. Raises Refused where its source is written in a way that is not followed."""
        try:
            self._texts[file] = change(self.text(file))
        except (CannotEdit, NotForCode) as error:
            raise Refused(
                f"{file} cannot be edited: {error}.", "Write it in the plain way, and run this again."
            ) from None

    def add_to_settings(self, file: str, text: str) -> None:
        """Put statements behind all others of a settings file; they may use ``os``."""
        is_imported = re.search(r"^import os$", self.text(file), re.MULTILINE)
        added = text if is_imported else f"import os\n\n{text}"
        self.edit(file, lambda old: f"{old.rstrip(chr(10))}\n\n{added}")

    def add(self, file: str, text: str) -> None:
        """A new file. Raises Refused where there is one already, and for one outside of the project."""
        if not (self.project.root / file).resolve().is_relative_to(self.project.root):
            raise Refused(f"{file} is no file below the project.", "Name one there.")
        if file in self._texts or (self.project.root / file).exists():
            raise Refused(f"{file} is there already.", "Move it away, or leave things as they are.")
        self._texts[file] = text

    def add_command(self, table: SourceTable, name: str, text: str) -> str:
        """A command of ``manage.py`` in the application of a table; its file."""
        folder = f"{self.folder_of_application(table)}/management"
        for package in (folder, f"{folder}/commands"):
            if not (self.project.root / package / "__init__.py").exists():
                self._texts.setdefault(f"{package}/__init__.py", "")
        self.add(f"{folder}/commands/{name}.py", text)
        return f"{folder}/commands/{name}.py"

    def add_test(self, table: SourceTable, name: str, text: str) -> str:
        """A module of tests in the application of a table, beside the others; its file."""
        folder = self.folder_of_application(table)
        if (self.project.root / folder / "tests/__init__.py").exists():
            folder = f"{folder}/tests"
        self.add(f"{folder}/{name}.py", text)
        return f"{folder}/{name}.py"

    def add_middleware(self, name: str) -> list[str]:
        """Put a middleware behind the others; what is to be known of it."""
        told = "Each request sends some statements more (its transaction, and who is asking): tests that count them see that."
        added = self.add_to_setting("MIDDLEWARE", name)
        return [told] if added else [f"Put {name} into MIDDLEWARE, behind what finds out who is asking.", told]

    def add_to_setting(self, name: str, value: str) -> bool:
        """Put a value behind the others of a list in Django's settings; False where it is not one list that is written out."""
        found = []
        for file in find_files(self.project.root):
            if "settings" in file.name and file.role == "code":
                source = PythonText(self.text(file.name))
                if isinstance(listed := assigned(source.tree.body, name), ast.List | ast.Tuple):
                    found.append((file.name, source, listed))
        if len(found) != 1:
            return False
        file_name, source, sequence = found[0]
        source.append(sequence, source.quoted(written(value)))
        self._texts[file_name] = source.result()
        return True

    def change(self, wanted: Sequence[tuple[SourceTable, c.Operation, str]]) -> None:
        """Operations that ``dbwright fix`` knows, each with its table and its reason, written as it writes them: into models and
        migrations. Comes once, before all else. Raises Refused."""
        histories = {
            history.folder: (key, history) for key, history in (self._history(table) for table, _, _ in wanted)
        }
        draft = Drafter(self.project).draft(
            [Wanted(c.Change((operation,)), reason) for _, operation, reason in wanted], self.today
        )
        if draft.left:
            raise Refused(f"{draft.left[0].reason}.", "Mend that, and run it again.")
        for file in draft.files:
            self._texts[file.file] = file.new
            if file.old is None:
                folder, _, name = file.file.rpartition("/")
                told = re.search(r'^revision = "(.+)"$', file.new, re.MULTILINE)
                name = told[1] if told else name.removesuffix(".py")
                key, history = histories[folder]
                histories[folder] = key, replace(history, parents=(name,), names=history.names | {name})
        self._histories |= dict(histories.values())

    def migrate(self, table: SourceTable, steps: Sequence[Step]) -> None:
        """Migrations behind the last of those that make a table. Raises Refused where none do, ConflictingMigrations."""
        for step in steps:
            key, history = self._history(table)
            if table.framework == "django":
                name = f"{next_number(history.names)}_{step.title}"[:100]
                text = migrations.django(step, [(key[1], one) for one in history.parents], self.project.on_sqlite)
                file = name
            else:
                content = "\0".join([history.parents[0], step.title, *step.forward])
                name = blake2b(content.encode(), digest_size=6).hexdigest()
                text = migrations.revision(step, name, history.parents[0], self.today, self.project.on_sqlite)
                file = f"{name}_{step.title}"
            self._texts[f"{history.folder}/{file}.py"] = text
            self._histories[key] = replace(history, parents=(name,), names=history.names | {name})

    def _history(self, table: SourceTable) -> tuple[tuple[str, str], History]:
        try:
            if table.framework == "django":
                key = ("django", self.project.django_model(table).label)
                history = self._histories.get(key) or self.project.django_history(key[1])
            else:
                history = self.project.alembic_history(table)
                key = ("alembic", history.group)
                history = self._histories.get(key, history)
        except NotForCode as error:
            raise Refused(f"Nothing can be written for {table.name}: {error}.", "Mend that first.") from None
        self._histories[key] = history
        return key, history

    def last_migration(self, table: SourceTable) -> str:
        """What a table's migrations are taken back to, as it is called on the command line."""
        key, history = self._history(table)
        before = next(iter(history.parents), "zero")
        return f"python manage.py migrate {key[1]} {before}" if key[0] == "django" else f"alembic downgrade {before}"

    def generated(self, steps: Sequence[str], back: str, notes: Sequence[str] = ()) -> Generated:
        files = []
        for file, new in sorted(self._texts.items()):
            is_there = (self.project.root / file).exists()
            old = self.project.text(file) if is_there else None
            if new != old:
                files.append(FileText(file, old, new, is_there and self.project.has_crlf(file)))
        return Generated(tuple(files), tuple(steps), back, tuple(notes))


def _names(table: SourceTable) -> set[str]:
    module, _, cls = table.symbol.rpartition(".")
    label = re.sub(r"\.models(\..*)?$", "", module).rpartition(".")[2]
    return {
        table.name.lower(),
        cls.lower(),
        f"{label}.{cls}".lower(),
        f"{table.schema or 'public'}.{table.name}".lower(),
    }
