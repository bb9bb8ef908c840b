"""What the stubs of Django and of what is built on it import from ``django.dbwright``: questions about classes, models and values that
plain Python of the interpreter cannot ask, and the request."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dbwright.source.django.querysets import InstanceValue, ManagerTemplate, ManagerValue, QuerySetValue, loads
from dbwright.source.interpreter import decorator_names, is_stub
from dbwright.source.tokens import UNKNOWN_NUMBER
from dbwright.source.values import (
    Arguments,
    Bound,
    ClassValue,
    Function,
    Instance,
    Items,
    Known,
    KnownMethod,
    Library,
    Mapping,
    MappingMethod,
    Native,
    Real,
    Union,
    Unknown,
    Value,
    alternatives,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.interpreter import Frame
    from dbwright.source.modules import Module

PREFIX = "django.dbwright."


def value(django: Django, name: str) -> Value | None:
    """The value of a name of ``django.dbwright``. ``of_the_class`` marks a method that the class alone decides, not the object: the
    interpreter walks it once for all objects."""
    function = _FUNCTIONS.get(name)
    return Native(name, lambda arguments, at: function(django, arguments, at)) if function is not None else None


# The request ---------------------------------------------------------------------------------------------------------------


class RequestValue(Value):
    """The user's request. Its user is a row of the user model; what the project puts on it elsewhere is looked up there."""

    __slots__ = ("assigned", "django", "users")

    def __init__(self, django: Django) -> None:
        self.django = django
        self.assigned: dict[str, Value] = {}
        self.users: dict[int, Value] = {}

    def attribute(self, name: str, at: Frame) -> Value:
        if name in self.assigned:
            return self.assigned[name]
        if name in ("user", "auser"):
            mark = at.summary.number
            if mark not in self.users:
                self.users[mark] = user(self.django)
            user_value = self.users[mark]
            return user_value if name == "user" else Native(name, lambda arguments, frame: user_value)
        if name == "_request":
            return self
        if name in _OF_EVERY_REQUEST:
            return Unknown(f"request.{name}", "request")
        return assigned_to_request(self.django, name, at)

    def assign(self, name: str, value: Value, at: Frame) -> None:
        self.assigned[name] = value
        self.django.put_on_request.setdefault(name, []).append(value)

    def key(self) -> object:
        return ("request", tuple((name, one.key()) for name, one in self.assigned.items()))

    def describe(self) -> str:
        return "the request"

    def truth(self) -> bool | None:
        return True


_OF_EVERY_REQUEST = frozenset(
    "GET POST FILES COOKIES META body path path_info method headers session content_type scheme data query_params auth resolver_match "
    "encoding is_ajax get_host build_absolute_uri is_secure get_full_path accepted_renderer version parser_context site "
    "csrf_processing_done "
    "LANGUAGE_CODE urlconf".split()
)


def user(django: Django) -> Value:
    """The user who sends a request."""
    cls = django.model_named(django.applications.user_label)
    adoption = django.interpreter.adoption(cls) if cls is not None else None
    if adoption is None:
        return Unknown("request.user", "request")
    return InstanceValue(django, adoption, origin="request")  # type: ignore[arg-type]


def assigned_to_request(django: Django, name: str, at: Frame) -> Value:
    """``request.name = …`` somewhere in the project (a middleware, a decorator): what it is, as a row that is there already."""
    kept: dict[str, Value] = django.request_attributes
    if name not in kept:
        kept[name] = Unknown(f"request.{name}", "request")
        for function, receiver in django.request_assignments.get(name, ())[:4]:
            arguments = django.interpreter.entry_arguments(function, receiver)
            django.interpreter.call_function(function, receiver, arguments, at, quiet=True)
            told = [one for given in django.put_on_request.get(name, ()) for one in alternatives(given)]
            rows = [one for one in told if isinstance(one, InstanceValue)]
            if rows:
                break
        else:
            rows = []
        models = {one.model.label: one.model for one in rows}
        if models:
            kept[name] = union(InstanceValue(django, model, origin="request") for model in models.values())
    found = kept[name]
    if isinstance(found, InstanceValue):  # what is touched on it in one function is not loaded in another
        return InstanceValue(django, found.model, origin="request")
    return found


_ASSIGNMENT = re.compile(rb"\brequest\.[a-z_]\w*\s*(?::[^=\n]+)?=[^=]")


def request_assignments(django: Django) -> dict[str, list[tuple[Function, Value | None]]]:
    """The functions that put something on a request, by the name of the attribute."""
    found: dict[str, list[tuple[Function, Value | None]]] = {}
    for module in django.interpreter.codebase.modules:
        if module.role != "code":
            continue
        try:
            if not _ASSIGNMENT.search(module.path.read_bytes()):
                continue
        except OSError:
            continue
        for function, receiver in _functions(django, module, module.tree.body, None):
            for node in ast.walk(function.node):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_request(node.value):
                    found.setdefault(node.attr, []).append((function, receiver))
    return found


def _is_request(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "request") or (
        isinstance(node, ast.Attribute) and node.attr == "request"
    )


def _functions(
    django: Django, module: Module, body: list[ast.stmt], owner: ClassValue | None
) -> Iterator[tuple[Function, Value | None]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(django, module, node.body, django.interpreter.class_of(node, module, None))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            static = "staticmethod" in decorator_names(node)
            inner = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            if inner and owner is None:
                yield from _functions(django, module, list(inner), None)
            else:
                yield Function(node, module, None, owner), Instance(owner) if owner is not None and not static else None


# Questions -----------------------------------------------------------------------------------------------------------------


def _option(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``option(thing, name, default)``: an attribute where the class or the object really has it, else the default."""
    thing, name = arguments.positional[0], arguments.positional[1]
    default = arguments.positional[2] if len(arguments.positional) > 2 else Known(None)
    if not (isinstance(name, Known) and isinstance(name.value, str)):
        return default
    found = []
    for one in alternatives(thing):
        cls = one if isinstance(one, ClassValue) else getattr(one, "cls", None)
        has = isinstance(one, Instance) and name.value in one.attributes
        if has or (isinstance(cls, ClassValue) and django.interpreter.find_in_class(cls, name.value) is not None):
            value = one.attribute(name.value, at)
            found.append(default if isinstance(value, Unknown) and not has else value)
        elif isinstance(one, Mapping):
            found.append(one.items.get(name.value, default))
        else:
            found.append(default)
    return union(found) if found else default


def _has(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``has(thing, name)``: whether its class, a class of the project's or a stub's, binds the name."""
    thing, name = arguments.positional[0], arguments.positional[1]
    cls = thing if isinstance(thing, ClassValue) else getattr(thing, "cls", None)
    if not (isinstance(cls, ClassValue) and isinstance(name, Known)):
        return Known(False)
    return Known(django.interpreter.find_in_class(cls, str(name.value)) is not None)


def _declared(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``declared(thing, Base)``: the attributes of its class that are objects of a class below Base, in the order in which they stand."""
    thing, base = arguments.positional[0], arguments.positional[1]
    found = Mapping()
    cls = thing if isinstance(thing, ClassValue) else getattr(thing, "cls", None)
    if not isinstance(cls, ClassValue) or not isinstance(base, ClassValue):
        return found
    mark = f"declared:{base.qualified_name}"
    if mark not in cls.kept:
        kept: dict[str, Value] = {}
        for one in reversed(django.interpreter.mro(cls)):
            for name in django.interpreter.scope_of(one).bindings:
                value = django.interpreter.own_attribute(one, name)
                if isinstance(value, Instance) and base in django.interpreter.mro(value.cls):
                    kept[name] = value
                elif name in kept:
                    del kept[name]
        cls.kept[mark] = kept
    found.items.update(cls.kept[mark])
    return found


def _methods_named(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``marked(thing, name)``: the methods of its class whose decorator has the last name given: ``action``, ``display``."""
    thing, name = arguments.positional[0], arguments.positional[1]
    cls = thing if isinstance(thing, ClassValue) else getattr(thing, "cls", None)
    found: list[Value] = []
    if isinstance(cls, ClassValue) and isinstance(name, Known):
        for one in django.interpreter.mro(cls):
            for node in one.node.body:
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if any(d.rpartition(".")[2] == name.value for d in decorator_names(node)):
                    found.append(thing.attribute(node.name, at))
    return Items(found)


def _resolvers(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``resolvers(type)``: the functions of a GraphQL type of the project that give its fields. Those that say what is to be loaded for
    them (``resolver_hints``) are left out."""
    cls = getattr(arguments.positional[0], "cls", None)
    found: dict[str, Value] = {}
    for one in django.interpreter.mro(cls) if isinstance(cls, ClassValue) else ():
        for node in one.node.body if one.module.owned else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("resolve_"):
                hinted = any("hints" in name for name in decorator_names(node))
                found.setdefault(node.name, Known(None) if hinted else Function(node, one.module, one.closure, one))
    return Items([one for one in found.values() if isinstance(one, Function)])


def _selected(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``selected(model)``: rows that a query outside of the project's code chose, with nothing loaded along."""
    model = _model_of(arguments.positional[0], django)
    if model is None:
        return Items([])
    base = ManagerValue(django, model, ManagerTemplate(None, None)).base_queryset(at)
    if isinstance(base, QuerySetValue):
        base.chosen_by_graphql(at)
    return base


def _model_of(value: Value, django: Django) -> Any:
    """What is known of the model that a value is, or is of."""
    if isinstance(value, Union):
        return next((m for m in (_model_of(one, django) for one in value.members) if m is not None), None)
    if isinstance(value, ClassValue):
        adoption = django.interpreter.adoption(value)
        return adoption if getattr(adoption, "real", None) is not None else None
    model = getattr(value, "model", None)
    return model if getattr(model, "real", None) is not None else None


def _model(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``model_of(thing)``: the class of a model, a manager, a queryset, a row or a label; None for anything else."""
    first = arguments.positional[0]
    if isinstance(first, Known) and isinstance(first.value, str):
        return django.model_named(first.value) or Known(None)
    model = _model_of(first, django)
    return model.cls if model is not None else Known(None)


def _model_fields(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``model_fields(model)``: each field as a mapping of name, kind (column, one, many, back), model, null, unique, choices, key
    and editable."""
    model = _model_of(arguments.positional[0], django)
    fields = model.real._meta.get_fields() if model is not None and model.real is not None else ()
    return Items([_described(django, field) for field in fields])


def _model_field(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``model_field(model, "a__b")``: the field at the end of a path, or None."""
    model, path = _model_of(arguments.positional[0], django), arguments.positional[1]
    if model is None or not (isinstance(path, Known) and isinstance(path.value, str)):
        return Known(None)
    from dbwright.source.django.instances import _field_named

    real, field = model.real, None
    for part in path.value.split("__"):
        field = (
            None if real is None or isinstance(real, str) else (_field_named(real, part) or _query_named(real, part))
        )
        if field is None:
            return Known(None)
        real = field.related_model
    return _described(django, field)


def _query_named(real: Any, name: str) -> Any:
    try:
        return real._meta.get_field(name)
    except Exception:
        return None


def _described(django: Django, field: Any) -> Value:
    related = field.related_model if field.is_relation else None
    adoption = django.adoption_of(related) if related is not None and not isinstance(related, str) else None
    back = field.auto_created and not field.concrete
    many = bool(field.one_to_many or field.many_to_many)
    kind = "column" if not field.is_relation else "many" if many else "back" if back else "one"
    name = (field.get_accessor_name() or "") if back else field.name
    choices = getattr(field, "choices", None)
    described: dict[str, Value] = {
        "name": Known(name),
        "query_name": Known(field.name),
        "kind": Known(kind),
        "reverse": Known(bool(back)),
        "model": adoption.cls if adoption is not None else Known(None),
        "null": Known(bool(getattr(field, "null", False))),
        "unique": Known(bool(getattr(field, "unique", False)) and not getattr(field, "primary_key", False)),
        "choices": Known(bool(choices)),
        "key": Known(bool(getattr(field, "primary_key", False))),
        "editable": Known(bool(getattr(field, "editable", True)) and not back),
        "class": Known(field.get_internal_type() if hasattr(field, "get_internal_type") else type(field).__name__),
    }
    return Mapping(described)


def _unique_together(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``unique_together(model)``: lists of names of fields that are unique together, constraints included."""
    model = _model_of(arguments.positional[0], django)
    found: list[Value] = []
    if model is not None:
        groups = [*model.real._meta.unique_together]
        groups += [c.fields for c in model.real._meta.constraints if getattr(c, "fields", None)]
        found = [Items([Known(name) for name in group]) for group in groups]
    return Items(found)


def _queryset_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``queryset_of(thing)``: the queryset of a model, a manager, a queryset; None for anything else."""
    found: list[Value] = []
    for one in alternatives(arguments.positional[0]):
        if isinstance(one, QuerySetValue):
            found.append(one)
        elif isinstance(one, ManagerValue):
            found.append(one.queryset(at))
        elif isinstance(one, Real) and isinstance(one.object, type):
            continue
        else:
            model = _model_of(one, django) if isinstance(one, ClassValue) else None
            if model is not None:
                found.append(ManagerValue(django, model, django.default_manager(model)).queryset(at))
    return union(found) if found else Known(None)


def _is_queryset(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``is_queryset(thing)``: whether every alternative is a queryset or a manager."""
    return Known(all(isinstance(one, QuerySetValue | ManagerValue) for one in alternatives(arguments.positional[0])))


def _alternatives(django: Django, arguments: Arguments, at: Frame) -> Value:
    return Items(list(alternatives(arguments.positional[0])))


def _one_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``one_of(list)``: any of them; unlike a join of branches it keeps them all."""
    first = arguments.positional[0]
    members: dict[object, Value] = {}
    for item in first.items if isinstance(first, Items) else ():
        for one in alternatives(item):
            members.setdefault(one.key(), one)
    chosen = tuple(members.values())
    return Unknown("one of nothing") if not chosen else chosen[0] if len(chosen) == 1 else Union(chosen)


def _unknown(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``unknown(what)``: a value that comes with the request."""
    first = arguments.first()
    return Unknown(str(first.value) if isinstance(first, Known) else "a value", "request")


def _of_a_row(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``of_a_row(what)``: a value of the row at hand."""
    return Unknown(str(getattr(arguments.first(), "value", "a value")), "row")


def _something(django: Django, arguments: Arguments, at: Frame) -> Value:
    return Unknown("a value of the framework's")


def _known(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``is_known(thing)``: whether anything is known of it."""
    return Known(not all(isinstance(one, Unknown | Library) for one in alternatives(arguments.positional[0])))


def is_callable(value: Value) -> bool:
    return isinstance(value, Function | Bound | Native | MappingMethod | KnownMethod)


def step(value: Value, name: str, at: Frame) -> Value:
    """``value.name`` as templates and serializers mean it: key, attribute or position; what can be called is called."""
    found: list[Value] = []
    for one in alternatives(value):
        if isinstance(one, Mapping) and (name in one.items or name not in ("items", "keys", "values")):
            inner = one.item(Known(name), at)
        elif name.isdigit() and not isinstance(one, Instance | InstanceValue):
            inner = one.item(Known(int(name)), at)
        elif isinstance(one, InstanceValue | ManagerValue) and name in _ALTERS:
            inner = Unknown(f"{name} is not called from a template")
        else:
            inner = one.attribute(name, at)
        found += [each.call(Arguments(), at) if is_callable(each) else each for each in alternatives(inner)]
    return union(found)


_ALTERS = frozenset(
    ("save", "delete", "create", "update", "add", "remove", "clear", "set", "bulk_create", "bulk_update")
)


def follow(value: Value, path: str, at: Frame) -> Value:
    for part in path.split("."):
        value = step(value, part, at)
    return value


def _follow(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``follow(thing, "a.b.c")``."""
    thing, path = arguments.positional[0], arguments.positional[1]
    if isinstance(path, Known) and isinstance(path.value, str):
        return follow(thing, path.value.replace("__", "."), at)
    return Unknown("a path that is not known")


def show(value: Value, at: Frame) -> None:
    """A value becomes text: a row by its ``__str__``, a list by that of its elements."""
    for one in alternatives(value):
        cls = getattr(one, "cls", None)
        if (isinstance(one, Instance) or hasattr(one, "row_of")) and isinstance(cls, ClassValue):
            if at.interpreter.find_in_class(cls, "__str__") is not None:
                one.attribute("__str__", at).call(Arguments(), at)
        elif isinstance(one, QuerySetValue):
            with_rows = at.iterate(one)
            from dbwright.source.interpreter import rows_of

            with at.loop(rows_of(one)):
                show(with_rows, at)


def _show(django: Django, arguments: Arguments, at: Frame) -> Value:
    show(arguments.positional[0], at)
    return Unknown("text")


def _call_if_callable(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``called(thing, …)``: the result of calling what can be called, else the thing itself."""
    thing, rest = arguments.positional[0], Arguments(list(arguments.positional[1:]))
    return union(
        one.call(rest, at) if is_callable(one) or isinstance(one, ClassValue) else one for one in alternatives(thing)
    )


def _is_callable(django: Django, arguments: Arguments, at: Frame) -> Value:
    return Known(any(is_callable(one) for one in alternatives(arguments.positional[0])))


def _made(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``made(Class, name=…)``: an object of a class with these attributes, without its ``__init__``."""
    cls = arguments.first()
    made = Instance(cls) if isinstance(cls, ClassValue) else Unknown("an object")
    if isinstance(made, Instance):
        made.attributes.update(arguments.named)
    return made


def _new_row(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``a_row(model)``: a row of which nothing but the model is known; ``a_new(model)``: one that is not saved yet."""
    model = _model_of(arguments.positional[0], django)
    return InstanceValue(django, model, origin="request") if model is not None else Unknown("a row", "request")


def _a_new(django: Django, arguments: Arguments, at: Frame) -> Value:
    model = _model_of(arguments.positional[0], django)
    return (
        InstanceValue(django, model, origin="request", new=True) if model is not None else Unknown("a row", "request")
    )


def _registered(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``registered(admin)``: the models that an admin class is registered for."""
    thing = arguments.positional[0]
    cls = thing if isinstance(thing, ClassValue) else getattr(thing, "cls", None)
    found: list[Value] = []
    for model, admin in django.registered_admins:
        if admin is not None and isinstance(cls, ClassValue) and admin.node is cls.node:
            found.append(model)
    return union(found) if found else Unknown("the model of an admin class that is not registered")


def registered_admins(django: Django) -> list[tuple[ClassValue, ClassValue | None]]:
    """Models with the admin classes that ``register`` gives them; None for Django's own."""
    found: list[tuple[ClassValue, ClassValue | None]] = []
    for module in django.interpreter.codebase.modules:
        if module.role != "code" or "admin" not in module.file:
            continue
        frame = django.frame(module)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and _named(decorator.func, "register"):
                        cls = django.interpreter.class_of(node, module, None)
                        found += [(model, cls) for model in _models(django, decorator.args, frame)]
            elif isinstance(node, ast.Call) and _named(node.func, "register") and node.args:
                given = node.args[1] if len(node.args) > 1 else None
                given = given or next((k.value for k in node.keywords if k.arg == "admin_class"), None)
                admin = frame.evaluate(given) if given is not None else None
                if admin is None or isinstance(admin, ClassValue):
                    first = node.args[0]
                    models = first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
                    found += [(model, admin) for model in _models(django, models, frame)]
    return found


def _named(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)


def _models(django: Django, nodes: list[ast.expr], frame: Frame) -> Iterator[ClassValue]:
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute | ast.Call):
            value = frame.evaluate(node)
            if isinstance(value, ClassValue) and _model_of(value, django) is not None:
                yield value


def _render(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``render(names, context, request)``: the template of one of these names is walked."""
    from dbwright.source.django.templates import render

    names, context = arguments.positional[0], arguments.positional[1]
    request = arguments.positional[2] if len(arguments.positional) > 2 else RequestValue(django)
    render(django, names, context, request, at)
    return Unknown("a response")


def _request(django: Django, arguments: Arguments, at: Frame) -> Value:
    return RequestValue(django)


def _template_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``template_of(name, thing, suffix)``: the name where there is one, else what generic views make of the model:
    ``shop/order_list.html``."""
    name, thing, suffix = arguments.positional[:3]
    names: list[Value] = [one for one in alternatives(name) if isinstance(one, Known) and isinstance(one.value, str)]
    model = _model_of(thing, django)
    if model is not None and isinstance(suffix, Known):
        names.append(Known(f"{model.real._meta.app_label}/{model.real._meta.model_name}{suffix.value}.html"))
    return Items(names)


def _class_with(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``class_with(Base, name=…)``: a class below Base with these attributes."""
    base = arguments.positional[0]
    base = next((one for one in alternatives(base) if isinstance(one, ClassValue)), base)
    if not isinstance(base, ClassValue):
        return Unknown("a class made of one that is not known")
    return django.interpreter.made_class(Known(base.name), Items([base]), Mapping(dict(arguments.named)), at)


def _chosen(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``chosen(name, names, excluded)``: whether a form or serializer with these ``fields`` and this ``exclude`` has the field."""
    name, names, excluded = (_texts(one) for one in arguments.positional[:3])
    if excluded is not None and name and name[0] in excluded:
        return Known(False)
    return Known(names is None or "__all__" in names or bool(name and name[0] in names))


def _texts(value: Value) -> list[str] | None:
    """The texts that a value holds; None for None and for what is not known."""
    found: list[str] = []
    told = False
    for one in alternatives(value):
        if isinstance(one, Items) and one.rest is not None:
            return None
        inner = (
            one.items if isinstance(one, Items) else list(map(Known, one.items)) if isinstance(one, Mapping) else [one]
        )
        told = told or isinstance(one, Items | Mapping)
        for text in inner:
            if isinstance(text, Known) and isinstance(text.value, str):
                told = True
                found.append(text.value)
    return found if told else None


def _choices_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``choices_of(thing)``: the queryset of a model, a manager, a queryset, whose rows a field or a filter offers to choose from."""
    return union(
        one.as_choices() if isinstance(one, QuerySetValue) else one
        for one in alternatives(_queryset_of(django, arguments, at))
    )


def _joins(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``joins(queryset)``: whether it was told to load relations along by ``select_related``."""
    found = {
        bool(one.qs.query.select_related)
        for one in alternatives(arguments.positional[0])
        if isinstance(one, QuerySetValue)
    }
    return Known(found.pop()) if len(found) == 1 else Unknown("whether select_related was called")


def _page_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``page_of(list, size, first)``: that many of its elements: the first ones, which Django asks for without an OFFSET, or those from
    some position on; only the first ones when ``first`` is true."""
    thing, size = arguments.positional[:2]
    starts = (0,) if len(arguments.positional) > 2 else (0, UNKNOWN_NUMBER)
    count = size.value if isinstance(size, Known) and isinstance(size.value, int) else UNKNOWN_NUMBER
    found: list[Value] = []
    for one in alternatives(thing):
        one = one.queryset(at) if isinstance(one, ManagerValue) else one
        if not isinstance(one, QuerySetValue):
            found.append(one)
            continue
        for start in starts:
            qs = one.qs._chain()
            qs.query.set_limits(start, start + count)
            found.append(one.derive(qs))
    return union(found)


def _first_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``first_of(value, n)``: as many of its alternatives as n says (or as n has), querysets that load other relations before those that
    load the same; ``rest_of``: the others, as a list."""
    return _one_of(django, Arguments([Items(list(_split(arguments)[0]))]), at)


def _rest_of(django: Django, arguments: Arguments, at: Frame) -> Value:
    return Items(list(_split(arguments)[1]))


def _split(arguments: Arguments) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    members, by = alternatives(arguments.positional[0]), arguments.positional[1]
    if not isinstance(by, Known) or not isinstance(by.value, int):
        return members[: len(alternatives(by))], members[len(alternatives(by)) :]
    differing: dict[object, Value] = {}
    for member in members:
        differing.setdefault(loads(member.qs) if isinstance(member, QuerySetValue) else member.key(), member)
    chosen = set(map(id, differing.values()))
    ordered = (*differing.values(), *(member for member in members if id(member) not in chosen))
    return ordered[: by.value], ordered[by.value :]


def _is_stubs(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``is_stubs(thing, name)``: whether the project leaves the method as the framework has it."""
    thing, name = arguments.positional[:2]
    cls = getattr(thing, "cls", None)
    owner = django.interpreter.find_in_class(cls, str(getattr(name, "value", ""))) if cls is not None else None
    return Known(owner is None or is_stub(owner.module))


def _drf_setting(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``drf_setting(name, default)``: an entry of ``REST_FRAMEWORK``; classes that are named there are looked up."""
    name, default = arguments.positional[:2]
    for one in alternatives(django.applications.setting("REST_FRAMEWORK")):
        if isinstance(one, Mapping) and isinstance(name, Known) and name.value in one.items:
            return _looked_up(django, one.items[name.value])
    return default


def _looked_up(django: Django, value: Value) -> Value:
    if isinstance(value, Items):
        return Items([_looked_up(django, one) for one in value.items])
    if isinstance(value, Known) and isinstance(value.value, str) and "." in value.value:
        module, _, last = value.value.rpartition(".")
        return django.interpreter.name_in(module, last)
    return value


def _field_names(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``field_names(model, fields, excluded)``: the names of the fields that a serializer of a model has."""
    model = _model_of(arguments.positional[0], django)
    names, excluded = _texts(arguments.positional[1]), _texts(arguments.positional[2]) or []
    if names is None or "__all__" in names:
        names = _default_field_names(model.real._meta) if model is not None else []
    kept: list[Value] = [Known(name) for name in dict.fromkeys(names) if name not in excluded]
    return Items(kept[:80])


def _default_field_names(meta: Any) -> list[str]:
    """Not what leads here from another model, nor a generic relation."""
    fields = (meta.pk, *meta.fields, *meta.many_to_many)
    return [field.name for field in fields if field.serialize or field is meta.pk]


def _named_items(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``lookups(fields)``: pairs of field and lookup of a filter's ``fields``: names, or names with their lookups."""
    found: list[Value] = []
    for one in alternatives(arguments.positional[0]):
        if isinstance(one, Items):
            found += [Items([item, Known("exact")], "tuple") for item in one.items if isinstance(item, Known)]
        elif isinstance(one, Mapping):
            for name, given in one.items.items():
                found += [Items([Known(name), Known(text)], "tuple") for text in _texts(given) or ()]
    return Items(found[:60])


def _rows(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``rows(thing)``: what is walked over: a manager's rows, else the thing itself."""
    return union(
        one.queryset(at) if isinstance(one, ManagerValue) else one for one in alternatives(arguments.positional[0])
    )


def _admin_ordering(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``admin_ordering(model, queryset, ordering)``: what a change list is ordered by; the key is added unless the order is total."""
    model, queryset, given = arguments.positional[:3]
    names = _texts(given) or []
    described = _model_of(model, django)
    for one in alternatives(queryset):
        if not names and isinstance(one, QuerySetValue):
            names = [name for name in one.qs.query.order_by if isinstance(name, str)]
    if not names and described is not None:
        names = [name for name in described.real._meta.ordering if isinstance(name, str)]
    if described is not None:
        unique = {"pk", *(f.name for f in described.real._meta.concrete_fields if f.unique and not f.null)}
        if not any(name.lstrip("-+") in unique for name in names):
            names.append("-pk")
    return Items([Known(name) for name in names])


def _leads_to(django: Django, arguments: Arguments, at: Frame) -> Value:
    """``leads_to(field, thing)``: whether a field of ``model_fields`` is a key to the model of a thing."""
    field, thing = arguments.positional[:2]
    target = field.items.get("model") if isinstance(field, Mapping) else None
    model = _model_of(thing, django)
    is_one = isinstance(field, Mapping) and field.items["kind"] == Known("one")
    return Known(is_one and isinstance(target, ClassValue) and model is not None and target.node is model.cls.node)


def _get_user_model(django: Django, arguments: Arguments, at: Frame) -> Value:
    return django.model_named(django.applications.user_label) or Unknown("user model")


_FUNCTIONS: dict[str, Callable[[Django, Arguments, Frame], Value]] = {
    "option": _option,
    "has": _has,
    "declared": _declared,
    "marked": _methods_named,
    "model_of": _model,
    "model_fields": _model_fields,
    "model_field": _model_field,
    "unique_together": _unique_together,
    "queryset_of": _queryset_of,
    "choices_of": _choices_of,
    "joins": _joins,
    "is_queryset": _is_queryset,
    "alternatives": _alternatives,
    "one_of": _one_of,
    "unknown": _unknown,
    "of_a_row": _of_a_row,
    "something": _something,
    "is_known": _known,
    "follow": _follow,
    "show": _show,
    "called": _call_if_callable,
    "is_callable": _is_callable,
    "made": _made,
    "a_row": _new_row,
    "a_new": _a_new,
    "registered": _registered,
    "render": _render,
    "request": _request,
    "leads_to": _leads_to,
    "admin_ordering": _admin_ordering,
    "first_of": _first_of,
    "rest_of": _rest_of,
    "is_stubs": _is_stubs,
    "drf_setting": _drf_setting,
    "field_names": _field_names,
    "lookups": _named_items,
    "rows": _rows,
    "page_of": _page_of,
    "resolvers": _resolvers,
    "selected": _selected,
    "get_user_model": _get_user_model,
    "template_of": _template_of,
    "class_with": _class_with,
    "chosen": _chosen,
}
