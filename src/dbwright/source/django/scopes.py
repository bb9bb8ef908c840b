"""django-scopes: managers that narrow every query to what a context manager around says, and the context manager that ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbwright.source.django.querysets import SCOPES_DISABLED, ManagerTemplate
from dbwright.source.values import Arguments, Known, Native, Value

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame


def library(name: str) -> Value | None:
    """The value of a dotted name of the package."""
    if name == "django_scopes.ScopedManager":
        return Native(name, _scoped_manager)
    if name == "django_scopes.scopes_disabled":
        return Switch(SCOPES_DISABLED)
    return Switch(SCOPES_ENABLED) if name == "django_scopes.scope" else None


SCOPES_ENABLED = "scopes enabled"


class Switch(Value):
    """``scope(…)`` and ``scopes_disabled()``, as context managers and as decorators."""

    __slots__ = ("ambient",)

    def __init__(self, ambient: str) -> None:
        self.ambient = ambient

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return self

    def key(self) -> object:
        return self.ambient


def _scoped_manager(arguments: Arguments, at: Frame) -> Value:
    """``ScopedManager(organizer="event__organizer")``: inside a request every query is narrowed to the scope."""
    scopes = tuple(
        value.value
        for name, value in arguments.named.items()
        if name != "_manager_class" and isinstance(value, Known) and isinstance(value.value, str)
    )
    given = arguments.get(0, "_manager_class")
    base = at.call(given, Arguments()) if given is not None else None
    template = base if isinstance(base, ManagerTemplate) else ManagerTemplate(None, None)
    return ManagerTemplate(template.cls, template.queryset_cls, scopes)
