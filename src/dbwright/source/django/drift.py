"""Where a Django project's models and its migrations disagree, with the migration that closes it, as ``makemigrations`` would write it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dbwright.model.drift import differences
from dbwright.model.migrations import Drift
from dbwright.model.source import SourceTable

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.django.migrations import DjangoMigrations


def drift(
    django: Django, migrations: DjangoMigrations, state: Any, models: list[SourceTable], replayed: list[SourceTable]
) -> Iterator[Drift]:
    """The differences of the applications whose migrations were read wholly. An application without any migration is not compared:
    its tables are made without them. Where a field of an application could not be read, it may be what only migrations have."""
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

    wanted = [t for t in models if label(t) in labels and t.managed and t.owned]
    made = [t for t in replayed if label(t) in labels and t.managed]
    installed = {label(t) for t in wanted}
    made = [t for t in made if label(t) in installed]
    groups: defaultdict[str, list[Drift]] = defaultdict(list)
    labels_by_table = {t.name: str(label(t)) for t in (*wanted, *made)}
    unread = {problem.file for problem in django.problems}
    in_part = {label(table) for table in models if table.place.file in unread}
    for one in differences(wanted, made, "models", "migrations"):
        found_in = labels_by_table[one.table]
        if one.have == "migrations" and found_in in in_part:
            continue  # what a field that could not be read may be
        groups[found_in].append(one)
    if groups:
        texts = migrations_to_add(django, state, set(groups))
        for name, found in groups.items():
            yield from (replace(one, group=name, change=texts.get(name)) for one in found)


def migrations_to_add(django: Django, state: Any, labels: set[str]) -> dict[str, str]:
    """The text of the migration that each application lacks. Empty for what Django's comparison refuses."""
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.questioner import NonInteractiveMigrationQuestioner

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
        questioner = NonInteractiveMigrationQuestioner(specified_apps=labels, dry_run=True)
        changes = MigrationAutodetector(before, target, questioner)._detect_changes()
    except Exception:
        return {}
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


def _state_of_models(django: Django) -> Any:
    """The models as Django's migrations keep them."""
    from django.db.migrations.state import ModelState, ProjectState

    state = ProjectState()
    for model in django.registry.get_models():
        if not getattr(model, "dbwright_stand_in", False):
            state.add_model(ModelState.from_model(model))
    return state


def _serialised(operation: Any) -> list[str]:
    """The text of an operation, or a comment where a value in it cannot be written."""
    from django.db.migrations.writer import OperationWriter

    try:
        return [OperationWriter(operation, indentation=2).serialize()[0]]
    except Exception:
        return [f"        # {operation.describe()}"]
