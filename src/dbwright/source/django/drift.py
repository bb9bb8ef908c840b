"""Where a Django project's models and its migrations disagree, with the migration that closes it, as ``makemigrations`` would write it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dbwright.model.drift import differences
from dbwright.model.migrations import Drift
from dbwright.model.source import SourceColumn, SourceTable
from dbwright.source.modules import Problem
from dbwright.source.values import Library

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.django.migrations import DjangoMigrations
    from dbwright.source.django.models import ModelAdoption


def drift(
    django: Django, migrations: DjangoMigrations, state: Any, models: list[SourceTable], replayed: list[SourceTable]
) -> Iterator[Drift]:
    """The differences of the applications whose migrations were read wholly. An application without any migration is not compared:
    its tables are made without them. Where a field of an application or a base class could not be read, it may be what only migrations
    have. What a library's field or table is like is decided by the version that is installed, and not compared; nor is text whose
    length is computed and could not be told."""
    labels = {label for label, _ in migrations.nodes} - migrations.incomplete
    label_of = {
        model._meta.db_table.strip('"'): model._meta.app_label
        for model in django.registry.get_models(include_auto_created=True)
    }
    label_of |= {
        (m.options.get("db_table") or f"{m.app_label}_{m.name_lower}"): m.app_label for m in state.models.values()
    }

    def label(table: SourceTable) -> str | None:
        return label_of.get(table.name) or next(
            (found for name, found in label_of.items() if table.name.startswith(name)), None
        )

    wanted = [t for t in models if label(t) in labels and t.managed and t.owned and t.column("history_type") is None]
    made = [t for t in replayed if label(t) in labels and t.managed and t.column("history_type") is None]
    installed = {label(t) for t in wanted}
    made = [t for t in made if label(t) in installed]
    groups: defaultdict[str, list[Drift]] = defaultdict(list)
    labels_by_table = {t.name: str(label(t)) for t in (*wanted, *made)}
    unread = {problem.file for problem in django.problems}
    in_part = {label(table) for table in models if table.place.file in unread}
    beyond = {
        a.real._meta.db_table for a in django.models.values() if a.real is not None and _has_unread_base(django, a)
    }
    made_otherwise = {
        a.real._meta.db_table for a in django.models.values() if a.real is not None and _has_metaclass(django, a)
    }
    of_libraries = {(t.name, c.name) for t in wanted for c in t.columns if not _is_of_django(c) or c.type == "varchar"}
    for one in differences(wanted, made, "models", "migrations"):
        found_in = labels_by_table[one.table]
        if one.have == "migrations" and (found_in in in_part or one.table in beyond):
            continue  # what a field or a base class that could not be read may be
        if one.differs and (one.table, one.name) in of_libraries:
            continue
        if one.kind == "table" and one.have == "models" and one.table in made_otherwise:
            continue
        groups[found_in].append(one)
    if groups:
        try:
            texts = migrations_to_add(django, state, set(groups))
        except CannotCompare as error:
            texts = {}
            for node in {node.label: node for node in migrations.ordered if node.label in groups}.values():
                reason = f"the migration that {node.label} lacks cannot be written: {error}"
                django.problems.append(Problem(node.file, node.line, reason[:300]))
        for name, found in groups.items():
            yield from (replace(one, group=name, change=texts.get(name)) for one in found)


def _has_metaclass(django: Django, adoption: ModelAdoption) -> bool:
    """A metaclass of the project's own may make a proxy, or no model at all, of the class."""
    classes = django.interpreter.mro(adoption.cls)
    return any(keyword.arg == "metaclass" for cls in classes if cls.module.owned for keyword in cls.node.keywords)


def _has_unread_base(django: Django, adoption: ModelAdoption) -> bool:
    bases = django.interpreter.foreign_bases(adoption.cls)
    return any(
        isinstance(base, Library) and not base.name.startswith(("django.", "builtins.", "abc.")) for base in bases
    )


def _is_of_django(column: SourceColumn) -> bool:
    from django.contrib.postgres import fields
    from django.db import models

    return any(hasattr(place, column.field_class or "AutoField") for place in (models, fields))


class CannotCompare(Exception):
    """Django refuses to compare the states."""


def migrations_to_add(django: Django, state: Any, labels: set[str]) -> dict[str, str]:
    """The text of the migration that each application lacks. Raises CannotCompare with what Django's comparison says when it refuses."""
    from django.db.migrations.autodetector import MigrationAutodetector

    try:
        before, target = state.clone(), _state_of_models(django)
        for key in [key for key in before.models if key[0] not in labels]:
            # What other applications' models look like is no question here.
            if key in target.models:
                before.models[key] = target.models[key].clone()
        for found in (before, target):
            for model_state in found.models.values():
                model_state.options.pop("swappable", None)
                model_state.managers = []
        changes = MigrationAutodetector(before, target, _questioner(labels))._detect_changes()
    except Exception as error:  # whatever the project's fields make of it
        raise CannotCompare(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    texts: dict[str, str] = {}
    for label in labels & changes.keys():
        lines = [
            text
            for migration in changes[label]
            for operation in migration.operations
            if type(operation).__name__ not in ("AlterModelManagers", "AlterModelOptions")
            for text in _serialised(operation)
        ]
        if lines:
            texts[label] = "operations = [\n" + "\n".join(lines) + "\n]"
    return texts


def _questioner(labels: set[str]) -> Any:
    """Answers what Django would ask a person: nothing was renamed, and the value that rows get in a new column is left open. (Django's own
    for scripts ends the program there.)"""
    from django.db.migrations.questioner import MigrationQuestioner
    from django.db.models import NOT_PROVIDED
    from django.utils import timezone

    class LeavesOpen(MigrationQuestioner):  # type: ignore[misc]  # Django has no types
        def ask_not_null_addition(self, field_name: str, model_name: str) -> Any:
            return NOT_PROVIDED

        def ask_not_null_alteration(self, field_name: str, model_name: str) -> Any:
            return NOT_PROVIDED

        def ask_auto_now_add_addition(self, field_name: str, model_name: str) -> Any:
            return timezone.now

    return LeavesOpen(specified_apps=labels, dry_run=True)


def _state_of_models(django: Django) -> Any:
    """The models as Django's migrations keep them."""
    from django.db.migrations.state import ModelState, ProjectState

    state = ProjectState()
    for model in django.registry.get_models():
        if not getattr(model, "dbwright_stand_in", False):
            state.add_model(ModelState.from_model(model))
    return state


def _serialised(operation: Any) -> list[str]:
    """The text of an operation, or a comment that says why a value in it cannot be written."""
    from django.db.migrations.writer import OperationWriter

    try:
        text = OperationWriter(operation, indentation=2).serialize()[0]
        needs_value = getattr(operation, "preserve_default", True) is False and not operation.field.has_default()
        return [
            f"        # Rows that are there need a value: give the field a default.\n{text}" if needs_value else text
        ]
    except Exception as error:  # as above
        return [f"        # {operation.describe()}, which cannot be written: {' '.join(str(error).split())[:120]}"]
