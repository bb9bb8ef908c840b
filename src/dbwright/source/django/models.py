"""Django models: from class bodies to real models in a registry of our own, and from these to tables.

Real models are made because Django then tells columns, types, names of indexes and the SQL of queries itself. The project's code is read, never run:
a class body gives its fields, managers and Meta; methods stay abstract values.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dbwright.source.django.real import concrete
from dbwright.source.values import (
    Arguments,
    ClassValue,
    Function,
    Instance,
    Items,
    Known,
    Real,
    Unknown,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.interpreter import Frame

META_OPTIONS = frozenset(
    "abstract app_label db_table db_table_comment db_tablespace default_manager_name default_related_name get_latest_by managed "
    "order_with_respect_to ordering proxy indexes unique_together index_together constraints swappable base_manager_name "
    "required_db_features".split()
)


class ModelAdoption:
    """A class of the project that is a Django model. ``real`` is the real model, or None when it could not be made."""

    def __init__(self, django: Django, cls: ClassValue) -> None:
        self.django = django
        self.cls = cls
        self._real: Any = None
        self._made = False
        self._meta: dict[str, Value] | None = None

    # What it is ------------------------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        return f"{self.app_label}.{self.cls.name}"

    @property
    def app_label(self) -> str:
        given = self.meta.get("app_label")
        if isinstance(given, Known) and isinstance(given.value, str):
            return given.value
        return self.django.applications.label_of(self.cls.module.name)

    @property
    def is_abstract(self) -> bool:
        return "abstract" in self.meta and self.meta["abstract"].truth() is True

    @property
    def meta(self) -> dict[str, Value]:
        """The options of the class's own ``Meta``, with those that it inherits by naming another Meta as its base."""
        if self._meta is None:
            self._meta = {}
            interpreter = self.django.interpreter
            if "Meta" in interpreter.scope_of(self.cls).bindings:
                meta = interpreter.own_attribute(self.cls, "Meta")
                if isinstance(meta, ClassValue):
                    self._meta = self._options(meta)
        return self._meta

    def _options(self, meta: ClassValue) -> dict[str, Value]:
        interpreter = self.django.interpreter
        found: dict[str, Value] = {}
        for one in reversed(interpreter.mro(meta)):
            for name in interpreter.scope_of(one).bindings:
                if name in META_OPTIONS and (one is meta or name not in ("abstract", "proxy")):
                    found[name] = interpreter.own_attribute(one, name)
        return found

    # Making it -------------------------------------------------------------------------------------------------------------

    @property
    def real(self) -> Any:
        if not self._made:
            self._made = True
            try:
                self._real = self._make()
            except (
                Exception
            ) as error:  # whatever Django says to a model that was read: it is said, and the model is left out
                self.django.problem(
                    self.cls.module, self.cls.node.lineno, f"model {self.cls.name}: {type(error).__name__}: {error}"
                )
        return self._real

    def _make(self) -> Any:
        bases = tuple(self._real_bases())
        attributes: dict[str, Any] = {"__module__": self.cls.module.name, "__qualname__": self.cls.name}
        attributes["Meta"] = type("Meta", (), self._real_meta(bases))
        for name, field in self.fields():
            attributes[name] = field
        attributes |= self._removed_fields(bases)
        self.django.know_application(self.app_label, self.cls.module.name)
        from django.db.models.base import ModelBase

        return ModelBase(self.cls.name, bases or (self.django.model_class,), attributes)

    def _real_bases(self) -> Iterator[Any]:
        interpreter = self.django.interpreter
        for base in interpreter.bases(self.cls):
            if isinstance(base, ClassValue):
                adoption = interpreter.adoption(base)
                if isinstance(adoption, ModelAdoption):
                    if adoption.real is not None:
                        yield adoption.real
                else:
                    yield from self._models_behind(base)
            elif (
                isinstance(base, Real)
                and isinstance(base.object, type)
                and issubclass(base.object, self.django.model_class)
            ):
                if base.object is not self.django.model_class:
                    yield base.object

    def _models_behind(self, mixin: ClassValue) -> Iterator[Any]:
        """A plain class in between whose own bases are models."""
        interpreter = self.django.interpreter
        for one in interpreter.mro(mixin)[1:]:
            adoption = interpreter.adoption(one)
            if isinstance(adoption, ModelAdoption) and adoption.real is not None:
                yield adoption.real
                return

    def _real_meta(self, bases: tuple[Any, ...]) -> dict[str, Any]:
        at = self.django.frame(self.cls.module)
        options: dict[str, Any] = {}
        for name, value in self.meta.items():
            if name in ("indexes", "constraints") and isinstance(value, Items):
                options[name] = [copy.deepcopy(v.object) for v in value.items if isinstance(v, Real)]
                for missing in (v for v in value.items if not isinstance(v, Real)):
                    self.django.problem(
                        self.cls.module,
                        self.cls.node.lineno,
                        f"one of the {name} of {self.cls.name}: {missing.describe()}",
                    )
            elif isinstance(value, Unknown) or name in ("default_manager_name", "base_manager_name"):
                continue
            else:
                options[name] = concrete(value, at)
        if isinstance(options.get("abstract"), str):
            options.pop("abstract")
        options["app_label"] = self.app_label
        options["apps"] = self.django.registry
        together = options.pop("index_together", None)
        if together:
            options["indexes"] = [*options.get("indexes", ()), *self.django.index_together(together, options)]
        if not self.django.expects_ordering(options.get("ordering")):
            options.pop("ordering", None)
        if options.get("swappable") and not self.django.swapped_out(self):
            options.pop("swappable")
        return options

    def _removed_fields(self, bases: tuple[Any, ...]) -> dict[str, Any]:
        """``name = None`` in a child takes an abstract parent's field away."""
        interpreter = self.django.interpreter
        inherited = {f.name for base in bases if base._meta.abstract for f in base._meta.get_fields()}
        scope = interpreter.scope_of(self.cls)
        return {
            name: None
            for name in inherited & set(scope.bindings)
            if isinstance(value := interpreter.own_attribute(self.cls, name), Known) and value.value is None
        }

    def fields(self) -> Iterator[tuple[str, Any]]:
        """The fields of the class's own body."""
        interpreter = self.django.interpreter
        for name, bindings in interpreter.scope_of(self.cls).bindings.items():
            value = interpreter.own_attribute(self.cls, name)
            if isinstance(value, Real) and self.django.is_field(value.object):
                field = copy.deepcopy(value.object) if len(bindings) > 1 else value.object
                field.dbwright_line = getattr(bindings[-1], "lineno", self.cls.node.lineno)
                field.dbwright_file = self.cls.module.file
                yield name, field
            elif isinstance(value, Unknown) and _looks_like_field(bindings[-1]):
                line = getattr(bindings[-1], "lineno", self.cls.node.lineno)
                self.django.problem(self.cls.module, line, f"field {self.cls.name}.{name}: {value.reason}")

    # As a value ------------------------------------------------------------------------------------------------------------

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return self.django.model_attribute(self, name, at)

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return self.django.new_instance(self, arguments, at)

    def typed(self, at: Frame) -> Value:
        return self.django.instance_of(self)


def _looks_like_field(binding: Any) -> bool:
    if not isinstance(binding, ast.Call):
        return False
    function = binding.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.endswith(("Field", "ForeignKey", "Key")) and name != "Field"


class PartAdoption:
    """A class of the project that refines one of Django's harmless ones (a field, an index, an expression): its ``__init__`` is walked for
    what it hands on, and Django's own class is made with that."""

    label = None

    def __init__(self, django: Django, cls: ClassValue, base: type) -> None:
        self.django = django
        self.cls = cls
        self.base = base
        self._class: type | None = None

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return None

    def typed(self, at: Frame) -> Value:
        return Unknown(f"a {self.cls.name}")

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        interpreter = self.django.interpreter
        instance = Instance(self.cls)
        owner = interpreter.find_in_class(self.cls, "__init__")
        handed = arguments
        if owner is not None:
            method = interpreter.own_attribute(owner, "__init__")
            if isinstance(method, Function):
                interpreter.call_function(method, instance, arguments, at)
            kept = instance.attributes.get("super.arguments")
            if isinstance(kept, Kept):
                handed = kept.arguments
        return self.django.make(self.real_class(instance, at), handed, at)

    @staticmethod
    def initialised(receiver: Value, arguments: Arguments) -> None:
        """``super().__init__(…)`` reached Django's own class: what is handed on is kept on the instance."""
        if isinstance(receiver, Instance):
            receiver.attributes["super.arguments"] = Kept(arguments)

    def real_class(self, instance: Instance, at: Frame) -> type:
        """The nearest class of Django's, with the plain attributes that the project's class sets."""
        if self._class is None:
            attributes: dict[str, Any] = {"__module__": self.cls.module.name, "dbwright_class": self.cls.qualified_name}
            attributes |= self._refinements(instance, at)
            self._class = type(self.cls.name, (self.base,), attributes)
        return self._class

    def _refinements(self, instance: Instance, at: Frame) -> dict[str, Any]:
        interpreter = self.django.interpreter
        found: dict[str, Any] = {}
        for name in (
            "function",
            "template",
            "arg_joiner",
            "arity",
            "contains_aggregate",
            "name",
            "output_field",
            "lookup_name",
            "suffix",
        ):
            owner = interpreter.find_in_class(self.cls, name)
            value = interpreter.own_attribute(owner, name) if owner is not None else None
            if isinstance(value, Known | Real):
                found[name] = concrete(value, at)
        return found


class FieldAdoption(PartAdoption):
    """A field class of the project, with the column type that it gives."""

    def _refinements(self, instance: Instance, at: Frame) -> dict[str, Any]:
        found: dict[str, Any] = {}
        kind = self._answer(instance, "db_type", at)
        if kind is not None:
            found["db_type"] = lambda field, connection: kind
        internal = self._answer(instance, "get_internal_type", at)
        if internal is not None:
            found["get_internal_type"] = lambda field: internal
        return found

    def _answer(self, instance: Instance, method: str, at: Frame) -> str | None:
        interpreter = self.django.interpreter
        owner = interpreter.find_in_class(self.cls, method)
        if owner is None:
            return None
        value = instance.attribute(method, at).call(Arguments([Unknown("connection")]), at)
        texts = [v.value for v in alternatives(value) if isinstance(v, Known) and isinstance(v.value, str)]
        return texts[-1] if texts else None


class Kept(Value):
    """Arguments that a constructor handed to Django's own."""

    __slots__ = ("arguments",)

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments


class ChoicesAdoption:
    """``TextChoices``, ``IntegerChoices`` and Python's enumerations."""

    label = None

    def __init__(self, django: Django, cls: ClassValue) -> None:
        self.django = django
        self.cls = cls

    def members(self) -> dict[str, tuple[Any, Any]]:
        """Value and label by name."""
        interpreter = self.django.interpreter
        found: dict[str, tuple[Any, Any]] = {}
        for one in reversed(interpreter.mro(self.cls)):
            for name, bindings in interpreter.scope_of(one).bindings.items():
                if name.startswith("_") or not _is_value(bindings[-1]):
                    continue
                value = interpreter.own_attribute(one, name)
                label: Any = name.replace("_", " ").title()
                if isinstance(value, Items) and value.items:
                    if len(value.items) > 1 and isinstance(value.items[-1], Known):
                        label = value.items[-1].value
                    value = value.items[0]
                if isinstance(value, Known) and isinstance(value.value, str | int | float):
                    found[name] = (value.value, label)
        return found

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        members = self.members()
        if name in members:
            return Known(members[name][0])
        rows = list(members.values())
        if name == "choices":
            return Items([Items([Known(value), Known(label)], "tuple") for value, label in rows])
        if name in ("values", "labels"):
            return Items([Known(row[0 if name == "values" else 1]) for row in rows])
        if name == "names":
            return Items([Known(key) for key in members])
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return arguments.first() or Unknown("a choice")

    def typed(self, at: Frame) -> Value:
        return Unknown("a choice", "argument")


def _is_value(binding: Any) -> bool:
    return isinstance(binding, ast.expr) and not isinstance(binding, ast.Lambda)
