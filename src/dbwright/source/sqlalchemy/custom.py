"""Column types, enumerations and SQL constructs that a project defines itself."""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import types as sqltypes
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from dbwright.source.sqlalchemy.real import concrete, filled, last_name
from dbwright.source.tokens import Token
from dbwright.source.values import (
    Arguments,
    ClassValue,
    FormattedText,
    Function,
    Identity,
    Instance,
    Known,
    Library,
    Mapping,
    Native,
    Real,
    Unknown,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy


_ENUMS = frozenset("Enum IntEnum StrEnum Flag IntFlag AutoEnum TextChoices IntegerChoices".split())


def is_enum(framework: SQLAlchemy, cls: ClassValue) -> bool:
    names = {base.name for base in framework.interpreter.foreign_bases(cls) if isinstance(base, Library)}
    return any(name.rpartition(".")[2] in _ENUMS for name in names)


def real_enum(framework: SQLAlchemy, cls: ClassValue) -> Any:
    """A real enumeration with the members of the project's, or None for a class that is none."""
    if not is_enum(framework, cls):
        return None
    members: dict[str, Any] = {}
    for one in reversed(framework.interpreter.mro(cls)):
        for name, bindings in framework.interpreter.scope_of(one).bindings.items():
            if name.startswith("_") or not isinstance(bindings[-1], ast.expr) or isinstance(bindings[-1], ast.Lambda):
                continue
            value = framework.interpreter.own_attribute(one, name)
            members[name] = value.value if isinstance(value, Known) else name
    if not members:
        return None
    texts = all(isinstance(one, str) for one in members.values())
    mixed = {
        base.name.rpartition(".")[2]
        for base in framework.interpreter.foreign_bases(cls)
        if isinstance(base, Native | Library)
    }
    create: Any = enum.Enum  # by a name that is known only here
    if texts and mixed & {"str", "StrEnum", "TextChoices"}:
        made = create(cls.name, list(members.items()), type=str)
    else:
        made = create(cls.name, list(members.items()))
    made.__module__ = cls.module.name
    return made


class EnumAdoption:
    """An enumeration of the project."""

    label = None

    def __init__(self, framework: SQLAlchemy, cls: ClassValue) -> None:
        self.framework = framework
        self.cls = cls

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        real = self.framework.real_enum(self.cls)
        if real is None:
            return None
        if name in real.__members__:
            return Member(real[name], self.cls)
        return (
            Mapping({key: Member(one, self.cls) for key, one in real.__members__.items()})
            if name == "__members__"
            else None
        )

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        first = arguments.first()
        return first if isinstance(first, Member) else Unknown("a member", arguments.origin())

    def typed(self, at: Frame) -> Value:
        return AnyMember(self.cls)


class AnyMember(Value):
    """A member of an enumeration, nobody knows which."""

    __slots__ = ("cls",)

    def __init__(self, cls: ClassValue) -> None:
        self.cls = cls

    def attribute(self, name: str, at: Frame) -> Value:
        owner = at.interpreter.find_in_class(self.cls, name)
        value = at.interpreter.own_attribute(owner, name) if owner is not None else None
        if isinstance(value, Function):
            return at.interpreter.bind(value, self, at)
        return Unknown(f"{name} of a {self.cls.name}", "argument")

    def concrete(self, at: Frame) -> Any:
        return Token("argument")

    def key(self) -> object:
        return ("any member", id(self.cls.node))

    def describe(self) -> str:
        return f"a {self.cls.name}"


class Member(Value):
    """A member of an enumeration."""

    __slots__ = ("cls", "member")

    def __init__(self, member: Any, cls: ClassValue) -> None:
        self.member = member
        self.cls = cls

    def attribute(self, name: str, at: Frame) -> Value:
        if name in ("value", "_value_"):
            return Known(self.member.value)
        if name in ("name", "_name_"):
            return Known(self.member.name)
        owner = at.interpreter.find_in_class(self.cls, name)
        if owner is not None:
            return at.interpreter.unbound(at.interpreter.own_attribute(owner, name), self.cls)
        return Known(self.member.value).attribute(name, at)

    def concrete(self, at: Frame) -> Any:
        return self.member

    def truth(self) -> bool | None:
        return True

    def key(self) -> object:
        return ("member", id(self.cls.node), self.member.name)

    def describe(self) -> str:
        return str(self.member)


class TypeAdoption:
    """A class of the project that is a column type: ``TypeDecorator``, ``UserDefinedType`` or a subclass of one of SQLAlchemy's own."""

    label = None

    def __init__(self, framework: SQLAlchemy, cls: ClassValue, base: type) -> None:
        self.framework = framework
        self.cls = cls
        self.base = base
        self._real: Any = None

    @property
    def real(self) -> Any:
        if self._real is None:
            self._real = self._make()
        return self._real

    def _make(self) -> Any:
        attributes: dict[str, Any] = {"__module__": self.cls.module.name, "cache_ok": True, "dbwright_class": self.cls}
        interpreter = self.framework.interpreter
        if issubclass(self.base, sqltypes.TypeDecorator):
            impl = self._impl()
            if impl is not None:
                attributes["impl"] = impl
            elif getattr(self.base, "impl", None) is None:
                attributes["impl"] = sqltypes.NullType
            if interpreter.find_in_class(self.cls, "load_dialect_impl"):
                attributes["load_dialect_impl"] = lambda type_self, dialect: self._load_dialect_impl(type_self, dialect)
        if interpreter.find_in_class(self.cls, "get_col_spec"):
            attributes["get_col_spec"] = lambda type_self, **options: self._get_col_spec(type_self)
        if "__visit_name__" in interpreter.scope_of(self.cls).bindings:
            name = interpreter.own_attribute(self.cls, "__visit_name__")
            if isinstance(name, Known):
                attributes["__visit_name__"] = name.value
        for option in ("name", "none_as_null"):
            if option in interpreter.scope_of(self.cls).bindings:
                value = interpreter.own_attribute(self.cls, option)
                if isinstance(value, Known):
                    attributes[option] = value.value
        made = type(self.cls.name, (self.base,), attributes)
        compile_with(self.framework, made, self.cls)
        return made

    def _impl(self) -> Any:
        for one in self.framework.interpreter.mro(self.cls):
            if "impl" in self.framework.interpreter.scope_of(one).bindings:
                at = self.framework.frame(one.module)
                value = self.framework.interpreter.own_attribute(one, "impl")
                found = concrete(value, at, self.framework)
                if isinstance(found, sqltypes.TypeEngine) or (
                    isinstance(found, type) and issubclass(found, sqltypes.TypeEngine)
                ):
                    return found
        return None

    def _load_dialect_impl(self, type_self: Any, dialect: Any) -> Any:
        at = self.framework.frame(self.cls.module)
        receiver = getattr(type_self, "dbwright_instance", None) or Instance(self.cls)
        result = receiver.attribute("load_dialect_impl", at).call(Arguments([Real(dialect)]), at)
        for one in alternatives(result):
            if isinstance(one, Real):
                found = one.object() if isinstance(one.object, type) else one.object
                if isinstance(found, sqltypes.TypeEngine):
                    return found
        return sqltypes.TypeDecorator.load_dialect_impl(type_self, dialect)

    def _get_col_spec(self, type_self: Any) -> str:
        at = self.framework.frame(self.cls.module)
        receiver = getattr(type_self, "dbwright_instance", None) or Instance(self.cls)
        result = receiver.attribute("get_col_spec", at).call(Arguments(), at)
        for one in alternatives(result):
            if isinstance(one, Known) and isinstance(one.value, str):
                return one.value
        raise NotImplementedError(f"column type {self.cls.name} is put together at run time")

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        if name == "with_variant":
            return self.instantiate(Arguments(), at).attribute(name, at)
        if name in ("Comparator", "comparator_factory"):
            return Real(getattr(self.real, name))
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        """A type object. The project's own ``__init__`` is walked; what it hands on goes to SQLAlchemy."""
        interpreter = self.framework.interpreter
        instance = Instance(self.cls)
        owner = interpreter.find_in_class(self.cls, "__init__")
        given = arguments
        if owner is not None:
            method = interpreter.own_attribute(owner, "__init__")
            if isinstance(method, Function):
                self.framework.walked(method, instance, arguments)
                handed = instance.attributes.get("super.arguments")
                given = handed.arguments if isinstance(handed, Handed) else Arguments()
        made = self._made(given, at)
        if made is None:
            return Unknown(f"column type {self.cls.name}")
        made.dbwright_instance = instance
        impl = instance.attributes.get("impl")
        if impl is not None and isinstance(made, sqltypes.TypeDecorator):
            found = concrete(impl, at, self.framework)
            found = found() if isinstance(found, type) else found
            if isinstance(found, sqltypes.TypeEngine):
                made.impl = found
        return Real(made)

    def _made(self, given: Arguments, at: Frame) -> Any:
        positional = [concrete(value, at, self.framework) for value in given.positional]
        named = {name: concrete(value, at, self.framework) for name, value in given.named.items()}
        for args, options in ((positional, named), (positional, {}), ([], {})):
            try:
                return self.real(*args, **options)
            except Exception:  # noqa: S112  the next attempt hands on less
                continue
        return None

    @staticmethod
    def initialised(receiver: Value, arguments: Arguments) -> None:
        """``super().__init__(…)`` reached SQLAlchemy's own class: what is handed on is kept on the instance."""
        if isinstance(receiver, Instance):
            receiver.attributes["super.arguments"] = Handed(arguments)

    def typed(self, at: Frame) -> Value:
        return Unknown(f"a {self.cls.name}")


class Handed(Unknown):
    """The arguments that a constructor handed to the library's own."""

    __slots__ = ("arguments",)

    arguments: Arguments

    def __init__(self, arguments: Arguments) -> None:
        object.__setattr__(self, "reason", "arguments")
        object.__setattr__(self, "origin", "unknown")
        object.__setattr__(self, "arguments", arguments)


class ElementAdoption:
    """A class of the project that is a SQL construct (``FunctionElement``, ``ColumnElement``, ``Executable``)."""

    label = None

    def __init__(self, framework: SQLAlchemy, cls: ClassValue, base: type) -> None:
        self.framework = framework
        self.cls = cls
        self.base = base
        self._real: Any = None

    @property
    def real(self) -> Any:
        if self._real is None:
            attributes: dict[str, Any] = {"__module__": self.cls.module.name, "inherit_cache": True}
            for one in reversed(self.framework.interpreter.mro(self.cls)):
                for name in ("name", "type", "inherit_cache"):
                    if name in self.framework.interpreter.scope_of(one).bindings:
                        value = self.framework.interpreter.own_attribute(one, name)
                        if isinstance(value, Known | Real):
                            made = concrete(value, self.framework.frame(one.module), self.framework)
                            attributes[name] = made() if name == "type" and isinstance(made, type) else made
            self._real = type(self.cls.name, (self.base,), attributes)
            compile_with(self.framework, self._real, self.cls)
        return self._real

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        interpreter = self.framework.interpreter
        owner = interpreter.find_in_class(self.cls, "__init__")
        instance = Instance(self.cls)
        given = arguments
        if owner is not None:
            method = interpreter.own_attribute(owner, "__init__")
            if isinstance(method, Function):
                self.framework.walked(method, instance, arguments)
                handed = instance.attributes.pop("super.arguments", None)
                given = handed.arguments if isinstance(handed, Handed) else Arguments()
        positional = [concrete(value, at, self.framework) for value in given.positional]
        named = {name: concrete(value, at, self.framework) for name, value in given.named.items()}
        try:
            made = self.real(*positional, **named)
        except Exception as error:
            return Unknown(f"{self.cls.name}: {type(error).__name__}: {error}")
        made.dbwright_instance = instance
        for name, value in instance.attributes.items():
            if not hasattr(made, name) and isinstance(value, Real | Known):
                setattr(made, name, concrete(value, at, self.framework))
        return Real(made)

    @staticmethod
    def initialised(receiver: Value, arguments: Arguments) -> None:
        """``super().__init__(…)`` reached SQLAlchemy's own class: what is handed on is kept on the instance."""
        if isinstance(receiver, Instance):
            receiver.attributes["super.arguments"] = Handed(arguments)

    def typed(self, at: Frame) -> Value:
        return Unknown(f"a {self.cls.name}")


def _compiling(cls: ClassValue) -> Function | None:
    """The function of the module that compiles a class for PostgreSQL, else for any database."""
    chosen: Function | None = None
    module = cls.module
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if not (isinstance(decorator, ast.Call) and last_name(decorator.func) == "compiles" and decorator.args):
                continue
            if last_name(decorator.args[0]) != cls.name:
                continue
            dialects = [d.value for d in decorator.args[1:] if isinstance(d, ast.Constant)]
            if "postgresql" in dialects or (not dialects and chosen is None):
                chosen = Function(node, module)
    return chosen


def compile_with(framework: SQLAlchemy, real: Any, cls: ClassValue) -> None:
    """Functions of the module under ``@compiles(cls, "postgresql")`` or ``@compiles(cls)`` are walked when the construct is compiled."""
    function = _compiling(cls)
    if function is None:
        return

    def compile_it(element: Any, compiler: Any, **options: Any) -> str:
        framework.compile_options.append(options)
        try:
            result = framework.walked(function, None, Arguments([Real(element), CompilerValue(framework, compiler)]))
        finally:
            framework.compile_options.pop()
        for one in alternatives(result):
            if isinstance(one, Known) and isinstance(one.value, str):
                return one.value
            if isinstance(one, FormattedText) and (text := filled(one)) is not None:
                return text
        if isinstance(element, FunctionElement):
            return str(compiler.visit_function(element, **options))
        raise NotImplementedError(f"SQL of {cls.name} is put together at run time")

    compiles(real, "postgresql")(compile_it)


class CompilerValue(Value):
    """The compiler that a ``@compiles`` function is given."""

    __slots__ = ("compiler", "framework")

    def __init__(self, framework: SQLAlchemy, compiler: SQLCompiler) -> None:
        self.framework = framework
        self.compiler = compiler

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "process":
            return Native(name, self._process)
        if name == "dialect":
            return Real(self.compiler.dialect)
        if name.startswith("visit_"):
            return Native(name, lambda arguments, frame: self._visit(name, arguments, frame))
        return Unknown(f"compiler.{name}")

    def _process(self, arguments: Arguments, at: Frame) -> Value:
        thing = concrete(arguments.positional[0], at, self.framework) if arguments.positional else None
        if not isinstance(thing, ClauseElement):
            return Unknown("a part of a construct")
        options = self.framework.compile_options[-1] if self.framework.compile_options else {}
        return Known(self.compiler.process(thing, **options))

    def _visit(self, name: str, arguments: Arguments, at: Frame) -> Value:
        thing = concrete(arguments.positional[0], at, self.framework) if arguments.positional else None
        return Known(getattr(self.compiler, name)(thing)) if thing is not None else Unknown("a part of a construct")

    def key(self) -> object:
        return ("compiler", Identity(self))
