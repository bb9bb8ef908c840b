"""Full-text search: an index on the weighted words of a row, and a function that asks it (Django)

A GIN index on an expression, built while others write, so nobody has to keep a column and the table is not written anew; and a function
`search(queryset, words)` that takes what people type into a search box. Where a project runs on SQLite in development, it searches there
as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dbwright.fixes.spelling import text
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import Workspace
from dbwright.model.quoting import quote_identifier, shortened
from dbwright.model.source_table import SourceTable

LIBRARIES = """\
django.contrib.postgres has the query and the rank, and this generates the use of it. A column of words (SearchVector in a GeneratedField)
ranks many matches faster, and wants the table to be written anew under a lock that stops reads. django-watson keeps a table of its own by
signals, which bulk operations pass by. A search engine beside the database is for more than this."""
OPTIONS = (
    Option("table", "Table or model.", required=True, is_argument=True),
    Option(
        "columns",
        "Column and weight, the most important A, then B, C, D: title=A.",
        required=True,
        several=True,
        is_argument=True,
    ),
    Option("language", "PostgreSQL's configuration for the words.", default="english"),
)


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for columns without words."""
    table = workspace.table(given["table"])
    workspace.require_django(table, "Search is")
    if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", given["language"]):
        raise Refused(
            f"{given['language']} is no name of a configuration.", "SELECT cfgname FROM pg_ts_config lists them."
        )
    model = workspace.django_model(table)
    parts = list(_parts(workspace, table, given["columns"], given["language"]))
    folder, on_sqlite = workspace.folder_of_application(table), workspace.project.on_sqlite
    values = {
        "table": model.source.name,
        "language": text(given["language"]),
        "on_sqlite": on_sqlite,
        "parts": [(text(field), text(template)) for field, _, template in parts],
        "contained": " | ".join(f"Q({field}__icontains=word)" for field, _, _ in parts),
    }
    workspace.add(f"{folder}/search.py", templates.text("search/module.py.txt", **values))
    back = workspace.last_migration(table)
    name = shortened(f"{table.name}_words", "_idx") + "_idx"
    schema = table.schema or "public"
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {quote_identifier(schema, name)}"
    words = "\n    || ".join(
        template.replace("%(expressions)s", quote_identifier(column)) for _, column, template in parts
    )
    create = f"CREATE INDEX CONCURRENTLY {quote_identifier(name)} ON {quote_identifier(schema, table.name)} USING gin ((\n    {words}\n))"
    step = Step(
        f"{model.name}_words", f"The index on the words of {table.name}.", (drop, create), (drop,), outside=True
    )
    workspace.migrate(table, [step])
    notes = [
        f"from {workspace.module(table, f'{folder}/search.py')} import search, in the place of filters that contain."
    ]
    return workspace.generated(["python manage.py migrate"], f"{back}, and remove {folder}/search.py", notes)


def _parts(
    workspace: Workspace, table: SourceTable, columns: tuple[str, ...], language: str
) -> Iterator[tuple[str, str, str]]:
    """Field, column, and the SQL of its words, in which %(expressions)s is the column."""
    for one in columns:
        name, _, weight = one.partition("=")
        column = workspace.column(table, name)
        if weight not in ("A", "B", "C", "D"):
            raise Refused(f"{one} has no weight.", f"Give A, B, C or D: {name}=A.")
        if not (column.type or "").startswith(("text", "varchar", "character", "citext", "json")):
            raise Refused(f"{table.name}.{column.name} is {column.type}.", "Words are in texts and JSON.")
        nothing = f"'{{}}'::{column.type}" if (column.type or "").startswith("json") else "''"
        value = "%(expressions)s" if column.not_null else f"coalesce(%(expressions)s, {nothing})"
        yield column.field, column.name, f"setweight(to_tsvector('{language}', {value}), '{weight}')"
