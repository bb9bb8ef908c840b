"""A materialized view of a costly statement, with what reads it and what refreshes it

The statement comes from a file, or from the code by file and line. A migration makes the view with a unique index, without which it could
not be refreshed while it is read; Django gets an unmanaged model and a command, SQLAlchemy a table and a function that refresh it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import postgast

from dbwright.fixes.python_text import PythonText
from dbwright.fixes.spelling import text
from dbwright.generate import results, templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import APPLY, Workspace
from dbwright.model.quoting import quote_identifier, shortened
from dbwright.model.source_table import SourceTable

LIBRARIES = """\
django-pgviews-redux makes materialized views from classes with SQL in them and refreshes them; it makes them after each migrate, so a view
is not what the migrations say. This is a migration, and works with Alembic as well."""
OPTIONS = (
    Option("name", "What the view is called.", required=True, is_argument=True),
    Option("statement", "The file that holds the statement.", default=None),
    Option("query", "A query of the code instead, as FILE:LINE.", default=None),
    Option("key", "The column that no two rows share.", required=True),
)
_FIELDS = (
    (r"bigint", "BigIntegerField({})", "BigInteger"),
    (r"integer", "IntegerField({})", "Integer"),
    (r"smallint", "SmallIntegerField({})", "SmallInteger"),
    (r"numeric\((\d+),(\d+)\)", "DecimalField({}, max_digits=\\1, decimal_places=\\2)", "Numeric"),
    (r"numeric", "DecimalField({}, max_digits=38, decimal_places=10)", "Numeric"),
    (r"double precision|real", "FloatField({})", "Float"),
    (r"boolean", "BooleanField({})", "Boolean"),
    (r"character varying\((\d+)\)", "CharField({}, max_length=\\1)", "String"),
    (r"text|character varying|character\(\d+\)|citext", "TextField({})", "Text"),
    (r"timestamp( with time zone| without time zone)?", "DateTimeField({})", "DateTime"),
    (r"date", "DateField({})", "Date"),
    (r"time( without time zone)?", "TimeField({})", "Time"),
    (r"interval", "DurationField({})", "Interval"),
    (r"uuid", "UUIDField({})", "Uuid"),
    (r"jsonb|json", "JSONField({})", "JSON"),
    (r"inet", "GenericIPAddressField({})", "String"),
)
"""The field of Django's and the type of SQLAlchemy's for each type."""


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for what is no single SELECT on the project's tables."""
    name = given["name"]
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise Refused(f"{name} is no plain name.", "Take lower case letters, digits and underscores.")
    statement = _statement(workspace, given)
    table = _about(workspace, statement)
    columns = results.columns(workspace.project, statement)
    if given["key"] not in dict(columns):
        raise Refused(f"The statement has no column {given['key']}.", f"It has {', '.join(dict(columns))}.")
    view = quote_identifier("public", name)
    refresh = f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view}"
    index = quote_identifier(shortened(name, "_key") + "_key")
    forward = (
        f"CREATE MATERIALIZED VIEW {view} AS\n{statement}",
        f"CREATE UNIQUE INDEX {index} ON {view} ({quote_identifier(given['key'])})",
        f"ANALYZE {view}",
    )
    back = workspace.last_migration(table)
    operations: tuple[str, ...] = ()
    then = f"refresh of {name.replace('_', '-')} in its module"
    if table.framework == "django":
        operations = _model(workspace, table, name, columns, given["key"])
        workspace.add_command(
            table,
            f"refresh_{name}",
            templates.text("materialized_view/command.py.txt", view=name, refresh=text(refresh)),
        )
        then = f"python manage.py refresh_{name}"
    else:
        _module(workspace, table, name, columns, refresh)
    step = Step(name, f"The materialized view {name}.", forward, (f"DROP MATERIALIZED VIEW {view}",), False, operations)
    workspace.migrate(table, [step])
    notes = [f"As often as its figures should be new: {then}. Readers see the figures of the last time."]
    return workspace.generated([APPLY[table.framework]], f"{back}; then remove what was written", notes)


def _statement(workspace: Workspace, given: Mapping[str, Any]) -> str:
    """One SELECT, without what ends it."""
    if (given["statement"] is None) == (given["query"] is None):
        raise Refused("One statement makes a view.", "Give either --statement FILE or --query FILE:LINE.")
    if given["query"] is not None:
        found = _of_code(workspace, given["query"])
    else:
        path = Path(given["statement"])
        if not path.is_file():
            raise Refused(f"{path} is no file.", "Name the file that holds the statement.")
        found = path.read_text(encoding="utf-8", errors="replace")
    found = found.strip().rstrip(";").strip()
    try:
        tree = postgast.parse(found)
    except postgast.PgQueryError as error:
        raise Refused(f"The statement cannot be read: {error}.", "Mend it first.") from None
    if len(tree.stmts) != 1 or tree.stmts[0].stmt.WhichOneof("node") != "select_stmt":
        raise Refused("This is not one SELECT.", "Name one statement that only reads.")
    return found


def _of_code(workspace: Workspace, place: str) -> str:
    queries = workspace.project.reading.source().queries
    here = [query for query in queries if place in (str(query.made), str(query.issued))]
    written = list(dict.fromkeys(query.sql for query in here if query.sql))
    if not here or not written:
        raise Refused(f"No query is known at {place}.", "`dbwright queries` lists them with their places.")
    if len(written) > 1:
        raise Refused(
            f"{len(written)} queries are made at {place}.", "Put the one you mean into a file: --statement FILE."
        )
    if "$1" in written[0]:
        raise Refused(
            f"The query at {place} takes parameters.", "Write it with their values into a file: --statement FILE."
        )
    return written[0]


def _about(workspace: Workspace, statement: str) -> SourceTable:
    """The first of the project's tables that the statement names; the view belongs to its application."""
    names = {table.name: table for table in workspace.project.tables if table.owned and table.managed}
    for word in re.findall(r"\w+", statement):
        if word in names and names[word].framework != "sql":
            return names[word]
    raise Refused("The statement reads none of the project's tables.", "A view of others belongs elsewhere.")


def _field(column: str, type_: str) -> tuple[str, str]:
    """Raises Refused for a type that no field stands for."""
    for pattern, field, sqlalchemy in _FIELDS:
        if match := re.fullmatch(pattern, type_):
            return match.expand(field) if "\\" in field else field, sqlalchemy
    raise Refused(f"No field stands for {column} ({type_}).", "Cast it in the statement.")


def _model(
    workspace: Workspace, table: SourceTable, name: str, columns: list[tuple[str, str]], key: str
) -> tuple[str, ...]:
    """The model in the file of the others; the operation that tells the migrations of it."""
    fields = []
    for column, type_ in columns:
        option = "primary_key=True" if column == key else "null=True"
        fields.append((column, f"models.{_field(column, type_)[0].format(option)}"))
    cls = "".join(part.capitalize() for part in name.split("_"))
    lines = "".join(f"    {column} = {field}\n" for column, field in fields)
    model = (
        f'\n\nclass {cls}(models.Model):\n    """Kept in the materialized view {name}, as of its last refresh."""\n\n{lines}\n'
        f'    class Meta:\n        managed = False\n        db_table = "{name}"\n'
    )

    def appended(old: str) -> str:
        source = PythonText(old)
        source.add_import("django.db", "models")
        return source.result().rstrip("\n") + "\n" + model

    workspace.edit(table.place.file, appended)
    listed = ", ".join(
        f"({text(column)}, {field.replace('primary_key=True', 'primary_key=True, serialize=False')})"
        for column, field in fields
    )
    options = f'{{"managed": False, "db_table": {text(name)}}}'
    return (f"migrations.CreateModel(name={text(cls)}, fields=[{listed}], options={options})",)


def _module(workspace: Workspace, table: SourceTable, name: str, columns: list[tuple[str, str]], refresh: str) -> None:
    folder = table.place.file.rpartition("/")[0]
    types = [(column, _field(column, type_)[1]) for column, type_ in columns]
    workspace.add(
        f"{folder}/{name}.py".lstrip("/"),
        templates.text(
            "materialized_view/sqlalchemy.py.txt", view=name, variable=name, columns=types, refresh=text(refresh)
        ),
    )
