"""Row-level security: each user or tenant sees the rows of its own, held by the database

Policies on the tables that have the column, forced upon the owner as well; an index on the column where there is none; a middleware
(Django) or a listener of sessions (SQLAlchemy) that tells the database for each transaction who is asking; and a test that proves it as
another role. Nothing told means that nothing is seen: tasks and commands have to say for whom they act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dbwright.fixes.spelling import text
from dbwright.generate import rows, templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import APPLY, Workspace
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, shortened
from dbwright.model.source_table import SourceColumn, SourceTable

LIBRARIES = """\
django-multitenant and django-tenants filter in Python or part tenants by schema, and django-rls writes policies from model definitions but
wants its own base class; this is SQL of three statements a table, which every client of the database is held to."""
OPTIONS = (
    Option("tables", "Tables or models.", required=True, several=True, is_argument=True),
    Option("by", "The column of the user or tenant.", required=True),
    Option("value", "Django: who is asking, as Python of the request.", default="request.user.pk"),
    Option("setting", "The setting that tells the database; else app. and the column."),
    Option("no_test", "Leave no test.", default=False),
)
_TYPES = re.compile(r"bigint|integer|smallint|uuid|text|(character varying|varchar)(\(\d+\))?")


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for a column that policies cannot compare."""
    found = [(table, workspace.column(table, given["by"])) for table in map(workspace.table, given["tables"])]
    setting = given["setting"] or f"app.{found[0][1].name}"
    if not re.fullmatch(r"[a-z_]\w*\.[a-z_]\w*", setting, re.IGNORECASE):
        raise Refused(f"{setting} is no name of a setting.", "Give two words with a dot between, such as app.user_id.")
    for table, column in found:
        if not _TYPES.fullmatch(column.type or ""):
            raise Refused(f"{table.name}.{column.name} is {column.type}.", "Policies compare numbers, texts or UUIDs.")
    back = [workspace.last_migration(table) for table, _ in found]
    workspace.change([index for table, column in found for index in _index(table, column)])
    for table, column in found:
        workspace.migrate(table, [_step(table, column, setting)])
    notes = _code(workspace, found, setting, given)
    notes.append(
        "The role of the application must be neither superuser nor have BYPASSRLS; data migrations act for somebody, too."
    )
    return workspace.generated([APPLY[found[0][0].framework]], " && ".join(dict.fromkeys(back)), notes)


def _index(table: SourceTable, column: SourceColumn) -> Iterator[tuple[SourceTable, c.Operation, str]]:
    """An index that begins with the column, unless there is one."""
    listed = [*(one.columns for one in table.indexes), *(one.columns for one in table.constraints)]
    leading = [columns[0] for columns in listed if columns]
    if column.name in leading or column.unique or column.primary_key:
        return
    name = shortened(f"{table.name}_{column.name}", "_idx") + "_idx"
    index = c.CreateIndex(table.schema or "public", table.name, name, (c.IndexKey(column.name),))
    yield table, index, f"Every statement on {table.name} asks for {column.name} from now on"


def _step(table: SourceTable, column: SourceColumn, setting: str) -> Step:
    values = {
        "source": quote_identifier(table.schema or "public", table.name),
        "policy": shortened(table.name, "_by_owner") + "_by_owner",
        "column": column.name,
        "setting": setting,
        "type": "text" if column.type and column.type.startswith(("varchar", "character")) else column.type,
    }
    forward = templates.statements("row_security/policy.sql", **values)
    backward = templates.statements("row_security/policy_back.sql", **values)
    return Step(
        f"{table.name}_row_security", f"Rows of {table.name} are seen by their {column.name} only.", forward, backward
    )


def _code(
    workspace: Workspace, found: Sequence[tuple[SourceTable, SourceColumn]], setting: str, given: Mapping[str, Any]
) -> list[str]:
    """The code that tells who is asking, and its test; what stays to be done."""
    table, column = found[0]
    on_sqlite = workspace.project.on_sqlite
    values: dict[str, Any] = {
        "on_sqlite": on_sqlite,
        "column": column.name,
        "setting": setting,
        "value": given["value"],
    }
    if table.framework != "django":
        folder = table.place.file.rpartition("/")[0]
        file = f"{folder}/row_security.py".lstrip("/")
        workspace.add(file, templates.text("row_security/sqlalchemy.py.txt", **values))
        return [f"Import {file}, and set acting_for where it is known who is asking."]
    folder = workspace.folder_of_application(table)
    module = workspace.module(table, f"{folder}/row_security.py")
    workspace.add(f"{folder}/row_security.py", templates.text("row_security/django.py.txt", **values))
    if not given["no_test"]:
        one, other = ("1", "2") if column.type in ("bigint", "integer", "smallint") else ("a", "b")
        if column.type == "uuid":
            one, other = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
        listed = [
            (
                text(quote_identifier(*([one_.schema] if one_.schema else []), one_.name)),
                text(rows.insert(one_, {by.name: "%(value)s"})),
            )
            for one_, by in found
        ]
        values |= {"module": module, "rows": listed, "one": one, "other": other}
        workspace.add_test(table, "test_row_security", templates.text("row_security/test.py.txt", **values))
    return workspace.add_middleware(f"{module}.RowSecurity")
