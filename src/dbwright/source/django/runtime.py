"""Django itself, set up in our own process with nothing of the project in it, so that it writes the SQL of the queries that were read.

Models are made in a registry of their own for each project. Fields let tokens (values that are not known) through unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from dbwright.source.tokens import UNKNOWN_NUMBER, Token, has_token

ALIAS = "dbwright_source"


@cache
def start() -> Any:
    """Set Django up once and give the connection that records. Where Django is set up already (the demo), a connection is added to it."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "dbwright.source.django.backend", "NAME": "source"}},
            INSTALLED_APPS=["django.contrib.contenttypes"],
            DEFAULT_AUTO_FIELD="django.db.models.AutoField",
            USE_TZ=True,
            SECRET_KEY="dbwright reads source and signs nothing",  # noqa: S106  Django wants one
            LOGGING_CONFIG=None,
        )
        django.setup()
    from django.db import connections

    if ALIAS not in connections.databases:
        connections.databases[ALIAS] = connections.databases["default"] | {
            "ENGINE": "dbwright.source.django.backend",
            "NAME": "source",
        }
        connections.configure_settings(connections.databases)
    _let_tokens_through()
    return connections[ALIAS]


def _let_tokens_through() -> None:
    from django.contrib.contenttypes import fields as generic  # noqa: F401
    from django.db import models
    from django.db.models import lookups

    pending = [models.Field]
    while pending:
        cls = pending.pop()
        pending += cls.__subclasses__()
        if cls.__module__.startswith("django."):
            for name in ("to_python", "get_prep_value", "get_db_prep_value"):
                if name in cls.__dict__:
                    setattr(cls, name, _passing_tokens(cls.__dict__[name]))
    for moment in (models.DateField, models.DateTimeField, models.TimeField):
        moment.pre_save = _not_now(moment.pre_save)
    _let_tokens_have_any_type()
    for transform in (lookups.YearLookup,):
        transform.year_lookup_bounds = _year_bounds(transform.year_lookup_bounds)


def _let_tokens_have_any_type() -> None:
    """What is not known is no text: beside a number it is a number."""
    from django.db.models import TextField, expressions

    sources = expressions.BaseExpression.get_source_fields
    combined = expressions.CombinedExpression._resolve_output_field

    def is_token(expression: Any) -> bool:
        return isinstance(expression, expressions.Value) and isinstance(expression.value, Token)

    def get_source_fields(self: Any) -> list[Any]:
        fields: list[Any] = sources(self)
        pairs = zip(self.get_source_expressions(), fields, strict=False)
        told = [None if is_token(expression) else field for expression, field in pairs]
        if any(field is not None for field in told):
            return told
        return [TextField()] if isinstance(self, expressions.Case) else fields

    def of_result(self: Any) -> list[Any]:
        return [None if is_token(self.result) else self.result._output_field_or_none]

    def resolve_output_field(self: Any) -> Any:
        known = [side for side in (self.lhs, self.rhs) if not is_token(side)]
        field = known[0]._output_field_or_none if len(known) == 1 else None
        return field if field is not None else combined(self)

    expressions.BaseExpression.get_source_fields = get_source_fields
    expressions.When.get_source_fields = of_result
    expressions.CombinedExpression._resolve_output_field = resolve_output_field


def _passing_tokens(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def convert(self: Any, value: Any = None, *args: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, Token) else method(self, value, *args, **kwargs)

    return convert


def _not_now(method: Callable[..., Any]) -> Callable[..., Any]:
    """``auto_now`` is the moment of saving: not that of reading the source, which would differ in each run."""

    @wraps(method)
    def pre_save(self: Any, model_instance: Any, add: bool) -> Any:
        if self.auto_now or (self.auto_now_add and add):
            return Token("unknown")
        return method(self, model_instance, add)

    return pre_save


def _year_bounds(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def bounds(self: Any, connection: Any, year: Any) -> Any:
        if has_token(year) or year == UNKNOWN_NUMBER:
            return (Token("unknown"), Token("unknown"))
        return method(self, connection, year)

    return bounds


def registry() -> Any:
    """An empty registry of models. It knows no applications: a model is found by label and name alone."""
    start()
    from django.apps.registry import Apps

    class Models(Apps):  # type: ignore[misc]
        def get_models(self, include_auto_created: bool = False, include_swapped: bool = False) -> list[Any]:
            return [
                model
                for models in self.all_models.values()
                for model in models.values()
                if include_auto_created or not model._meta.auto_created
            ]

        def get_model(self, app_label: str, model_name: str | None = None, require_ready: bool = True) -> Any:
            if model_name is None:
                app_label, model_name = app_label.split(".")
            return self.all_models[app_label][model_name.lower()]

        def clear_cache(self) -> None:
            for models in self.all_models.values():
                for model in models.values():
                    model._meta._expire_cache()

    made = Models()
    made.apps_ready = made.models_ready = made.ready = True
    made.ready_event.set()
    return made
