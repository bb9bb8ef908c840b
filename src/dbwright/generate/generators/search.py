"""Full-text search: a weighted column of words that the database keeps, with its index (Django)

A generated column, so that no code can forget to keep it; a GIN index, built while others write; and a function `search(queryset, words)`
that takes what people type into a search box.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbwright.fixes.django import index_name
from dbwright.fixes.django_models import AddEntry, edited
from dbwright.fixes.spelling import call, listing, text
from dbwright.generate import templates
from dbwright.generate.fields import require_generated, with_field
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import Workspace
from dbwright.model.source_table import SourceTable

LIBRARIES = """\
django.contrib.postgres has all of it, and this generates the use of it: SearchVector in a GeneratedField. django-watson keeps a table
of its own beside the models by signals, which bulk operations pass by. A search engine beside the database is for more than this."""
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
_SEARCH = "django.contrib.postgres.search"
_IMPORTS = ((_SEARCH, "SearchVector"), (_SEARCH, "SearchVectorField"))


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused where the framework has no generated columns."""
    table = workspace.table(given["table"])
    if table.framework != "django":
        raise Refused(f"{table.name} is no model of Django's.", "Search is generated for Django only.")
    model = workspace.django_model(table)
    require_generated(model)
    if table.column("search") is not None:
        raise Refused(f"{table.name} has a column search already.", "Leave things as they are.")
    field = _field(workspace, table, given["columns"], given["language"])
    name = index_name(f"{table.name}_search_idx")
    index = AddEntry(
        "indexes",
        call("GinIndex", [("fields", listing(["search"])), ("name", text(name))]),
        (("django.contrib.postgres.indexes", "GinIndex"),),
    )
    back = workspace.last_migration(table)
    workspace.edit(model.source.file, lambda old: edited(old, model.source, index))
    workspace.edit(model.source.file, lambda old: with_field(old, model.source, "search", field, _IMPORTS))
    workspace.migrate(table, _steps(table, model.name, field, index.text))
    folder = workspace.folder_of_application(table)
    values = {"table": model.source.name, "language": text(given["language"])}
    workspace.add(f"{folder}/search.py", templates.text("search/module.py.txt", **values))
    notes = [
        "The first migration writes the table anew, and nobody reads or writes it meanwhile: about a minute for ten million short rows."
    ]
    return workspace.generated(["python manage.py migrate"], f"{back}, and take the edits back", notes)


def _field(workspace: Workspace, table: SourceTable, columns: tuple[str, ...], language: str) -> str:
    vectors = []
    for one in columns:
        name, _, weight = one.partition("=")
        column = workspace.column(table, name)
        if weight not in ("A", "B", "C", "D"):
            raise Refused(f"{one} has no weight.", f"Give A, B, C or D: {name}=A.")
        if not (column.type or "").startswith(("text", "varchar", "character", "citext", "json")):
            raise Refused(f"{table.name}.{column.name} is {column.type}.", "Words are in texts and JSON.")
        arguments = [("weight", text(weight)), ("config", text(language))]
        vectors.append(call("SearchVector", arguments, [text(column.field)]))
    arguments = [("expression", " + ".join(vectors)), ("output_field", "SearchVectorField()"), ("db_persist", "True")]
    return call("models.GeneratedField", arguments)


def _steps(table: SourceTable, name: str, field: str, index: str) -> list[Step]:
    lines = frozenset(f"from {module} import {one}" for module, one in _IMPORTS)
    added = call("migrations.AddField", [("model_name", text(name)), ("name", '"search"'), ("field", field)])
    built = call("AddIndexConcurrently", [("model_name", text(name)), ("index", index)])
    concurrently = frozenset(
        (
            "from django.contrib.postgres.operations import AddIndexConcurrently",
            "from django.contrib.postgres.indexes import GinIndex",
        )
    )
    return [
        Step(f"{name}_search", f"The words of {table.name}, kept by the database.", operations=(added,), imports=lines),
        Step(f"{name}_search_idx", "The index on them.", outside=True, operations=(built,), imports=concurrently),
    ]
