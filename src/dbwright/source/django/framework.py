"""Django as the interpreter knows it: which names are harmless constructors, which classes are models, what managers and querysets do."""

from __future__ import annotations

import ast
import importlib
import re
import types
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dbwright.model.source import Issued, SourceTable
from dbwright.source.django import entries, instances, known, runtime, scopes
from dbwright.source.django.applications import Applications
from dbwright.source.django.connections import ConnectionValue
from dbwright.source.django.deletions import unprotected
from dbwright.source.django.instances import MetaValue
from dbwright.source.django.loaded import PREFETCHES, LoadedLater
from dbwright.source.django.migrations import operation_arguments
from dbwright.source.django.models import (
    ChoicesAdoption,
    FieldAdoption,
    ModelAdoption,
    PartAdoption,
    dynamic_models,
    history_models,
    unread_models,
)
from dbwright.source.django.querysets import (
    MADE_AT,
    OF_MANAGERS,
    InstanceValue,
    ManagerClass,
    ManagerTemplate,
    ManagerValue,
    QuerySetValue,
    parameters,
    several,
)
from dbwright.source.django.real import arguments_of, concrete
from dbwright.source.events import Place, Summary
from dbwright.source.interpreter import Frame, Interpreter, decorator_names
from dbwright.source.issued import IssuedQuery
from dbwright.source.modules import Module, Problem
from dbwright.source.tokens import Token, has_token
from dbwright.source.values import (
    Arguments,
    ClassValue,
    Function,
    Instance,
    Items,
    Known,
    Library,
    Native,
    Origin,
    Real,
    Unknown,
    Value,
    origin_of,
)

HARMLESS = (
    "django.db.models",
    "django.db.migrations",
    "django.contrib.postgres",
    "django.core.validators",
    "django.contrib.contenttypes.fields",
)
"""Packages whose classes only hold what they are given; they are really called."""

MOST_STATEMENTS = 150
"""Of one operation of Django's; the cascade of a delete is the longest."""

_SAME = frozenset(
    "gettext gettext_lazy ugettext ugettext_lazy gettext_noop pgettext pgettext_lazy format_lazy mark_safe lazy_number".split()
)

_UNREAD_MANAGER = re.compile(r"\.(models?|managers?|query|querysets?|db)\.\w*(?<!Context)(Manager|QuerySet)$")
"""Names of managers and querysets in libraries, by where libraries keep them."""

_BUILDS_ON = {
    "ReadOnlyModelViewSet": ("rest_framework.viewsets", "ReadOnlyModelViewSet"),
    "ModelViewSet": ("rest_framework.viewsets", "ModelViewSet"),
    "GenericViewSet": ("rest_framework.viewsets", "GenericViewSet"),
    "ModelSerializer": ("rest_framework.serializers", "ModelSerializer"),
    "ModelAdmin": ("django.contrib.admin", "ModelAdmin"),
    "TabularInline": ("django.contrib.admin", "TabularInline"),
    "StackedInline": ("django.contrib.admin", "StackedInline"),
    "FilterSet": ("django_filters", "FilterSet"),
}
"""What libraries call their refinements of a framework's classes, the longer endings first."""

_KEYS_OF_LIBRARIES = {"ParentalKey": "ForeignKey", "ParentalManyToManyField": "ManyToManyField"}
"""Fields of libraries (django-modelcluster) whose names do not end like those that they build on."""

Recorded = tuple[tuple[tuple[str, tuple[Any, ...]], ...], str | None]
"""Statements with their parameters, and why running it came to no end."""
NO_STATEMENT = "no statement is needed"
_NOTHING_ISSUED = (NO_STATEMENT, "EmptyResultSet", "DoesNotExist")


class Django:
    """See the module. One instance for one project."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        # However a project wraps its settings: it has one user model.
        interpreter.well_known["AUTH_USER_MODEL"] = lambda: Known(self.applications.user_label)
        self.applications = Applications(interpreter)
        self.problems: list[Problem] = []
        self._adoptions: dict[int, ModelAdoption] = {}
        self.put_on_request: dict[str, list[Value]] = {}
        """What assignments walked so far put on a request, by name."""
        self.request_attributes: dict[str, Value] = {}
        self.built: dict[object, tuple[Any, str | None]] = {}
        """Querysets by the one that they go on from, the method and its arguments; with why conditions may be missing."""
        self.related_managers: dict[object, Any] = {}
        self.loaded_later = LoadedLater(self)
        self._statements: dict[object, Recorded] = {}
        self._records: dict[object, tuple[IssuedQuery, ...]] = {}
        self._columns: dict[tuple[type, Origin], dict[str, Any]] = {}
        self._field_names: dict[type, tuple[Any, frozenset[str]]] = {}

    def stand_in_for_base(self, name: str, cls: ClassValue) -> Value | None:
        """The framework's own class that one of a library builds on, by the end of its name: ``drf_extra.NestedModelSerializer``."""
        package, _, last = name.rpartition(".")
        if not package or name.startswith(("django.", "rest_framework.", "django_filters.")):
            return None
        for ending, (module, found) in _BUILDS_ON.items():
            if last.endswith(ending):
                return self.interpreter.name_in(module, found)
        return None

    def unknown_call(self, method: ast.Attribute, arguments: Arguments, at: Frame) -> Value | None:
        """``user.logins.filter(…)`` of a user that nobody told of: the name of the relation is that of one model alone."""
        related = method.value
        if not isinstance(related, ast.Attribute) or method.attr not in OF_MANAGERS:
            return None
        model = self._relations_by_name.get(related.attr)
        if model is None:
            return None
        manager = self.instance_of(model).attribute(related.attr, at)
        return manager.attribute(method.attr, at).call(arguments, at) if isinstance(manager, ManagerValue) else None

    @cached_property
    def _relations_by_name(self) -> dict[str, ModelAdoption]:
        """The model whose objects have related rows under a name that no other relation of the project's models goes by."""
        found: dict[str, tuple[Any, ModelAdoption]] = {}
        several: set[str] = set()
        for model in self.models.values():
            fields = model.real._meta.get_fields() if model.real is not None else ()
            for relation in fields:
                if not (relation.one_to_many or relation.many_to_many) or not hasattr(relation, "related_model"):
                    continue
                reverse = relation.auto_created and not relation.concrete
                name = relation.get_accessor_name() if reverse else relation.name
                key = relation.field if reverse else relation
                if name and found.setdefault(name, (key, model))[0] is not key:
                    several.add(name)
        return {name: model for name, (_, model) in found.items() if name not in several}

    def entry_argument(self, function: Function, name: str) -> Value | None:
        """What Django gives to a function under this name."""
        return known.RequestValue(self) if name == "request" else entries.argument(self, function, name)

    @staticmethod
    def enter(function: Function, receiver: Value | None) -> None:
        """What Django REST framework sets on a viewset before it calls one of its actions: the action's name."""
        if isinstance(receiver, Instance) and any(
            n.rpartition(".")[2] == "action" for n in decorator_names(function.node)
        ):
            receiver.attributes["action"] = Known(function.name)

    # Set up on first use ---------------------------------------------------------------------------------------------------

    @cached_property
    def connection(self) -> Any:
        return runtime.start()

    @cached_property
    def model_class(self) -> Any:
        self.connection  # noqa: B018  sets Django up
        return importlib.import_module("django.db.models").Model

    @cached_property
    def request_assignments(self) -> dict[str, list[tuple[Function, Value | None]]]:
        return known.request_assignments(self)

    @cached_property
    def registered_admins(self) -> list[tuple[ClassValue, ClassValue | None]]:
        return known.registered_admins(self)

    @cached_property
    def templates(self) -> Any:
        """The project's templates."""
        from dbwright.source.django.templates import Templates

        return Templates(self)

    @cached_property
    def context_processors(self) -> list[Function]:
        from dbwright.source.django.templates import context_processors

        return context_processors(self)

    @cached_property
    def rendered(self) -> dict[object, Summary]:
        """Templates walked with the variables of a context."""
        return {}

    @cached_property
    def registry(self) -> Any:
        """The real models of the project."""
        self.connection  # noqa: B018
        return runtime.registry()

    def frame(self, module: Module) -> Frame:
        return Frame(self.interpreter, module)

    def problem(self, module: Module, line: int, reason: str) -> None:
        if module.owned:
            self.problems.append(Problem(module.file, line, " ".join(reason.split())[:300]))

    # Names -----------------------------------------------------------------------------------------------------------------

    def library(self, name: str) -> Value | None:
        root = name.partition(".")[0]
        if root == "django_scopes":
            return scopes.library(name)
        if root != "django":
            return None
        if name.startswith(known.PREFIX):
            return known.value(self, name.removeprefix(known.PREFIX))
        last = name.rpartition(".")[2]
        if name == "django.conf.settings":
            return SettingsValue(self.applications)
        if last in _SAME and name.startswith("django.utils."):
            return Native(name, lambda arguments, at: arguments.first() or Known(""))
        if name == "django.contrib.auth.get_user_model":
            return Native(
                name, lambda arguments, at: self.model_named(self.applications.user_label) or Unknown("user model")
            )
        if name in PREFETCHES:
            return Native(name, self.loaded_later.prefetch)
        if name == "django.apps.apps":
            return Registry(self)
        if name in ("django.db.connection", "django.db.connections"):
            return ConnectionValue(self)
        if name in _DEFERRED:
            return Native(name, _DEFERRED[name])
        if name.startswith(HARMLESS):
            return self._imported(name)
        return None

    def _imported(self, name: str) -> Value | None:
        self.connection  # noqa: B018
        parent, _, last = name.rpartition(".")
        try:
            found = getattr(importlib.import_module(parent), last)
        except (ImportError, AttributeError):
            return None
        if isinstance(found, types.ModuleType):
            return None
        if isinstance(found, str | int | float):
            return Known(found)
        return Real(found)

    # Classes ---------------------------------------------------------------------------------------------------------------

    def adopt(self, cls: ClassValue) -> Any:
        for base in self.interpreter.foreign_bases(cls):
            if isinstance(base, Real) and isinstance(base.object, type):
                found = self._adopt(cls, base.object)
                if found is not None:
                    return found
            elif isinstance(base, ManagerClass):
                return ManagerAdoption(self, cls, base.queryset_cls, base.scopes)
            elif isinstance(base, Library) and base.name in ("enum.Enum", "enum.IntEnum", "enum.StrEnum"):
                return ChoicesAdoption(self, cls)
        return self._adopt_unread(cls)

    def _adopt_unread(self, cls: ClassValue) -> Any:
        """A manager or queryset on a class of a library that is not read behaves like Django's."""
        for base in self.interpreter.foreign_bases(cls):
            if isinstance(base, Library) and _UNREAD_MANAGER.search(base.name):
                is_set = base.name.endswith("QuerySet")
                return QuerySetAdoption(self, cls) if is_set else ManagerAdoption(self, cls, None)
        unread = any(isinstance(base, Library) for base in self.interpreter.foreign_bases(cls))
        return (
            self._adoptions.setdefault(id(cls.node), ModelAdoption(self, cls))
            if unread and self._has_fields(cls)
            else None
        )

    def _has_fields(self, cls: ClassValue) -> bool:
        """Whether the class or one of the project's above it holds fields of models: whatever its library's base is, it is a model."""
        interpreter = self.interpreter
        return any(
            isinstance(binding, ast.Call)
            and isinstance(value := interpreter.own_attribute(one, name), Real)
            and self.is_field(value.object)
            for one in interpreter.mro(cls)
            for name, bindings in interpreter.scope_of(one).bindings.items()
            for binding in bindings
        )

    def _adopt(self, cls: ClassValue, base: type) -> Any:
        from django.db import models

        if issubclass(base, models.Model):
            return self._adoptions.setdefault(id(cls.node), ModelAdoption(self, cls))
        if issubclass(base, models.Field):
            return FieldAdoption(self, cls, base)
        if issubclass(base, models.Choices):
            return ChoicesAdoption(self, cls)
        if issubclass(base, models.Manager):
            return ManagerAdoption(self, cls, None)
        if issubclass(base, models.QuerySet):
            return QuerySetAdoption(self, cls)
        return PartAdoption(self, cls, base) if _is_harmless(base) else None

    def swapped_out(self, model: ModelAdoption) -> bool:
        """``auth.User`` where the project has a user model of its own."""
        swappable = model.meta.get("swappable")
        if not (isinstance(swappable, Known) and isinstance(swappable.value, str)):
            return False
        chosen = self.applications.setting(swappable.value)
        label = (
            self.applications.user_label
            if swappable.value == "AUTH_USER_MODEL"
            else getattr(chosen, "value", model.label)
        )
        return str(label).lower() != model.label.lower()

    def model_named(self, label: str, application: str | None = None) -> ClassValue | None:
        """The model class of a label (``shop.Order``)."""
        if "." not in label and application:
            label = f"{application}.{label}"
        adoption = self.models.get(label.lower())
        return adoption.cls if adoption is not None else None

    @cached_property
    def models(self) -> dict[str, ModelAdoption]:
        """All model classes that are not abstract, by lower-case label: the project's, then those of its installed applications."""
        found: dict[str, ModelAdoption] = {}
        for module in self.model_modules():
            for cls in classes_of(module, self.interpreter):
                adoption = self.interpreter.adoption(cls) if cls.node.bases else None
                if isinstance(adoption, ModelAdoption) and not adoption.is_abstract and not self.swapped_out(adoption):
                    found.setdefault(adoption.label.lower(), adoption)
        return found

    def model_modules(self) -> Iterator[Module]:
        """The modules that may define models: the project's own, then those of its installed applications."""
        seen: set[Any] = set()
        for module in self.interpreter.codebase.modules:
            if module.role == "code":
                seen.add(module.path)
                yield module
        for entry in (
            *self.applications.names,
            *self.applications.installed,
            "django.contrib.contenttypes",
            "django.contrib.auth",
        ):
            parts = entry.split(".")
            for name in (entry, ".".join(parts[:-1]), ".".join(parts[:-2])):
                module_found = self.interpreter.codebase.find(f"{name}.models") if name else None
                if module_found is not None and module_found.path not in seen:
                    seen.add(module_found.path)
                    yield from self._with_submodules(module_found, seen)
                    break

    def _with_submodules(self, module: Module, seen: set[Any]) -> Iterator[Module]:
        yield module
        if module.is_package:
            for path in sorted(module.path.parent.glob("*.py")):
                below = self.interpreter.codebase.find(f"{module.name}.{path.stem}")
                if below is not None and below.path not in seen:
                    seen.add(below.path)
                    yield below

    # Making real objects ---------------------------------------------------------------------------------------------------

    def is_field(self, thing: Any) -> bool:
        """A field, or what Django treats like one (a generic foreign key, a composite key)."""
        return (
            hasattr(thing, "contribute_to_class") and not isinstance(thing, type) and not hasattr(thing, "get_queryset")
        )

    def know_application(self, label: str, module_name: str) -> None:
        """Tell the registry which automatic key the models of an application get."""
        if label not in self.registry.app_configs:
            chosen = f"django.db.models.{self.applications.auto_field(module_name)}"
            self.registry.app_configs[label] = types.SimpleNamespace(
                label=label,
                name=module_name,
                default_auto_field=chosen,
                _is_default_auto_field_overridden=True,
                models={},
            )

    def index_together(self, together: Any) -> list[Any]:
        """``index_together`` of Django before 5.1, as the indexes that it stands for."""
        from django.db import models

        groups = [together] if together and isinstance(together[0], str) else together
        return [models.Index(fields=list(group)) for group in groups]

    @staticmethod
    def expects_ordering(ordering: Any) -> bool:
        """Whether an ordering is wholly known."""
        if ordering is None or isinstance(ordering, Token):
            return False
        return not any(has_token(one) for one in ordering if isinstance(one, str))

    def call_real(self, real: Real, arguments: Arguments, at: Frame) -> Value | None:
        thing = real.object
        if isinstance(thing, type) and thing.__name__ in ("Manager", "BaseManager"):
            return ManagerTemplate(None, None)
        if isinstance(thing, type) and thing.__name__ == "QuerySet":
            return QuerySetAdoption(self, None).instantiate(arguments, at)  # type: ignore[arg-type]
        if isinstance(thing, type) and thing.__name__ == "ModelBase" and len(arguments.positional) == 3:
            name, bases, body = arguments.positional
            return at.interpreter.made_class(name, bases, body, at)
        if isinstance(thing, type):
            return self.make(thing, arguments, at) if _is_harmless(thing) else None
        owner = getattr(thing, "__self__", None)
        if isinstance(thing, types.MethodType) and owner is not None and _is_harmless(type(owner)):
            return self._called(thing, arguments, at)
        if (
            isinstance(thing, types.FunctionType)
            and thing.__module__.startswith(HARMLESS)
            and thing.__name__ in ("SET", "swappable_dependency")
        ):
            return self._called(thing, arguments, at)
        return None

    def _called(self, function: Callable[..., Any], arguments: Arguments, at: Frame) -> Value:
        positional, named = arguments_of(arguments, at)
        try:
            return Real(function(*positional, **named))
        except Exception as error:
            return Unknown(f"{getattr(function, '__name__', 'call')}: {type(error).__name__}: {error}")

    def make(self, cls: type, arguments: Arguments, at: Frame) -> Value:
        """A real field, condition, expression, index or constraint of Django's."""
        from django.db import models

        positional, named = arguments_of(arguments, at)
        if _is_operation(cls):
            fit = operation_arguments(cls, positional, named)
            if fit is None:
                return Unknown(f"{cls.__name__} of arguments that are not known")
            positional, named = fit
        if arguments.extra_named is not None or arguments.extra_positional is not None:
            if not issubclass(cls, models.Field):
                return Unknown(f"{cls.__name__} of arguments that are not known", arguments.origin())
        if issubclass(cls, models.Field):
            if issubclass(cls, models.ForeignObject | models.ManyToManyField):
                target = positional[0] if positional else named.get("to")
                if isinstance(target, Token) or (callable(target) and not isinstance(target, type)):
                    return Unknown(f"{cls.__name__} to a model that is not known")
            positional, named = field_arguments(cls, positional, named)
        if issubclass(cls, models.Case | models.When | models.Func):
            positional, named = values_of_expressions(cls, positional, named)
        if issubclass(cls, models.Prefetch):  # rows of a queryset that is not known are still rows of the relation
            positional = [
                None if isinstance(value, Token) and position == 1 else value
                for position, value in enumerate(positional)
            ]
            named = {name: value for name, value in named.items() if not isinstance(value, Token)}
            queryset = positional[1] if len(positional) > 1 else named.get("queryset")
            given = arguments.get(1, "queryset")
            if isinstance(given, QuerySetValue) and given.made is not None and queryset is not None:
                queryset._hints = {**queryset._hints, MADE_AT: (given.made, given.built)}
        if issubclass(cls, models.Q):
            named = {name: several(name, value) for name, value in named.items()}
        return self._made(cls, positional, named)

    def field_like(self, name: str) -> type | None:
        """The field class of Django's that the name of a library's field ends with, the longest; None when there is none."""
        last = name.rpartition(".")[2]
        known = _KEYS_OF_LIBRARIES.get(last)
        endings = [known] if known else [one for one in self._field_classes if last.endswith(one)]
        return self._field_classes[max(endings, key=len)] if endings else None

    @cached_property
    def _field_classes(self) -> dict[str, type]:
        from django.contrib.postgres import fields as of_postgresql
        from django.contrib.postgres import search
        from django.db import models

        named = {**vars(models), **vars(of_postgresql), "SearchVectorField": search.SearchVectorField}
        return {
            name: cls
            for name, cls in named.items()
            if isinstance(cls, type) and issubclass(cls, models.Field) and cls is not models.Field
        }

    def _made(self, cls: type, positional: list[Any], named: dict[str, Any]) -> Value:
        made: Any = None
        for _ in range(len(named) + 1):
            try:
                made = cls(*positional, **named)
                break
            except TypeError as error:
                # An option of a field class of the project that its own __init__ would have kept for itself.
                foreign = str(error).rpartition("unexpected keyword argument ")[2].strip("'")
                if foreign not in named:
                    return Unknown(f"{cls.__name__}: {error}")
                del named[foreign]
            except Exception as error:
                return Unknown(f"{cls.__name__}: {type(error).__name__}: {error}")
        return Real(made)

    def real_attribute(self, real: Real, name: str, at: Frame) -> Value | None:
        thing = real.object
        if name.startswith("_") and name != "__name__":
            return None
        if isinstance(thing, type) and thing.__name__ in ("Manager", "BaseManager", "QuerySet"):
            return ManagerClass(None).attribute(name, at)
        harmless = _is_harmless(thing if isinstance(thing, type) else type(thing))
        if not harmless:
            return None
        try:
            found = getattr(thing, name)
        except Exception:
            return None
        if isinstance(found, str | int | float | bool | None):
            return Known(found)
        return Real(found)

    def operate(self, name: str, left: Value, right: Value | None, at: Frame) -> Value | None:
        """Operators of conditions and expressions."""
        if not name:
            return None
        if isinstance(left, QuerySetValue) and isinstance(right, QuerySetValue):
            return self._combined(name, left, right)
        if isinstance(left, Real) and _has_operators(left.object):
            if isinstance(right, Unknown) and _is_condition(left.object):
                return Unknown("a condition put together with one that is not known", right.origin)
            others = [] if right is None else [concrete(right, at)]
            return self._operated(left.object, name, others)
        if (
            isinstance(right, Real)
            and _has_operators(right.object)
            and not name.startswith(("__e", "__n", "__l", "__g"))
        ):
            if isinstance(left, Unknown) and _is_condition(right.object):
                return Unknown("a condition put together with one that is not known", left.origin)
            return self._operated(right.object, name.replace("__", "__r", 1), [concrete(left, at)])
        return None

    @staticmethod
    def _combined(name: str, left: QuerySetValue, right: QuerySetValue) -> Value | None:
        try:
            return left.derive(getattr(left.qs, name)(right.qs), right.partial)
        except Exception as error:
            return Unknown(f"{type(error).__name__}: {error}")

    @staticmethod
    def _operated(thing: Any, name: str, others: Sequence[Any]) -> Value | None:
        method = getattr(thing, name, None)
        if method is None:
            return None
        try:
            result = method(*others)
        except Exception as error:
            return Unknown(f"{type(error).__name__}: {error}")
        return None if result is NotImplemented or isinstance(result, bool) else Real(result)

    # Models as values ------------------------------------------------------------------------------------------------------

    def model_attribute(self, model: ModelAdoption, name: str, at: Frame) -> Value | None:
        interpreter = self.interpreter
        if name in ("DoesNotExist", "MultipleObjectsReturned"):
            return Unknown(name)
        if name in ("_default_manager", "_base_manager"):
            return ManagerValue(
                self, model, self.default_manager(model) if name == "_default_manager" else ManagerTemplate(None, None)
            )
        if name == "_meta":
            return MetaValue(self, self.instance_of(model))
        owner = interpreter.find_in_class(model.cls, name)
        if owner is not None:
            value = interpreter.own_attribute(owner, name)
            if isinstance(value, ManagerTemplate):
                return ManagerValue(self, model, value)
            return self._foreign_manager(value, model) if name == "objects" or name.endswith("objects") else None
        if name == "objects":
            return ManagerValue(self, model, ManagerTemplate(None, None))
        return None

    def _foreign_manager(self, value: Value, model: ModelAdoption) -> Value | None:
        """A manager of a library that is not read behaves like Django's."""
        return ManagerValue(self, model, ManagerTemplate(None, None)) if isinstance(value, Unknown) else None

    def default_manager(self, model: ModelAdoption) -> ManagerTemplate:
        """The first manager of the class body or of an abstract parent's."""
        if "default manager" not in model.cls.kept:
            found = ManagerTemplate(None, None)
            for one in self.interpreter.mro(model.cls):
                managers = [
                    value
                    for name in self.interpreter.scope_of(one).bindings
                    if isinstance(value := self.interpreter.own_attribute(one, name), ManagerTemplate)
                ]
                if managers:
                    found = managers[0]
                    break
            model.cls.kept["default manager"] = found
        result: ManagerTemplate = model.cls.kept["default manager"]
        return result

    def new_instance(self, model: ModelAdoption, arguments: Arguments, at: Frame) -> Value:
        made = InstanceValue(self, model, new=True, origin=arguments.origin() if arguments.named else "argument")
        made.attributes.update(arguments.named)
        return made

    def instance_of(self, model: ModelAdoption) -> InstanceValue:
        return InstanceValue(self, model)

    def row_of(self, model: ModelAdoption, qs: Any, record: IssuedQuery | None) -> InstanceValue:
        return self.loaded_later.row(model, qs, record)

    def prefetched_to(self, instance: InstanceValue, name: str) -> Value | None:
        return instances.prefetched_to(instance, name)

    def instance_attribute(self, instance: InstanceValue, name: str, at: Frame) -> Value:
        return instances.attribute(self, instance, name, at)

    @cached_property
    def _by_real(self) -> dict[int, ModelAdoption]:
        return {id(a.real): a for a in self.models.values() if a.real is not None}

    def names_of_fields(self, real: Any) -> frozenset[str]:
        """The names of a model's fields and of the relations that point at it."""
        fields = real._meta.get_fields()  # the same tuple until the model changes
        kept = self._field_names.get(real)
        if kept is None or kept[0] is not fields:
            kept = self._field_names[real] = (fields, frozenset(field.name for field in fields))
        return kept[1]

    def adoption_of(self, real: Any) -> ModelAdoption | None:
        """The class of the project behind a real model."""
        found = self._by_real.get(id(real))
        if found is None and real is not None:
            found = StandIn(self, real)  # type: ignore[assignment]
            self._by_real[id(real)] = found  # type: ignore[assignment]
        return found

    def real_instance(self, model: ModelAdoption, origin: Origin, saved: bool = False) -> Any:
        """A real instance all of whose columns are tokens."""
        from django.db.models.base import ModelState

        real = model.real
        kept = self._columns.get((real, origin))
        if kept is None:
            columns = [f for f in real._meta.concrete_fields if not getattr(f, "generated", False)]
            kept = self._columns[(real, origin)] = {field.attname: Token(origin) for field in columns}
        made = real.__new__(real)  # without the cost of its constructor, and of the signals around it
        made.__dict__.update(kept)
        made._state = ModelState()
        if not saved:
            made.__dict__[real._meta.pk.attname] = None
        made._state.adding = not saved
        made._state.db = runtime.ALIAS
        return made

    # Issuing ---------------------------------------------------------------------------------------------------------------

    def issue(
        self,
        how: Issued,
        run: Callable[[], Any],
        at: Frame,
        model: ModelAdoption,
        made: Place | None,
        partial: str | None,
        consumer: str = "",
        relation: str | None = None,
        built: tuple[Place, ...] = (),
        owner: Place | None = None,
        mark: object = None,
        whole: bool = False,
    ) -> IssuedQuery | None:
        """Run something of Django's against the recording connection; every statement becomes a record of what happens here. What has the
        same ``mark`` is run once; what besides is asked for by the same lines, has the same records."""
        records: tuple[IssuedQuery, ...] | None = None
        if mark is not None:
            asked = (mark, how, model.label, made, partial, consumer, relation, built, owner, whole)
            records = self._records.get(asked)
        if records is None:
            if how == "delete":
                statements, unknown = self._recorded(self._deleting(run), mark)
            else:
                statements, unknown = self._recorded(run, mark)
            records = tuple(
                self._as_records(
                    statements, unknown, how, model, made, partial, consumer, relation, built, owner, whole
                )
            )
            if mark is not None:
                self._records[asked] = records
        for record in records:
            if record.sql is not None or not (record.unknown or "").startswith(_NOTHING_ISSUED):
                at.happened(record)
        return records[0]

    def _deleting(self, run: Callable[[], Any]) -> Callable[[], Any]:
        def delete() -> None:
            with unprotected(adoption.real for adoption in self.models.values() if adoption.real is not None):
                run()

        return delete

    def _recorded(self, run: Callable[[], Any], mark: object) -> Recorded:
        """The statements that running something issues, and why it came to no end."""
        found = self._statements.get(mark) if mark is not None else None
        if found is None:
            unknown = None
            with self.connection.recording() as statements:
                try:
                    run()
                except Exception as error:
                    unknown = f"{type(error).__name__}: {error}"
            unlike: dict[str, tuple[Any, ...]] = {}
            for sql, values in statements:  # a cascade asks for the same content type and the same rows again and again
                unlike.setdefault(sql, values)
            told = list(unlike.items())[:MOST_STATEMENTS]
            found = (tuple((sql, parameters(values)) for sql, values in told), unknown)
            if mark is not None:
                self._statements[mark] = found
        return found

    def _as_records(
        self,
        statements: tuple[tuple[str, tuple[Any, ...]], ...],
        unknown: str | None,
        how: Issued,
        model: ModelAdoption,
        made: Place | None,
        partial: str | None,
        consumer: str,
        relation: str | None,
        built: tuple[Place, ...],
        owner: Place | None,
        whole: bool,
    ) -> Iterator[IssuedQuery]:
        table = model.real._meta.db_table if model.real is not None else None
        common: dict[str, Any] = {
            "framework": "django",
            "made": made,
            "symbol": model.cls.name,
            "partial": partial,
            "consumer": consumer,
            "built": built,
            "owner": owner,
            "whole": whole,
        }
        if not statements:
            unknown = unknown or NO_STATEMENT
            yield IssuedQuery(issued_by=how, table=table, unknown=unknown, relation=relation, **common)
        for position, (sql, values) in enumerate(statements):
            yield IssuedQuery(
                issued_by=how if position == 0 or how != "rows" else "prefetch",
                table=table if position == 0 else None,
                sql=sql,
                parameters=values,
                relation=relation,
                **common,
            )

    def touch(self, instance: InstanceValue, field: Any, name: str, at: Frame, run: Callable[[], Any]) -> None:
        """A relation or a deferred column that was not loaded: Django fetches it now."""
        path = f"{instance.path}__{name}" if instance.path else name
        made = instance.record.made if instance.record is not None else None
        target = field.related_model if field.is_relation else instance.model.real
        adoption = self.adoption_of(target)
        if adoption is not None:
            mark = ("touch", instance.model.real, name)
            owner = instance.record.origin if instance.record is not None else None
            self.issue("relation", run, at, adoption, made, None, "touch", path, owner=owner, mark=mark)

    def touch_generic(self, instance: InstanceValue, name: str, at: Frame) -> None:
        """A row that a generic key leads to, of a table that only the row tells."""
        path = f"{instance.path}__{name}" if instance.path else name
        made, owner = (instance.record.made, instance.record.origin) if instance.record is not None else (None, None)
        unknown = "the table that a generic key leads to is not known"
        at.happened(
            IssuedQuery("django", "relation", made, relation=path, unknown=unknown, consumer="touch", owner=owner)
        )

    def raw(self, model: ModelAdoption, arguments: Arguments, at: Frame) -> Value:
        """``Model.objects.raw(sql)``."""
        record = self.raw_statement(arguments.first(), at, model.cls.name)
        return Items([], "list", InstanceValue(self, model, None, record, "", "row"))

    def raw_statement(self, text: Value | None, at: Frame, symbol: str | None) -> IssuedQuery:
        """SQL of the project's own. Of what a cursor executes the facts say where its text comes from, more exactly."""
        sql, unknown, injected = None, None, False
        if isinstance(text, Known) and isinstance(text.value, str):
            sql = text.value
        else:
            origin = origin_of(text) if text is not None else "unknown"
            injected = origin == "request" and symbol is not None
            unknown = f"SQL put together at run time ({text.describe() if text is not None else 'nothing'})"
        record = IssuedQuery("django", "raw", at.place, sql, (), symbol, None, None, unknown, request_text=injected)
        at.happened(record)
        return record

    def typed(self, value: Value, parameters: Sequence[Value], at: Frame) -> Value | None:
        """What an annotation with a class of Django's says: ``QuerySet[Order]``, ``HttpRequest``."""
        if isinstance(value, Library) and value.name.rpartition(".")[2] in (
            "HttpRequest",
            "WSGIRequest",
            "ASGIRequest",
        ):
            return known.RequestValue(self)
        if isinstance(value, Real) and getattr(value.object, "__name__", "") in ("QuerySet",) and parameters:
            adoption = self.interpreter.adoption(parameters[0]) if isinstance(parameters[0], ClassValue) else None
            if isinstance(adoption, ModelAdoption):
                return ManagerValue(self, adoption, ManagerTemplate(None, None)).queryset(at)
        return None

    # Tables ----------------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the real models, and stand-ins for those that relations name but nobody defines."""
        for made in dynamic_models(self):
            self.models.setdefault(made.label.lower(), made)
        for adoption in list(self.models.values()):
            adoption.real  # noqa: B018
        history_models(self)
        for cls, base in unread_models(self):
            self.problem(cls.module, cls.node.lineno, f"model {cls.name}: its base {base} is not read")
        for _ in range(3):
            missing = [
                key for key in self.registry._pending_operations if key not in self.registry.all_models.get(key[0], {})
            ]
            if not missing:
                break
            for label, name in sorted({(key[0], key[1]) for key in missing}):
                self._stand_in(label, name)
        self._look_again()
        self._give_managers()

    def _give_managers(self) -> None:
        """The real models get default managers that begin as the project's do: related managers and prefetching begin with those."""
        from django.db import models

        framework = self

        class DefaultManager(models.Manager):  # type: ignore[misc]
            def get_queryset(self) -> Any:
                rows = framework.default_rows(self.model)
                return rows if rows is not None else super().get_queryset()

        for adoption in self.models.values():
            template = self.default_manager(adoption)
            owner = self.interpreter.find_in_class(template.cls, "get_queryset") if template.cls is not None else None
            if adoption.real is None or not (template.scopes or (owner is not None and owner.module.owned)):
                continue
            manager = DefaultManager()
            manager.name, manager.model = "objects", adoption.real
            adoption.real._meta.default_manager = manager

    def default_rows(self, real: Any) -> Any:
        """What the default manager of a model gives, as far as it can be told; None where it cannot."""
        mark = ("default rows", real, self.interpreter.ambient)
        adoption = self.adoption_of(real)
        if mark not in self.built and adoption is not None:
            self.built[mark] = (None, None)  # asked for while it is being told
            with self.interpreter.unhurried():
                at = self.interpreter.frame(adoption.cls.module)
                found = ManagerValue(self, adoption, self.default_manager(adoption)).queryset(at)
                self.built[mark] = (getattr(found, "qs", None), None)
        rows = self.built[mark][0] if mark in self.built else None
        return rows._chain() if rows is not None else None

    def _look_again(self) -> None:
        """What was asked of the models while only some of them were made: a field that was asked for the model at its other end keeps the
        answer, which was the model's name then."""
        for models in self.registry.all_models.values():
            for real in models.values():
                options = real._meta
                for field in (*options.local_fields, *options.local_many_to_many, *options.private_fields):
                    if isinstance(field.__dict__.get("related_model"), str):
                        del field.related_model
                if "dbwright_names" in real.__dict__:
                    del real.dbwright_names
                options._expire_cache()

    def tables(self) -> Iterator[SourceTable]:
        """The tables of the models."""
        from dbwright.source.django.tables import read_tables

        return read_tables(self)

    def _stand_in(self, label: str, name: str) -> None:
        from django.db import models

        if name in self.registry.all_models[label]:
            return
        self.know_application(label, f"{label}.models")
        meta = type("Meta", (), {"app_label": label, "apps": self.registry, "managed": False})
        attributes = {"__module__": f"{label}.models", "Meta": meta, "dbwright_stand_in": True}
        models.base.ModelBase(name.title(), (models.Model,), attributes)


def _made_late(arguments: Arguments, at: Frame) -> Value:
    """``SimpleLazyObject(function)``: what the function gives, though later."""
    function = arguments.first()
    return at.call(function, Arguments()) if function is not None else Unknown("a lazy object of nothing")


def _lazy(arguments: Arguments, at: Frame) -> Value:
    """``lazy(function, str)``: a function that gives the same, though later."""
    return arguments.first() or Unknown("lazy of nothing")


_DEFERRED = {"django.utils.functional.SimpleLazyObject": _made_late, "django.utils.functional.lazy": _lazy}


class ManagerAdoption:
    """A manager class of the project."""

    label = None

    def __init__(
        self, django: Django, cls: ClassValue, queryset_cls: ClassValue | None, scopes: tuple[str, ...] = ()
    ) -> None:
        self.django = django
        self.cls = cls
        self.queryset_cls = queryset_cls
        self.scopes = scopes

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        if name == "from_queryset":
            return Native(name, self._from_queryset)
        return None

    def _from_queryset(self, arguments: Arguments, at: Frame) -> Value:
        first = arguments.first()
        queryset_cls = first if isinstance(first, ClassValue) else None
        return Native("manager class", lambda later, frame: ManagerTemplate(self.cls, queryset_cls))

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return ManagerTemplate(self.cls, self.queryset_cls, self.scopes)

    def typed(self, at: Frame) -> Value:
        """On the first model that has a manager of this class."""
        for model in self.django.models.values():
            if self.django.default_manager(model).cls is self.cls:
                return ManagerValue(self.django, model, ManagerTemplate(self.cls, self.queryset_cls, self.scopes))
        return Unknown(f"a {self.cls.name} of a model that is not known")


class QuerySetAdoption:
    """A queryset class of the project."""

    label = None

    def __init__(self, django: Django, cls: ClassValue) -> None:
        self.django = django
        self.cls = cls

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        if name == "as_manager":
            return Native(name, lambda arguments, frame: ManagerTemplate(None, self.cls))
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        """``OrderQuerySet(self.model, using=self._db)``."""
        model = arguments.get(0, "model")
        adoption = self.django.interpreter.adoption(model) if isinstance(model, ClassValue) else None
        if not isinstance(adoption, ModelAdoption):
            return Unknown(f"a {self.cls.name} of a model that is not known")
        return ManagerValue(self.django, adoption, ManagerTemplate(None, self.cls)).base_queryset(at)

    def typed(self, at: Frame) -> Value:
        for model in self.django.models.values():
            template = self.django.default_manager(model)
            if template.queryset_cls is self.cls:
                return ManagerValue(self.django, model, ManagerTemplate(None, self.cls)).base_queryset(at)
        return Unknown(f"a {self.cls.name} of a model that is not known")


class StandIn:
    """A model that Django made itself (a many-to-many table) or whose class is not read."""

    def __init__(self, django: Django, real: Any) -> None:
        import ast

        self.django = django
        self.real = real
        self.label = real._meta.label
        node = ast.ClassDef(real.__name__, [], [], [], [])
        module = Module(real.__module__, Path(), "", "code", ast.Module([], []), owned=False)
        self.cls = ClassValue(node, module)
        self.cls.kept["adoption"] = self

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return self.django.model_attribute(self, name, at)  # type: ignore[arg-type]

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return self.django.new_instance(self, arguments, at)  # type: ignore[arg-type]

    def typed(self, at: Frame) -> Value:
        return self.django.instance_of(self)  # type: ignore[arg-type]


class SettingsValue(Value):
    """``django.conf.settings``."""

    __slots__ = ("applications",)

    def __init__(self, applications: Applications) -> None:
        self.applications = applications

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "AUTH_USER_MODEL":
            return Known(self.applications.user_label)
        if name == "DEBUG":  # as in production: what stands under it is nobody's to wait for
            return Known(False)
        return self.applications.setting(name)

    def key(self) -> object:
        return ("settings",)


class Registry(Value):
    """``django.apps.apps``."""

    __slots__ = ("django",)

    def __init__(self, django: Django) -> None:
        self.django = django

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "get_model":
            return Native(name, self._get_model)
        return Unknown(f"apps.{name}")

    def _get_model(self, arguments: Arguments, at: Frame) -> Value:
        parts = [v.value for v in arguments.every() if isinstance(v, Known) and isinstance(v.value, str)]
        return self.django.model_named(".".join(parts)) or Unknown("a model of a name that is not known")

    def key(self) -> object:
        return ("apps",)


def classes_of(module: Module, interpreter: Interpreter) -> Iterator[ClassValue]:
    """The classes at a module's top level, conditions included."""
    import ast

    for bindings in module.scope.bindings.values():
        for binding in bindings:
            if isinstance(binding, ast.ClassDef):
                yield interpreter.class_of(binding, module, None)


_OF_VALUES = ("Coalesce", "Concat", "Greatest", "Least", "NullIf", "Round", "Left", "Right", "Power")


def values_of_expressions(cls: type, positional: list[Any], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Where an expression takes a value beside columns, a token is one: Django would take its text for the name of a column."""
    from django.db.models import Value as Literal

    def literal(value: Any) -> Any:
        return Literal(value) if isinstance(value, Token) else value

    if cls.__name__ in _OF_VALUES:
        positional = [*positional[:1], *map(literal, positional[1:])]
    return positional, {name: literal(v) if name in ("then", "default") else v for name, v in named.items()}


def field_arguments(cls: type, positional: list[Any], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of a field in which a token would do harm are replaced or left out."""
    from django.db import models

    relation = issubclass(cls, models.ForeignObject | models.ManyToManyField)
    if not relation:
        positional = ["" if isinstance(value, Token) else value for value in positional]
    for name in (
        "choices",
        "max_length",
        "db_index",
        "unique",
        "null",
        "blank",
        "primary_key",
        "db_column",
        "max_digits",
        "decimal_places",
        "related_name",
        "related_query_name",
        "limit_choices_to",
        "editable",
        "auto_now",
        "auto_now_add",
        "validators",
        "storage",
        "db_constraint",
        "symmetrical",
        "db_tablespace",
        "db_collation",
        "srid",
        "through",
        "unique_for_date",
        "size",
        "encoder",
        "decoder",
    ):
        if name in named and _is_unfit(name, named[name]):
            del named[name]
    if isinstance(named.get("default"), Token):
        from dbwright.source.django.real import placeholder

        named["default"] = placeholder
    if relation and not issubclass(cls, models.ManyToManyField):
        if not callable(named.get("on_delete", positional[1] if len(positional) > 1 else None)):
            named["on_delete"] = models.DO_NOTHING
            positional = positional[:1]
    return positional, named


def _is_unfit(name: str, value: Any) -> bool:
    if isinstance(value, Token):
        return True
    if name == "choices":
        return value is not None and not (
            isinstance(value, list | tuple) and all(isinstance(one, list | tuple) and len(one) == 2 for one in value)
        )
    if name == "storage":
        return True  # where files lie is nothing to the database, and Django would call it
    if name in ("encoder", "decoder"):
        return value is not None and not callable(value)
    if name in ("max_length", "max_digits", "decimal_places"):
        return callable(value)  # what a class computes when it is asked
    return name == "validators" and not isinstance(value, list | tuple)


def _is_operation(cls: type) -> bool:
    from django.db.migrations.operations.base import Operation

    return issubclass(cls, Operation)


def _is_harmless(cls: Any) -> bool:
    from django.core import validators
    from django.db import models
    from django.db.models import constraints, expressions, lookups, query, query_utils

    known = (
        models.Field,
        models.Index,
        constraints.BaseConstraint,
        constraints.Deferrable,
        expressions.BaseExpression,
        expressions.F,
        expressions.Combinable,
        lookups.Lookup,
        query.Prefetch,
        query_utils.Q,
        models.FilteredRelation,
        models.Choices,
        validators.BaseValidator,
        validators.RegexValidator,
        validators.DecimalValidator,
        validators.FileExtensionValidator,
    )
    if not isinstance(cls, type):
        return False
    if issubclass(cls, known) or _is_operation(cls):
        return True
    return cls.__module__.startswith(HARMLESS) and cls.__name__ in (
        "GenericForeignKey",
        "CompositePrimaryKey",
        "OrderedSet",
        "WindowFrame",
        "SearchQuery",
        "OpClass",
        "RangeOperators",
        "RangeBoundary",
        "When",
        "NotUpdated",
    )


def _has_operators(thing: Any) -> bool:
    from django.db.models import expressions, query_utils

    return isinstance(thing, query_utils.Q | expressions.Combinable)


def _is_condition(thing: Any) -> bool:
    from django.db.models import query_utils

    return isinstance(thing, query_utils.Q)
