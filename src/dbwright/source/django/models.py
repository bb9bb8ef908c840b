"""Django models: from class bodies to real models in a registry of our own, and from these to tables.

Real models are made because Django then tells columns, types, names of indexes and the SQL of queries itself. The project's code is
read, never run: a class body gives its fields, managers and Meta; methods stay abstract values.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dbwright.source.django.real import concrete
from dbwright.source.interpreter import Frame, OutOfSteps
from dbwright.source.tokens import Token
from dbwright.source.values import (
    Arguments,
    Bound,
    ClassValue,
    Function,
    Identity,
    Instance,
    Items,
    Known,
    Library,
    Mapping,
    Native,
    OneInstance,
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
        self.added: dict[str, Any] = {}
        """Fields that a decorator or a call of ``add_to_class`` gives to the class."""

    # What it is ------------------------------------------------------------------------------------------------------------

    @cached_property
    def label(self) -> str:
        return f"{self.app_label}.{self.cls.name}"

    @cached_property
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
        """The options of the class's ``Meta``: its own with those that it inherits by naming another Meta as its base, else that of the
        nearest abstract parent, as Django looks it up."""
        if self._meta is None:
            self._meta = {}
            interpreter = self.django.interpreter
            for one in interpreter.mro(self.cls):
                if "Meta" not in interpreter.scope_of(one).bindings:
                    continue
                adoption = interpreter.adoption(one) if one is not self.cls else None
                if isinstance(adoption, ModelAdoption) and not adoption.is_abstract:
                    continue  # Django takes the Meta of a model that is not abstract away from the class
                meta = interpreter.own_attribute(one, "Meta")
                if isinstance(meta, ClassValue):
                    self._meta = self._options(meta)
                    if one is not self.cls:
                        self._meta.pop("abstract", None)
                break
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
        attributes |= dict(self.fields())
        attributes |= self._shadowed_fields(bases, attributes)
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
        if "verbose_name_plural" in options and not isinstance(self.meta["verbose_name_plural"], Known):
            options.pop("verbose_name_plural")
        options["app_label"] = self.app_label
        options["apps"] = self.django.registry
        together = options.pop("index_together", None)
        if together:
            options["indexes"] = [*options.get("indexes", ()), *self.django.index_together(together)]
        if not self.django.expects_ordering(options.get("ordering")):
            options.pop("ordering", None)
        if options.get("swappable") and not self.django.swapped_out(self):
            options.pop("swappable")
        return options

    def _shadowed_fields(self, bases: tuple[Any, ...], attributes: dict[str, Any]) -> dict[str, Any]:
        """``name = None``, a method or a property of that name, in the class or in a plain class before the abstract parent, takes the
        parent's field away."""
        interpreter = self.django.interpreter
        inherited = {f.name for base in bases if base._meta.abstract for f in base._meta.get_fields()}
        found: dict[str, Any] = {}
        for name in inherited - set(attributes):
            owner = interpreter.find_in_class(self.cls, name)
            plain_class = owner is not None and not isinstance(interpreter.adoption(owner), ModelAdoption)
            if owner is not None and (owner is self.cls or plain_class):
                value = interpreter.own_attribute(owner, name)
                if not (isinstance(value, Real) and self.django.is_field(value.object)):
                    found[name] = None
        return found

    def _field_of_library(self, binding: Any) -> Value | None:
        """For a field of a library that is not read the one of Django's that its name ends with: ``TreeForeignKey``, ``AutoSlugField``."""
        if not isinstance(binding, ast.Call):
            return None
        interpreter = self.django.interpreter
        at = Frame(interpreter, self.cls.module, closure=self.cls.closure, owner=self.cls, function=self.cls.name)
        called = at.evaluate(binding.func)
        like = self.django.field_like(called.name) if isinstance(called, Library) else None
        return self.django.make(like, interpreter.arguments(binding, at), at) if like is not None else None

    def fields(self) -> Iterator[tuple[str, Any]]:
        """The fields of the class's own body."""
        interpreter = self.django.interpreter
        for name, bindings in interpreter.scope_of(self.cls).bindings.items():
            value = interpreter.own_attribute(self.cls, name)
            if isinstance(value, Unknown):
                value = self._field_of_library(bindings[-1]) or value
            if isinstance(value, Real) and self.django.is_field(value.object):
                field = copy.deepcopy(value.object) if len(bindings) > 1 else value.object
                field.dbwright_line = getattr(bindings[-1], "lineno", self.cls.node.lineno)
                field.dbwright_file = self.cls.module.file
                yield name, field
            elif isinstance(value, Unknown) and _looks_like_field(bindings[-1]):
                line = getattr(bindings[-1], "lineno", self.cls.node.lineno)
                self.django.problem(self.cls.module, line, f"field {self.cls.name}.{name}: {value.reason}")
                opaque = self._opaque_field(bindings[-1])
                if opaque is not None:
                    opaque.dbwright_line = line
                    opaque.dbwright_file = self.cls.module.file
                    yield name, opaque
        yield from self.added.items()

    def _opaque_field(self, call: Any) -> Any:
        """A field of a class that is not read: its name and options are known, its type is not. A key to another model is a key all
        the same."""
        from django.db import models

        at = self.django.frame(self.cls.module)
        given = self.django.interpreter.arguments(call, at)
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        base: Any = models.TextField
        if "ManyToMany" in name:
            return None
        if name.endswith(("ForeignKey", "OneToOneField")):
            base = models.OneToOneField if "OneToOne" in name else models.ForeignKey
        named = {key: value for key, value in given.named.items() if key in _OPAQUE_OPTIONS}
        made = self.django.make(
            base, Arguments(given.positional[:2] if base is not models.TextField else [], named), at
        )
        if not isinstance(made, Real):
            return None
        if base is models.TextField:
            made.object.dbwright_opaque = True
        made.object.dbwright_class = name
        return made.object

    # As a value ------------------------------------------------------------------------------------------------------------

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        if name == "add_to_class":
            return Native(name, self._add_to_class)
        return self.django.model_attribute(self, name, at)

    def _add_to_class(self, arguments: Arguments, at: Frame) -> Value:
        name, value = arguments.get(0, "name"), arguments.get(1, "value")
        if isinstance(name, Known) and isinstance(name.value, str) and value is not None:
            if isinstance(value, Function):
                self.django.interpreter.give(self.cls, name.value, value)
            self.assign_class_attribute(name.value, value, at)
        return Known(None)

    def assign_class_attribute(self, name: str, value: Value, at: Frame) -> None:
        """``Model.name = value`` outside the class: a field counts, when it comes before the model is made."""
        if isinstance(value, Real) and self.django.is_field(value.object) and not self._made:
            field = value.object
            field.dbwright_line = at.line
            field.dbwright_file = at.module.file
            self.added[name] = field

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return self.django.new_instance(self, arguments, at)

    def typed(self, at: Frame) -> Value:
        return self.django.instance_of(self)


_OPAQUE_OPTIONS = frozenset(
    "to on_delete null blank unique db_index db_column primary_key related_name related_query_name to_field db_constraint default".split()
)


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
        instance = OneInstance(self.cls)
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
            if getattr(getattr(self.base, "deconstruct", None), "__module__", "") == "django.utils.deconstruct":
                attributes["deconstruct"] = _deconstructed
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
        owner = interpreter.find_in_class(self.cls, "state_forwards")
        if owner is not None and hasattr(self.base, "state_forwards"):
            method = interpreter.own_attribute(owner, "state_forwards")
            body = method.node.body if isinstance(method, Function) and isinstance(method.node.body, list) else []
            if all(isinstance(one, ast.Pass | ast.Expr) for one in body):
                found["state_forwards"] = lambda operation, label, state: None
        return found


def _deconstructed(thing: Any) -> tuple[str, Any, Any]:
    """What Django makes such an object of. Its own method imports the class from the project first."""
    positional, named = thing._constructor_args
    return f"{type(thing).__module__}.{type(thing).__name__}", positional, named


class FieldAdoption(PartAdoption):
    """A field class of the project, with the column type that it gives and with what it adds to its model."""

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        interpreter = self.django.interpreter
        instance = FieldInstance(self.cls)
        owner = interpreter.find_in_class(self.cls, "__init__")
        handed = arguments
        if owner is not None:
            method = interpreter.own_attribute(owner, "__init__")
            if isinstance(method, Function):
                interpreter.call_function(method, instance, arguments, at, quiet=True)
            kept = instance.attributes.get("super.arguments")
            if isinstance(kept, Kept):
                handed = kept.arguments
        if self.base.__name__ == "RelatedField":
            return self._through(instance, at)
        made = self.django.make(self.real_class(instance, at), handed, at)
        if isinstance(made, Real):
            field = made.object
            instance.real = field
            field.dbwright_instance = instance
            for name in _FIELD_ATTRIBUTES:
                value = instance.attributes.get(name)
                if isinstance(value, Known):
                    setattr(field, _KEPT_AS.get(name, name), value.value)
        return made

    def _refinements(self, instance: Instance, at: Frame) -> dict[str, Any]:
        interpreter = self.django.interpreter
        found: dict[str, Any] = {}
        for name in ("db_type", "get_internal_type", "rel_db_type"):
            if interpreter.find_in_class(self.cls, name) is not None:
                found[name] = self._asked(name)
        if interpreter.find_in_class(self.cls, "get_lookup") is not None:
            found["get_lookup"] = self._looked_up()
        found["clone"] = _cloned
        if interpreter.find_in_class(self.cls, "contribute_to_class") is not None:
            found["contribute_to_class"] = self._contributing()
        return found

    @staticmethod
    def _through(instance: Instance, at: Frame) -> Value:
        """A relation that is neither a key nor a many-to-many of Django's: tags, when it names the model in between."""
        from dbwright.source.django.related import ThroughRelation

        through = concrete(instance.attributes.get("through", Unknown("through")), at)
        if isinstance(through, Token) or not isinstance(through, str):
            return Unknown("a relation through a model that is not known")
        return Real(ThroughRelation(through))

    def _asked(self, method: str) -> Any:
        """A method of the real field that walks the project's own; Django's answer where that gives no text."""
        base = self.base

        def asked(field: Any, *arguments: Any, **options: Any) -> Any:
            given = [ConnectionValue()] if arguments or options else []
            instance = field.dbwright_instance
            instance.real = field
            value = instance.attribute(method, self._frame()).call(Arguments(list(given)), self._frame())
            texts = [v.value for v in alternatives(value) if isinstance(v, Known) and isinstance(v.value, str)]
            if texts:
                return texts[-1]
            if isinstance(value, Known) and value.value is None:
                return None
            return getattr(base, method)(field, *arguments, **options)

        return asked

    def _looked_up(self) -> Any:
        """``get_lookup`` of the real field, which asks the project's own: it may take another lookup for the one that was named."""
        base: Any = self.base

        def get_lookup(field: Any, name: str) -> Any:
            instance = field.dbwright_instance
            instance.real = field
            value = instance.attribute("get_lookup", self._frame()).call(Arguments([Known(name)]), self._frame())
            found = [one.object for one in alternatives(value) if isinstance(one, Real)]
            return found[0] if len(found) == 1 and isinstance(found[0], type) else base.get_lookup(field, name)

        return get_lookup

    def _contributing(self) -> Any:
        base: Any = self.base

        def contribute_to_class(field: Any, model: Any, name: str, *arguments: Any, **options: Any) -> None:
            base.contribute_to_class(field, model, name, *arguments, **options)
            instance = field.dbwright_instance
            instance.real = field
            instance.renew()
            method = instance.attribute("contribute_to_class", self._frame())
            method.call(Arguments([ModelInMaking(self.django, model), Known(name)]), self._frame())

        return contribute_to_class

    def _frame(self) -> Frame:
        return self.django.frame(self.cls.module)


_FIELD_ATTRIBUTES = (
    "max_length",
    "null",
    "blank",
    "unique",
    "primary_key",
    "db_index",
    "db_column",
    "editable",
    "max_digits",
    "decimal_places",
    "auto_now",
    "auto_now_add",
)
_KEPT_AS = {"unique": "_unique"}


def _cloned(field: Any) -> Any:
    """A field for another model. Django would construct it anew, without what the project's code left on it."""
    made = copy.deepcopy(field)
    for name in ("model", "opts", "_get_default", *_KNOWN_OF_A_RELATION):
        made.__dict__.pop(name, None)
    if made.remote_field is not None:
        if hasattr(made.remote_field.model, "_meta"):
            made.remote_field.model = made.remote_field.model._meta.label
        through = getattr(made.remote_field, "through", None)
        if through is not None and hasattr(through, "_meta"):
            made.remote_field.through = None if through._meta.auto_created else through._meta.label
    return made


_KNOWN_OF_A_RELATION = (
    "related_model",
    "related_fields",
    "local_related_fields",
    "foreign_related_fields",
    "reverse_related_fields",
    "path_infos",
    "reverse_path_infos",
)
"""What a field keeps of the models that it ties together once somebody asked."""


class FieldInstance(OneInstance):
    """``self`` in a field class of the project; what its own code does not set is the real field's, once that is made."""

    __slots__ = ("real",)
    real: Any

    def attribute(self, name: str, at: Frame) -> Value:
        real = getattr(self, "real", None)
        asked = name.removeprefix("super.")
        if asked != name:
            return self._of_django(asked, real)
        if real is not None and name not in self.attributes and not name.startswith("__"):
            if at.interpreter.find_in_class(self.cls, name) is None:
                return _plain_attribute(real, name)
        return at.interpreter.instance_attribute(self, name, at)

    @staticmethod
    def _of_django(name: str, real: Any) -> Value:
        base: Any = next((c for c in type(real).__mro__ if c.__module__.startswith("django.")), None) if real else None
        if base is not None and name == "get_lookup":
            return Native(name, lambda arguments, at: _lookup_of_django(base, real, arguments))
        if base is None or name not in ("db_type", "get_internal_type", "rel_db_type"):
            return Unknown(f"{name} of Django's field")
        from dbwright.source.django import runtime

        def answer(arguments: Arguments, at: Frame) -> Value:
            given = [runtime.start()] if arguments.positional else []
            return Known(getattr(base, name)(real, *given))

        return Native(name, answer)


def _lookup_of_django(base: Any, field: Any, arguments: Arguments) -> Value:
    name = arguments.get(0, "lookup_name")
    if not isinstance(name, Known):
        return Unknown("a lookup whose name is not known")
    found = base.get_lookup(field, name.value)
    return Known(None) if found is None else Real(found)


def _plain_attribute(thing: Any, name: str) -> Value:
    found = getattr(thing, name, None)
    if isinstance(found, str | int | float | bool):
        return Known(str(found) if isinstance(found, str) else found)
    if name in ("remote_field", "_meta", "opts") and found is not None:
        return PartOfModel(found)
    return Known(None) if found is None and hasattr(thing, name) else Unknown(f"attribute {name} of a field")


class PartOfModel(Value):
    """The ``_meta`` of a model in the making, or the ``remote_field`` of its field: plain attributes are told, a name for the way back
    may be set."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def attribute(self, name: str, at: Frame) -> Value:
        return _plain_attribute(self.thing, name)

    def assign(self, name: str, value: Value, at: Frame) -> None:
        if name in ("related_name", "related_query_name") and isinstance(value, Known) and isinstance(value.value, str):
            setattr(self.thing, name, value.value)

    def key(self) -> object:
        return ("part of a model", Identity(self.thing))


def unread_models(django: Django) -> Iterator[tuple[ClassValue, str]]:
    """Classes of the project that look like models but for a base class of a library that is not read, with that base's name."""
    interpreter = django.interpreter
    for module in interpreter.codebase.modules:
        if module.role != "code" or "models" not in module.name.split("."):
            continue
        for bindings in module.scope.bindings.values():
            for node in bindings:
                if not (isinstance(node, ast.ClassDef) and node.bases):
                    continue
                cls = interpreter.class_of(node, module, None)
                unread = [
                    b.name for b in interpreter.foreign_bases(cls) if isinstance(b, Library) and ".models." in b.name
                ]
                if unread and not isinstance(interpreter.adoption(cls), ModelAdoption):
                    yield cls, unread[0]


def history_models(django: Django) -> None:
    """What ``HistoricalRecords()`` in a model's body makes: a table with the model's columns and the history's own."""
    from django.db import models

    interpreter = django.interpreter
    for adoption in list(django.models.values()):
        found = next(
            (
                value
                for one in interpreter.mro(adoption.cls)
                for name in interpreter.scope_of(one).bindings
                if isinstance(value := interpreter.own_attribute(one, name), Instance)
                and value.cls.qualified_name == "simple_history.models.HistoricalRecords"
            ),
            None,
        )
        if found is None or adoption.real is None:
            continue
        options = found.attributes.get("options")
        table = options.items.get("table_name") if isinstance(options, Mapping) else None
        meta = adoption.real._meta
        attributes: dict[str, Any] = {"__module__": adoption.cls.module.name}
        for field in meta.fields:
            attributes[field.name] = _as_history(field, models)
        attributes |= {
            "history_id": models.AutoField(primary_key=True),
            "history_date": models.DateTimeField(db_index=True),
            "history_change_reason": models.CharField(max_length=100, null=True),
            "history_type": models.CharField(max_length=1),
            "history_user": models.ForeignKey(
                django.applications.user_label, null=True, related_name="+", on_delete=models.SET_NULL
            ),
        }
        chosen = {"app_label": meta.app_label, "apps": django.registry, "ordering": ("-history_date", "-history_id")}
        if isinstance(table, Known) and isinstance(table.value, str):
            chosen["db_table"] = table.value
        attributes["Meta"] = type("Meta", (), chosen)
        made = models.base.ModelBase(f"Historical{adoption.cls.name}", (models.Model,), attributes)
        made.dbwright_of = adoption


def _as_history(field: Any, models: Any) -> Any:
    """A column of the model as its history keeps it: not unique, not automatic, and without a constraint to other tables."""
    if isinstance(field, models.ForeignKey):
        target = field.remote_field.model
        return models.ForeignKey(
            target if isinstance(target, str) else target._meta.label,
            on_delete=models.DO_NOTHING,
            db_constraint=False,
            related_name="+",
            null=True,
            blank=True,
            db_column=field.db_column,
        )
    if isinstance(field, models.AutoField | models.BigAutoField):
        return (models.BigIntegerField if isinstance(field, models.BigAutoField) else models.IntegerField)(
            db_index=True, blank=True
        )
    if isinstance(field, models.FileField):
        return models.TextField(max_length=field.max_length, null=field.null)
    kept = copy.copy(field)
    kept.creation_counter = models.Field.creation_counter
    models.Field.creation_counter += 1
    if kept.primary_key or kept.unique:
        kept.primary_key = kept._unique = False
        kept.db_index = True
    kept.__dict__.pop("unique", None)
    kept.auto_now = kept.auto_now_add = False
    return kept


def dynamic_models(django: Django) -> Iterator[ModelAdoption]:
    """Models that code makes while modules are imported: in a decorator, in a function called at a module's top level, by ``type``."""
    interpreter = django.interpreter
    for module in list(django.model_modules()):
        at = interpreter.frame(module)
        for node in module.tree.body:
            calls: list[ast.expr] = []
            if isinstance(node, ast.ClassDef):
                calls = list(node.decorator_list)
            elif isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
                if _named_like_class(node) if isinstance(node, ast.Assign) else _changes_models(node.value):
                    calls = [node.value]
            for call in calls:
                interpreter.steps = 0
                at.line = call.lineno
                try:
                    value = interpreter.evaluate(call, at)
                    if isinstance(node, ast.ClassDef) and isinstance(value, Function | Bound):
                        value.call(Arguments([interpreter.class_of(node, module, None)]), at)
                except OutOfSteps:
                    django.problem(module, call.lineno, "a call at import goes on too long to be followed")
    seen: set[int] = set()
    for cls in interpreter.made_classes:
        adoption = interpreter.adoption(cls)
        if isinstance(adoption, ModelAdoption) and not adoption.is_abstract and id(cls.node) not in seen:
            seen.add(id(cls.node))
            yield adoption


def _changes_models(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute | ast.Name) and (
        call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
    ) in ("add_to_class", "contribute_to_class", "register")


def _named_like_class(node: ast.Assign) -> bool:
    """``Translation = make_model(…)``."""
    target = node.targets[0]
    return isinstance(target, ast.Name) and target.id[:1].isupper() and not target.id.isupper()


class ModelInMaking(Value):
    """``cls`` in a ``contribute_to_class`` of the project: further fields can be added to it."""

    __slots__ = ("django", "real")

    def __init__(self, django: Django, real: Any) -> None:
        self.django = django
        self.real = real

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "_meta":
            return PartOfModel(self.real._meta)
        if name == "__name__":
            return Known(self.real.__name__)
        if name == "add_to_class":
            return Native(name, self._add)
        return Unknown(f"attribute {name} of a model in the making")

    def _add(self, arguments: Arguments, at: Frame) -> Value:
        name, value = arguments.get(0, "name"), arguments.get(1, "value")
        if isinstance(name, Known) and isinstance(value, Real) and self.django.is_field(value.object):
            field = value.object
            known = {f.name for f in (*self.real._meta.local_fields, *self.real._meta.local_many_to_many)}
            if name.value not in known:
                field.dbwright_line = at.line
                field.dbwright_file = at.module.file
                self.real.add_to_class(name.value, field)
        return Known(None)

    def assign(self, name: str, value: Value, at: Frame) -> None:
        pass

    def key(self) -> object:
        return ("model in the making", Identity(self.real))


class ConnectionValue(Value):
    """The connection that a field is asked its column type for: PostgreSQL's."""

    __slots__ = ()

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "vendor":
            return Known("postgresql")
        if name == "settings_dict":
            return Mapping({"ENGINE": Known("django.db.backends.postgresql")})
        return Unknown(f"{name} of a connection")

    def key(self) -> object:
        return ("connection",)


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
