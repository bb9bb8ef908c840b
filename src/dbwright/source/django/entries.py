"""What the frameworks hand to functions that they call and nobody in the project does: the row of a signal, of a serializer's method, of an
admin's column."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dbwright.pysource import dotted
from dbwright.source.django.querysets import InstanceValue, ManagerValue
from dbwright.source.values import ClassValue, Function, Instance, Known, Mapping, Value, alternatives

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.django.models import ModelAdoption

SERIALIZER = "rest_framework.serializers.ModelSerializer"
ADMIN = "django.contrib.admin.options.ModelAdmin"


def argument(django: Django, function: Function, name: str) -> Value | None:
    """The value of a parameter of a function that a framework calls; None where nothing is told of it."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return None
    if function.owner is None:
        return _of_signal(django, function, name) or _template(node, name)
    position = [one.arg for one in node.args.args].index(name) if name in [one.arg for one in node.args.args] else 0
    if django.interpreter.is_subclass(function.owner, SERIALIZER):
        return _of_serializer(django, function, name, position)
    if django.interpreter.is_subclass(function.owner, ADMIN):
        return _of_admin(django, function.owner, name)
    return None


def _of_signal(django: Django, function: Function, name: str) -> Value | None:
    """``@receiver(post_save, sender=Order)``: ``sender`` is the model, ``instance`` one of its rows."""
    if name not in ("sender", "instance"):
        return None
    for decorator in getattr(function.node, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and dotted(decorator.func).rpartition(".")[2] == "receiver":
            given = next((keyword.value for keyword in decorator.keywords if keyword.arg == "sender"), None)
            sender = django.frame(function.module).evaluate(given) if given is not None else None
            if isinstance(sender, Known) and isinstance(sender.value, str):
                sender = django.model_named(sender.value)
            model = _model(django, sender)
            if model is not None:
                return InstanceValue(django, model, origin="argument") if name == "instance" else model.cls
    return None


def _template(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Value | None:
    """The template that a view shows unless its caller, the URLs, names another: ``template_name="shop/list.html"``."""
    ordered = [*node.args.posonlyargs, *node.args.args]
    defaults = [*([None] * (len(ordered) - len(node.args.defaults))), *node.args.defaults, *node.args.kw_defaults]
    for one, default in zip((*ordered, *node.args.kwonlyargs), defaults, strict=True):
        text = default.value if one.arg == name and isinstance(default, ast.Constant) else None
        if isinstance(text, str) and text.endswith((".html", ".htm", ".txt", ".xml", ".jinja", ".jinja2", ".j2")):
            return Known(text)
    return None


def _of_serializer(django: Django, function: Function, name: str, position: int) -> Value | None:
    """The row that a serializer of a model shows or changes, and the data that it has checked."""
    assert function.owner is not None
    if (position == 1 and function.name in ("validate", "create")) or (position == 2 and function.name == "update"):
        data = Instance(function.owner).attribute("validated_data", django.frame(function.module))
        return data if isinstance(data, Mapping) else None
    shows = function.name.startswith("get_") or function.name in ("to_representation", "update")
    if position != 1 or not shows:
        return None
    meta = django.interpreter.class_attribute(function.owner, "Meta", django.frame(function.module))
    if not isinstance(meta, ClassValue):
        return None
    model = _model(django, meta.attribute("model", django.frame(function.module)))
    return InstanceValue(django, model, origin="argument") if model is not None else None


def _of_admin(django: Django, admin: ClassValue, name: str) -> Value | None:
    if name not in ("obj", "queryset"):
        return None
    for registered, cls in django.registered_admins:
        if cls is not None and cls.node is admin.node:
            model = _model(django, registered)
            if model is not None and name == "obj":
                return InstanceValue(django, model, origin="argument")
            if model is not None:
                manager = ManagerValue(django, model, django.default_manager(model))
                return manager.queryset(django.frame(admin.module))
    return None


def _model(django: Django, value: Value | None) -> ModelAdoption | None:
    for one in alternatives(value) if value is not None else ():
        adoption = django.interpreter.adoption(one) if isinstance(one, ClassValue) else None
        if getattr(adoption, "real", None) is not None:
            return adoption  # type: ignore[return-value]
    return None
