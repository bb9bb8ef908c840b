"""Retention: rows older than some days are moved to an archive, or made anonymous, in batches (Django)

A command for every day, and an index on the column that tells the age where there is none. `--archive` moves rows to a table in the schema
`archive`; `--anonymise` takes personal data out of rows that stay: of an address the network remains, texts go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbwright.fixes.spelling import text
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import Workspace
from dbwright.model import change as c
from dbwright.model.quoting import quote_identifier, shortened
from dbwright.model.source_table import SourceColumn, SourceTable

LIBRARIES = """\
django-gdpr-assist and django-scrubber make data anonymous row by row through the models, once, for copies or on request; neither goes on
every day over millions of rows. Where a table is partitioned by month, detaching months is cheaper than this: see partition."""
OPTIONS = (
    Option("table", "Table or model.", required=True, is_argument=True),
    Option("by", "The column with the date or time.", required=True),
    Option("days", "Rows older than this.", default=90),
    Option("batch", "Rows in one transaction.", default=1000),
    Option("archive", "Move them to an archive.", default=False),
    Option("anonymise", "Take the value of this column out of them.", several=True),
)
_NETWORK = (
    "set_masklen(network(set_masklen({0}, CASE family({0}) WHEN 4 THEN 24 ELSE 48 END))::inet,"
    " CASE family({0}) WHEN 4 THEN 32 ELSE 128 END)"
)
"""The first address of the network: ``set_masklen`` alone keeps the host's part; with the full length it stays an address."""


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for columns that cannot be emptied and tables that others point at."""
    table = workspace.table(given["table"])
    column = workspace.column(table, given["by"])
    workspace.require_django(table, "Retention is")
    if given["archive"] == bool(given["anonymise"]):
        raise Refused("Old rows are either moved or made anonymous.", "Give either --archive or --anonymise COLUMN.")
    if not (column.type or "").startswith("timestamp"):
        raise Refused(f"{table.name}.{column.name} is {column.type}.", "Age is told by a time.")
    back = workspace.last_migration(table)
    source = quote_identifier(table.schema or "public", table.name)
    archive = quote_identifier("archive", table.name)
    values = {
        "source": source,
        "source_text": text(source),
        "archive": archive,
        "archives": given["archive"],
        "id": workspace.primary_key(table),
        "column": column.name,
        "days": given["days"],
        "batch": given["batch"],
    }
    workspace.change(list(_index(table, column)))
    if given["archive"]:
        _require_alone(workspace, table)
        forward = templates.statements("retention/archive.sql", source=source, archive=archive)
        workspace.migrate(table, [Step(f"{table.name}_archive", f"Where old rows of {table.name} go.", forward)])
        values |= {"verb": "move", "past": "moved", "what": f"Moves old rows of {table.name} to {archive}."}
        name, back = (
            f"archive_{table.name}",
            f"stop the command, and INSERT INTO {source} SELECT … FROM {archive}; migrating back leaves the archive",
        )
    else:
        columns = [workspace.column(table, one) for one in given["anonymise"]]
        emptied = {quote_identifier(one.name): _emptied(table, one) for one in columns}
        values["sets"] = ", ".join(f"{one} = {new.replace('{0}', f't.{one}')}" for one, new in emptied.items())
        values["differs"] = " OR ".join(
            f"{one} IS DISTINCT FROM {new.replace('{0}', one)}" for one, new in emptied.items()
        )
        values |= {
            "verb": "make anonymous",
            "past": "made anonymous",
            "what": f"Takes personal data out of old rows of {table.name}.",
        }
        name, back = (
            f"anonymise_{table.name}",
            "not possible for rows that are anonymous; remove the command to stop it",
        )
    workspace.add_command(table, name, templates.text("retention/command.py.txt", **values))
    steps = ["python manage.py migrate", f"python manage.py {name} --dry-run"]
    return workspace.generated(steps, back, [f"Once a day: python manage.py {name}"])


def _index(table: SourceTable, column: SourceColumn) -> Iterator[tuple[SourceTable, c.Operation, str]]:
    if any(one.columns[:1] == (column.name,) for one in table.indexes):
        return
    name = shortened(f"{table.name}_{column.name}", "_idx") + "_idx"
    index = c.CreateIndex(table.schema or "public", table.name, name, (c.IndexKey(column.name),))
    yield table, index, f"Old rows of {table.name} are looked for every day"


def _require_alone(workspace: Workspace, table: SourceTable) -> None:
    pointing = [
        f"{other.name}.{column.name}"
        for other in workspace.project.tables
        for column in other.columns
        if column.references is not None and column.references.table == table.name
    ]
    if pointing:
        raise Refused(
            f"{', '.join(pointing)} points at {table.name}.",
            "Rows that others point at cannot be moved; archive those first.",
        )


def _emptied(table: SourceTable, column: SourceColumn) -> str:
    """What is put in the place of a value, as SQL in which {0} is the column: the same when it is done twice."""
    type_ = column.type or ""
    if column.unique or column.primary_key or column.references is not None:
        raise Refused(f"{table.name}.{column.name} tells rows apart or points at others.", "It cannot be emptied.")
    if type_ == "inet":
        return _NETWORK
    if not column.not_null:
        return "NULL"
    if type_.startswith(("text", "varchar", "character", "citext")):
        return "''"
    if type_ in ("json", "jsonb"):
        return f"'{{}}'::{type_}"
    raise Refused(f"{table.name}.{column.name} is {type_} and must not be NULL.", "Let it be NULL first.")
