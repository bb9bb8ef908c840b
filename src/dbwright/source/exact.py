"""The models as the framework itself has them: asked of the project's own interpreter, which runs the project's code (``--import``).

Only when the user asks for it. The queries are still read from the source; options that only a class body shows are kept from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dbwright.errors import DbwrightError
from dbwright.model.source import Source, SourceProblem
from dbwright.model.source_table import (
    Framework,
    Place,
    SourceColumn,
    SourceConstraint,
    SourceIndex,
    SourceReference,
    SourceTable,
)
from dbwright.sqltext import mask_secrets

SECONDS = 180.0
"""How long an import may take."""
MOST_BYTES = 256 * 2**20
_ORACLES = Path(__file__).parent / "oracle"
_ENVIRONMENTS = (".venv", "venv", "env")
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]")


class NotImported(DbwrightError):
    """The project's own interpreter could not be asked, or the project could not be imported by it."""


@dataclass(frozen=True)
class Question:
    """One run of a script: where, by which arguments, and what its environment holds besides the user's."""

    framework: Framework
    folder: Path
    arguments: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def find_python(root: Path) -> Path | None:
    """The interpreter of an environment that lies in the project or in a folder of it."""
    for folder in (root, *sorted(p for p in root.iterdir() if p.is_dir())):
        for name in _ENVIRONMENTS:
            for python in (folder / name / "bin" / "python", folder / name / "Scripts" / "python.exe"):
                if python.exists():
                    return python
    return None


def exact(source: Source, root: Path, python: Path | None, environment: Mapping[str, str]) -> Source:
    """The source with the tables that the project's own interpreter tells.

    Raises NotImported when there is no interpreter, nothing to import, or the import fails.
    """
    found = python or find_python(root)
    if found is None:
        raise NotImported(
            "No environment of the project was found to import it with.", "Give --python PATH, its interpreter."
        )
    if not found.is_file() or not os.access(found, os.X_OK):
        raise NotImported(f"{found} is no interpreter that can be run.", "Give --python PATH, the project's own.")
    questions = list(_questions(source, root, environment))
    if not questions:
        raise NotImported(
            "Nothing to import was found.", "Set DJANGO_SETTINGS_MODULE, or give the folder of the models."
        )
    tables: list[SourceTable] = []
    problems: list[SourceProblem] = []
    for question in questions:
        document = ask(question, found, environment)
        tables += _Conversion(source, root, question.framework).tables(document)
        problems += [_problem(gap) for gap in document.get("gaps", ())]
    return replace(source, tables=tuple(tables), problems=(*source.problems, *problems), exact=True)


def _problem(gap: Mapping[str, Any]) -> SourceProblem:
    what = ".".join(str(part) for part in (gap.get("symbol"), gap.get("what")) if part)
    return SourceProblem("", 0, mask_secrets(f"--import: {what}: {gap.get('reason')}"))


def _questions(source: Source, root: Path, environment: Mapping[str, str]) -> Iterator[Question]:
    settings = environment.get("DJANGO_SETTINGS_MODULE")
    for manage in (*root.glob("manage.py"), *sorted(root.glob("*/manage.py"))):
        match = _SETTINGS.search(manage.read_text(encoding="utf-8", errors="replace"))
        module = settings or (match[1] if match else None)
        if module:
            yield Question("django", manage.parent, variables=(("DJANGO_SETTINGS_MODULE", module),))
            break
    else:
        if settings:
            yield Question("django", root, variables=(("DJANGO_SETTINGS_MODULE", settings),))
    modules = dict.fromkeys(_modules(source, root))
    for folder in dict.fromkeys(folder for folder, _ in modules):
        names = sorted(name for where, name in modules if where == folder)
        yield Question("sqlalchemy", folder, tuple(names))


def _modules(source: Source, root: Path) -> Iterator[tuple[Path, str]]:
    """The modules that define tables with SQLAlchemy, each with the folder that its name begins in."""
    for table in source.tables:
        if table.framework != "sqlalchemy" or not table.owned:
            continue
        path = (root / table.place.file).with_suffix("")
        folder = path.parent
        while (folder / "__init__.py").exists() and folder != root.parent:
            folder = folder.parent
        parts = path.relative_to(folder).parts
        if all(part.isidentifier() for part in parts):
            yield folder, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ask(question: Question, python: Path, environment: Mapping[str, str], seconds: float = SECONDS) -> dict[str, Any]:
    """The document that the script of a framework prints when the project's interpreter runs it.

    Raises NotImported with the project's error in one line. What the project itself prints is thrown away: it may hold secrets.
    """
    script = _ORACLES / f"{question.framework}_registry.py"
    variables = {**environment, **dict(question.variables), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python.absolute()), str(script), *question.arguments]
    with tempfile.TemporaryFile() as answer:
        try:
            process = subprocess.Popen(
                command, cwd=question.folder, env=variables, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise NotImported(
                f"{python} cannot be run: {error.strerror}.", "Give --python PATH, the project's own."
            ) from None
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotImported(
                f"The import of the project did not end within {seconds:g} seconds.",
                "Run it without --import: nothing is run then.",
            ) from None
        finally:
            _end(process)
        answer.seek(0)
        text = answer.read(MOST_BYTES)
    return _document(text, question)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the import with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _document(text: bytes, question: Question) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = {"error": "it ended without an answer"}
    if not isinstance(document, dict) or "error" in document:
        error = document.get("error") if isinstance(document, dict) else "it ended without an answer"
        what = dict(question.variables).get("DJANGO_SETTINGS_MODULE") or ", ".join(question.arguments[:3])
        raise NotImported(
            f"The project could not be imported ({what}): {mask_secrets(' '.join(str(error).split()))[:300]}",
            "Give --python the interpreter that runs it and the variables that it needs; without --import nothing is run.",
        )
    return document


class _Conversion:
    """Rows of a document as tables, with what only the source tells (lines, choices, validators) from there."""

    def __init__(self, source: Source, root: Path, framework: Framework) -> None:
        self.read = {(table.schema, table.name): table for table in source.tables}
        self.root = root.resolve()
        self.framework = framework

    def tables(self, document: Mapping[str, Any]) -> Iterator[SourceTable]:
        for row in document["tables"]:
            known = self.read.get((row["schema"], row["name"]))
            place, owned = self._place(row, known)
            columns = tuple(self._column(column, known) for column in row["columns"])
            yield SourceTable(
                name=row["name"],
                schema=row["schema"],
                symbol=row["symbol"],
                place=place,
                framework=self.framework,
                columns=columns,
                indexes=tuple(_index(index, known) for index in row["indexes"]),
                constraints=tuple(_constraint(one, known) for one in row["constraints"]),
                ordering=known.ordering if known else (),
                managed=bool(row.get("managed", True)),
                owned=owned,
                through=known.through if known else bool(row.get("auto_created")),
            )

    def _place(self, row: Mapping[str, Any], known: SourceTable | None) -> tuple[Place, bool]:
        file = row.get("file")
        path = Path(file).resolve() if file else None
        if path is not None and path.is_relative_to(self.root) and "site-packages" not in path.parts:
            if known is not None and known.owned:
                return known.place, True
            return Place(
                path.relative_to(self.root).as_posix(), row.get("line") or 1, row["symbol"].rpartition(".")[2]
            ), True
        return (known.place, known.owned) if known else (Place(path.name if path else "", row.get("line") or 0), False)

    def _column(self, row: Mapping[str, Any], known: SourceTable | None) -> SourceColumn:
        read = known.column(row["name"]) if known else None
        given = row["references"]
        reference = (
            SourceReference(given["table"], given["column"], given.get("framework_on_delete"), given["on_delete"])
            if given
            else None
        )
        return SourceColumn(
            name=row["name"],
            field=row["field"],
            type=row["type"],
            not_null=bool(row["not_null"]),
            primary_key=bool(row["primary_key"]),
            unique=bool(row["unique"]),
            has_default=bool(row["has_default"]),
            references=reference,
            line=read.line if read else 0,
            file=read.file if read else "",
            field_class=read.field_class if read else _class_name(row["field_class"], self.framework),
            options=read.options if read else (),
        )


def _class_name(symbol: str, framework: Framework) -> str:
    return symbol.rpartition(".")[2] if framework == "django" else symbol


def _index(row: Mapping[str, Any], known: SourceTable | None) -> SourceIndex:
    columns = tuple(row["columns"])
    read = (
        next((i for i in known.indexes if i.columns == columns and i.name in (row["name"], None)), None)
        if known
        else None
    )
    return SourceIndex(
        name=row["name"],
        columns=columns,
        unique=bool(row["unique"]),
        method=row["method"],
        descending=tuple(row["descending"]),
        is_expression=tuple(row["is_expression"]),
        opclasses=tuple(str(name) for name in row["opclasses"]),
        include=tuple(row["include"]),
        condition=row["condition"],
        implicit=bool(row["implicit"]),
        line=read.line if read else 0,
        nulls_not_distinct=bool(row.get("nulls_not_distinct")),
    )


def _constraint(row: Mapping[str, Any], known: SourceTable | None) -> SourceConstraint:
    columns: Sequence[str] = tuple(row["columns"])
    read = (
        next((c for c in known.constraints if c.kind == row["kind"] and c.columns == columns), None) if known else None
    )
    return SourceConstraint(
        name=row["name"] or (read.name if read else None),
        kind=row["kind"],
        columns=tuple(columns),
        condition=row["condition"],
        deferrable=bool(row["deferrable"]),
        line=read.line if read else 0,
        nulls_not_distinct=bool(row.get("nulls_not_distinct")),
    )
