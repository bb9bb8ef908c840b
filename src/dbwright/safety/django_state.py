"""Django's state of a project's models, tolerant of what was not read.

A model that cannot be put together is left out, and one that others refer to and nobody has stands in with a key only; Django's own classes
would refuse the whole project.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.db import models
from django.db.migrations.state import AppConfigStub, ModelState, ProjectState, StateApps

from dbwright.source.django.migrations import render_model

_MISSING = re.compile(r"lazy reference to '(\w+)\.(\w+)'")


class Models(StateApps):  # type: ignore[misc]
    """The models of a state."""

    def __init__(self, django: Any, states: dict[Any, Any]) -> None:
        self.django = django
        waiting = dict(states)
        while True:
            try:
                super().__init__([], waiting)
                return
            except ValueError as error:  # raised last, when all that can be rendered has been
                if not _supply(waiting, str(error)):
                    return

    def render_multiple(self, model_states: Iterable[Any]) -> None:
        waiting = list(model_states)
        with self.bulk_update():
            while waiting:
                left = [one for one in waiting if not self._has_rendered(one)]
                if len(left) == len(waiting):
                    return
                waiting = left

    def _has_rendered(self, one: Any) -> bool:
        try:
            render_model(self.django, one, self)
        except Exception:
            return False
        return True

    def clone(self) -> Models:
        cloned = Models(self.django, {})
        cloned.all_models = copy.deepcopy(self.all_models)
        for label in self.app_configs:
            config = AppConfigStub(label)
            config.apps = cloned
            config.import_models()
            cloned.app_configs[label] = config
        return cloned


def _supply(waiting: dict[Any, Any], message: str) -> bool:
    """Stand-ins for the models that a complaint of Django's names; False when it names none."""
    missing = {key for key in _MISSING.findall(message) if key not in waiting}
    for label, name in missing:
        waiting[label, name] = ModelState(label, name.title(), [("id", models.BigAutoField(primary_key=True))])
    return bool(missing)


class State(ProjectState):  # type: ignore[misc]
    """What Django's operations work on."""

    def __init__(self, django: Any, states: dict[Any, Any] | None = None) -> None:
        super().__init__(states)
        self.django = django

    @cached_property
    def apps(self) -> Models:
        return Models(self.django, self.models)

    def clone(self) -> State:
        copied = State(self.django, {key: one.clone() for key, one in self.models.items()})
        if "apps" in self.__dict__:
            copied.apps = self.apps.clone()
        copied.is_delayed = self.is_delayed
        return copied
