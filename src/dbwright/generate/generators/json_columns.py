"""Keys of a JSON column as columns of their own, kept by the database (Django)

Generated columns: the code goes on writing the JSON, and what filters or sorts by a key can use a column with a type, statistics and an
index. A value that is not of the type stops the migration, which then leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from dbwright.fixes.spelling import call, text
from dbwright.generate.fields import require_generated, with_field
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import Workspace

LIBRARIES = """\
Django's own GeneratedField does it, and this generates the use of it. An index on the expression is the smaller step where a key is only
filtered by: `dbwright advise` proposes it."""
OPTIONS = (
    Option("table", "Table or model.", required=True, is_argument=True),
    Option("column", "The JSON column.", required=True, is_argument=True),
    Option(
        "keys",
        "Key and type (text, integer, bigint, numeric, boolean): score=integer.",
        required=True,
        several=True,
        is_argument=True,
    ),
)
_FIELDS = {
    "text": "models.TextField()",
    "integer": "models.IntegerField()",
    "bigint": "models.BigIntegerField()",
    "numeric": "models.DecimalField(max_digits=38, decimal_places=10)",
    "boolean": "models.BooleanField()",
}
"""Types whose reading from text never depends on a setting, as a generated column asks for."""
_IMPORTS = (("django.db.models.fields.json", "KeyTextTransform"), ("django.db.models.functions", "Cast"))


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for keys and types that make no column."""
    table = workspace.table(given["table"])
    column = workspace.column(table, given["column"])
    if column.type != "jsonb":
        raise Refused(f"{table.name}.{column.name} is {column.type}.", "Keys are in jsonb.")
    workspace.require_django(table, "Columns of keys are")
    model = workspace.django_model(table)
    require_generated(model)
    back = workspace.last_migration(table)
    operations = []
    for one in given["keys"]:
        key, _, type_ = one.partition("=")
        name = f"{column.field}_{key}".lower()
        if type_ not in _FIELDS or not re.fullmatch(r"[A-Za-z]\w*", key) or "__" in name or name.endswith("_"):
            raise Refused(f"{one} makes no column.", f"Give a plain key and one of {', '.join(_FIELDS)}.")
        if type_ == "boolean" and model.on_sqlite:
            raise Refused(
                f"{one} would always be false where the project runs on SQLite.",
                f"Take {key}=text, or PostgreSQL everywhere.",
            )
        if table.column(name) is not None:
            raise Refused(f"{table.name} has a column {name} already.", "Leave things as they are.")
        value = call("KeyTextTransform", [], [text(key), text(column.field)])
        expression = call("Cast", [], [value, _FIELDS[type_]])
        arguments = [("expression", expression), ("output_field", _FIELDS[type_]), ("db_persist", "True")]
        field = call("models.GeneratedField", arguments)
        edit = partial(with_field, model=model.source, name=name, field=field, imports=_IMPORTS)
        workspace.edit(model.source.file, edit)
        added = [("model_name", text(model.name)), ("name", text(name)), ("field", field)]
        operations.append(call("migrations.AddField", added))
    lines = frozenset(f"from {module} import {name}" for module, name in _IMPORTS)
    reason = f"Keys of {table.name}.{column.name} as columns, kept by the database."
    workspace.migrate(
        table, [Step(f"{model.name}_{column.field}_keys", reason, operations=tuple(operations), imports=lines)]
    )
    notes = [
        "The migration writes the table anew, and nobody reads or writes it meanwhile.",
        "Then let the code filter and sort by the columns.",
    ]
    return workspace.generated(["python manage.py migrate"], f"{back}, and take the edits back", notes)
