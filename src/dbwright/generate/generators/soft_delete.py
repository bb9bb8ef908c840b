"""Soft deletion: rows are marked as deleted, seen no more, and can be restored (Django)

The model gets the field `deleted_at` and two managers: `objects` without the deleted rows, `all_objects` with them; `delete()` marks,
`erase()` deletes. Its unique constraints become partial ones, so that what was deleted does not stand in the way of what is new: built
before the old ones go, while others write.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbwright.fixes.django import DjangoModel
from dbwright.fixes.django_models import AddEntry, ModelEdit, RemoveEntry, SetFieldOption, edited
from dbwright.fixes.python_text import CannotEdit, PythonText
from dbwright.fixes.spelling import call, listing, text
from dbwright.generate import templates
from dbwright.generate.generated import Generated, Option, Refused
from dbwright.generate.migrations import Step
from dbwright.generate.workspace import Workspace
from dbwright.model.quoting import quote_identifier, shortened
from dbwright.model.source_table import SourceTable
from dbwright.model.wording import listed

LIBRARIES = """\
django-safedelete and django-softdelete do the same with policies for cascades, and leave unique constraints alone; where one of them is
required by the project it should stay. This is sixty lines of the project's own, and partial unique indexes."""
OPTIONS = (Option("table", "Table or model.", required=True, is_argument=True),)
_OTHERS = ("django-safedelete", "django-softdelete", "django-soft-delete")


@dataclass(frozen=True)
class _Unique:
    """A unique constraint that becomes partial: its fields and columns, the new name, the old one's name where it is an entry of Meta."""

    fields: tuple[str, ...]
    columns: tuple[str, ...]
    name: str
    entry: str | None

    @property
    def spelled(self) -> str:
        condition = "models.Q(deleted_at__isnull=True)"
        arguments = [("fields", listing(self.fields)), ("condition", condition), ("name", text(self.name))]
        return call("models.UniqueConstraint", arguments)


def generate(workspace: Workspace, given: Mapping[str, Any]) -> Generated:
    """Raises Refused for a model whose rows cannot be marked without more being said."""
    table = workspace.table(given["table"])
    workspace.require_django(table, "Soft deletion is")
    other = next((name for name in _OTHERS if workspace.requires(name)), None)
    if other:
        raise Refused(f"The project requires {other}, which does this.", f"Use {other} for this model as well.")
    model = workspace.django_model(table)
    _require_plain(table, model, workspace)
    uniques = list(_uniques(table, model))
    folder = workspace.folder_of_application(table)
    back = workspace.last_migration(table)
    if not (workspace.project.root / f"{folder}/soft_delete.py").exists():
        workspace.add(f"{folder}/soft_delete.py", templates.text("soft_delete/module.py.txt"))
    for edit in _edits(uniques):
        workspace.edit(model.source.file, partial(edited, model=model.source, edit=edit))
    workspace.edit(
        model.source.file, lambda old: _with_base(old, model, workspace.module(table, f"{folder}/soft_delete.py"))
    )
    workspace.migrate(table, _steps(workspace, table, model, uniques))
    notes = [f"Rows that point at a deleted {model.source.name} stay; what reads by SQL has to say deleted_at IS NULL."]
    return workspace.generated(
        ["python manage.py migrate"],
        f"restore or erase the deleted rows, {back}, and take the edits back",
        notes,
    )


def _require_plain(table: SourceTable, model: DjangoModel, workspace: Workspace) -> None:
    if table.column("deleted_at") is not None:
        raise Refused(f"{model.source.name} has deleted_at already.", "Leave things as they are.")
    for above, names in workspace.project.names_above(table).items():
        if taken := sorted(names & {"delete", "objects", "all_objects", "deleted_at"}):
            raise Refused(
                f"{above}, which {model.source.name} goes on from, has {listed(taken)} of its own.",
                "That has to be decided by hand.",
            )
    if any(getattr(field, "primary_key", False) and field.is_relation for field in model.fields.values()):
        raise Refused(
            f"The rows of {model.source.name} are part of another model's.", "Mark those of the model that has the key."
        )
    if model.options.get("unique_together"):
        raise Refused(
            f"{model.source.name} has unique_together.", "Make it a UniqueConstraint first, which can have a condition."
        )
    for other in workspace.project.tables:
        for column in other.columns:
            points = column.references
            target = table.column(points.column) if points is not None and points.table == table.name else None
            if target is not None and not target.primary_key:
                raise Refused(
                    f"{other.name}.{column.name} points at {table.name}.{target.name}, which then has to stay unique.",
                    "Let it point at the primary key first.",
                )


def _uniques(table: SourceTable, model: DjangoModel) -> Iterator[_Unique]:
    from django.db import models

    columns = {column.field: column.name for column in table.columns}
    for one in model.options.get("constraints") or ():
        if isinstance(one, models.UniqueConstraint) and one.fields and one.condition is None:
            if one.deferrable or one.include or one.opclasses or one.nulls_distinct is not None:
                raise Refused(f"{one.name} says more than its fields.", "Give it the condition by hand first.")
            names = tuple(columns[field] for field in one.fields)
            yield _Unique(tuple(one.fields), names, shortened(one.name, "_alive") + "_alive", one.name)
    for column in table.columns:
        field = model.fields.get(column.field)
        if column.unique and not column.primary_key and field is not None and getattr(field, "_unique", False):
            if field.one_to_one:
                raise Refused(
                    f"{model.source.name}.{column.field} is a OneToOneField.", "A deleted row would keep its place."
                )
            name = shortened(f"{table.name}_{column.name}", "_alive") + "_alive"
            yield _Unique((column.field,), (column.name,), name, None)


def _edits(uniques: list[_Unique]) -> Iterator[ModelEdit]:
    for one in uniques:
        yield AddEntry("constraints", one.spelled)
        yield RemoveEntry("constraints", one.entry) if one.entry else SetFieldOption(one.fields[0], "unique", None)


def _with_base(old: str, model: DjangoModel, module: str) -> str:
    source = PythonText(old)
    cls = source.class_at(model.source.name, model.source.line)
    if not cls.bases:
        raise CannotEdit(f"{cls.name} has no bases")
    if any(isinstance(node, ast.FunctionDef) and node.name == "delete" for node in cls.body):
        raise CannotEdit(f"{cls.name} has a delete() of its own")
    if any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "objects" for node in cls.body):
        raise CannotEdit(f"{cls.name} has a manager objects of its own, which has to become one of Undeleted's")
    last = cls.bases[-1]
    plain = next((base for base in cls.bases if ast.unparse(base) == "models.Model"), None)
    if plain is not None:
        source.replace(source.start(plain), source.end(plain), "SoftDeleteModel")
    else:  # behind the others, whose Meta stays the one that is inherited
        source.replace(source.end(last), source.end(last), ", SoftDeleteModel")
    source.add_import(module, "SoftDeleteModel")
    return source.result()


def _steps(workspace: Workspace, table: SourceTable, model: DjangoModel, uniques: list[_Unique]) -> list[Step]:
    field = "models.DateTimeField(blank=True, editable=False, null=True)"
    arguments = [("model_name", text(model.name)), ("name", '"deleted_at"'), ("field", field)]
    added = call("migrations.AddField", arguments)
    steps = [Step(f"{model.name}_deleted_at", f"{table.name} says when a row was deleted.", operations=(added,))]
    if uniques:
        built = tuple(_built(table, model, one, workspace.project.on_sqlite) for one in uniques)
        reason = f"What is unique in {table.name} is unique among the rows that are not deleted."
        steps.append(Step(f"{model.name}_unique_alive", reason, outside=True, operations=built))
        removed = [_removed(model, one) for one in uniques]
        imports = frozenset(line for _, lines in removed for line in lines)
        reason = f"The unique constraints of {table.name} that count deleted rows go."
        steps.append(
            Step(f"{model.name}_unique_before", reason, operations=tuple(one for one, _ in removed), imports=imports)
        )
    return steps


def _built(table: SourceTable, model: DjangoModel, one: _Unique, on_sqlite: bool) -> str:
    """The partial index, built while others write; it can be run again."""
    index = quote_identifier(table.schema or "public", one.name)
    name, source = quote_identifier(one.name), quote_identifier(table.schema or "public", table.name)
    columns = ", ".join(map(quote_identifier, one.columns))
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {index}"
    create = f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {source} ({columns}) WHERE deleted_at IS NULL"
    run = call("migrations.RunSQL", [("sql", listing((drop, create))), ("reverse_sql", text(drop))])
    state = call("migrations.AddConstraint", [("model_name", text(model.name)), ("constraint", one.spelled)])
    cls = "Online" if on_sqlite else "migrations.SeparateDatabaseAndState"
    return call(cls, [("database_operations", f"[{run}]"), ("state_operations", f"[{state}]")])


def _removed(model: DjangoModel, one: _Unique) -> tuple[str, frozenset[str]]:
    from dbwright.fixes.django import alter_field

    if one.entry:
        return call(
            "migrations.RemoveConstraint", [("model_name", text(model.name)), ("name", text(one.entry))]
        ), frozenset()
    field = model.fields[one.fields[0]].clone()
    field._unique = False
    return alter_field(model, model.column(one.columns[0]), field)
