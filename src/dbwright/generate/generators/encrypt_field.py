"""Values of a field held encrypted, with keys from the environment that can be exchanged (Django)

The field's class, a migration that encrypts what is there in batches and decrypts it on the way back, a command that writes everything with
a new key, and a test. The code goes on reading and writing the field as before; what searches, sorts or groups by it is found first, and
then nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dbwright.fixes.django import DjangoModel
from dbwright.fixes.django_models import SetFieldClass, edited
from dbwright.fixes.spelling import call, text
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused, require_variable
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import Workspace
from dbwright.model.query import Query, QueryColumn
from dbwright.model.source_table import SourceColumn, SourceTable
from dbwright.model.wording import listed
from dbwright.source.files import find_files
from dbwright.source.reader import Reading

LIBRARIES = """\
cryptography does the encrypting. django-fernet-encrypted-fields makes its key from SECRET_KEY, and cannot tell what is encrypted already
from what is not, so a table in use cannot be converted while the application runs; pgcrypto sends the key to the server with each
statement."""
OPTIONS = (
    Option("table", "Table or model.", required=True, is_argument=True),
    Option("field", "The field.", required=True, is_argument=True),
    Option("variable", "The environment variable with the keys.", default="FIELD_KEYS"),
)
_CLASSES = ("TextField", "CharField", "EmailField", "JSONField")


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for fields that the database has to compare, and other types than text and JSON."""
    require_variable(given["variable"])
    table = workspace.table(given["table"])
    workspace.require_django(table, "Encrypted fields are")
    column = workspace.column(table, given["field"])
    model = workspace.django_model(table)
    before = type(model.fields[column.field]).__name__ if column.field in model.fields else ""
    if before not in _CLASSES:
        raise Refused(
            f"{model.source.name}.{column.field} is a {column.field_class or before}.",
            f"{listed(_CLASSES)} of Django's can be encrypted.",
        )
    _require_not_compared(workspace, table, column)
    return _written(workspace, table, column, model, before, given["variable"])


def _written(
    workspace: Workspace, table: SourceTable, column: SourceColumn, model: DjangoModel, before: str, variable: str
) -> Generated:
    folder, back = workspace.folder_of_application(table), workspace.last_migration(table)
    known, cls = _known(workspace, variable), f"Encrypted{before}"
    file = known or f"{folder}/encrypted_fields.py"
    module = workspace.module(table, file)
    if known is None:
        workspace.add(file, templates.text("encrypt_field/module.py.txt", variable=variable))
        rotate = templates.text("encrypt_field/command.py.txt", module=module, variable=variable)
        workspace.add_command(table, "rotate_field_keys", rotate)
    edit = SetFieldClass(column.field, before, cls, module)
    workspace.edit(model.source.file, lambda old: edited(old, model.source, edit))
    written, encrypted = _steps(column, model, f"{module}.{cls}")
    workspace.migrate(table, [written])
    first = workspace.last_migration(table)
    workspace.migrate(table, [encrypted])
    application = f"{model.label}_{model.name}_{column.field}"
    test = templates.text(
        "encrypt_field/test.py.txt",
        module=module,
        application=model.label,
        model=model.source.name,
        field=column.field,
        class_name=f"{model.source.name}{column.field.title().replace('_', '')}IsEncrypted",
        value='{"said": "Größe 9"}' if before == "JSONField" else '"said.Größe@example.org"',
    )
    workspace.add_test(table, f"test_encrypted_{model.name}_{column.field}", test)
    notes = [
        f"Require cryptography, and give every process {variable}; without the keys the values are lost, also those in backups.",
        f"In this order: {first}; deploy the code, which reads both; when no old process runs any more, the rest of the migrations.",
        f"New key: put it first in {variable}, restart, python manage.py rotate_field_keys, take the old one out.",
    ]
    return workspace.generated(
        ["pip install cryptography", f"python manage.py test {workspace.module(table, folder)}", first],
        f"{back} while nothing writes {application}, and take the edits back",
        notes,
    )


def _known(workspace: Workspace, variable: str) -> str | None:
    """The module that an earlier field has brought: one for the project, so that one command exchanges the keys of all. Raises Refused
    where it has its keys elsewhere."""
    for one in find_files(workspace.project.root):
        if one.name.rpartition("/")[2] == "encrypted_fields.py" and "MARK = " in workspace.text(one.name):
            if f'VARIABLE = "{variable}"' not in workspace.text(one.name):
                raise Refused(
                    f"{one.name} has its keys in another variable than {variable}.", "Name that with --variable."
                )
            return one.name
    return None


def _steps(column: SourceColumn, model: DjangoModel, cls: str) -> list[Step]:
    from dbwright.fixes.django import alter_field

    field = model.fields[column.field]
    operation, imports = alter_field(model, column, field)
    spelled = f"models.{type(field).__name__}("
    module = cls.rpartition(".")[0]
    words = [text(model.label), text(model.name), text(column.field)]
    guard = call("migrations.RunPython", [], ["migrations.RunPython.noop", call("require_plain", [], words)])
    run = call("migrations.RunPython", [], [call(name, [], words) for name in ("encrypting", "decrypting")])
    return [
        Step(
            f"{model.name}_{column.field}_encrypted",
            f"{model.source.name}.{column.field} is written encrypted.",
            operations=(operation.replace(spelled, f"{cls}(", 1), guard),
            imports=imports | {f"import {module}", f"from {module} import require_plain"},
        ),
        Step(
            f"{model.name}_{column.field}_encrypt",
            f"What {model.source.name}.{column.field} holds is encrypted, in batches; it may be run again.",
            outside=True,
            operations=(run,),
            imports=frozenset({f"from {module} import decrypting, encrypting"}),
        ),
    ]


def _require_not_compared(workspace: Workspace, table: SourceTable, column: SourceColumn) -> None:
    name = f"{table.name}.{column.name}"
    if column.unique or column.primary_key or any(column.name in one.columns for one in table.constraints):
        raise Refused(f"{name} is unique or under a constraint.", "The database cannot compare what it cannot read.")
    if any(column.name in " ".join(one.columns) for one in table.indexes):
        raise Refused(f"{name} has an index.", "Drop it first: nothing finds what is encrypted.")
    source = Reading(workspace.project.root, workspace.project.environment).source()
    places = dict.fromkeys(
        str(query.made)
        for query in source.queries
        if query.query is not None and column.name in _compared(query.query, table.name)
    )
    if places:
        raise Refused(
            f"{name} is searched, sorted or grouped by at {listed(list(places), 4)}.",
            "The database cannot compare what it cannot read: keep it plain, or change these first.",
        )


def _compared(query: Query, table: str) -> Iterator[str]:
    """The columns of a table by which a statement finds, sorts or groups."""
    columns: list[QueryColumn | None] = [
        one
        for predicate in query.predicates
        for one in (predicate.column, predicate.other)
        if predicate.operator not in ("is null", "is not null")
    ]
    columns += [*query.group_by, *query.distinct_on, *(key.column for key in query.order_by)]
    columns += [one for inner in query.inner for one in (*inner.group_by, *(key.column for key in inner.order_by))]
    if query.distinct:
        columns += query.columns
    yield from (one.column for one in columns if one is not None and one.table == table)
    if any(one.name == table for one in query.tables):
        expressions = (*query.group_expressions, *(key.expression for key in query.order_by))
        yield from (word for expression in expressions for word in re.findall(r"\w+", expression))
