"""SQLAlchemy as the interpreter knows it: which names are harmless constructors, which classes are models, what sessions and queries do."""

from __future__ import annotations

import ast
import enum
import importlib
import re
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.ext import asyncio as sa_asyncio
from sqlalchemy.ext import hybrid
from sqlalchemy.orm import clsregistry, interfaces
from sqlalchemy.orm import properties as orm_properties
from sqlalchemy.sql import ClauseElement, schema
from sqlalchemy.sql.base import ColumnCollection
from sqlalchemy.types import NullType, TypeEngine

from dbwright.pysource import dotted
from dbwright.source.events import Summary
from dbwright.source.interpreter import Frame, Interpreter, decorator_names
from dbwright.source.modules import Import, Module, Problem
from dbwright.source.sqlalchemy import flask, sqlmodel
from dbwright.source.sqlalchemy import templates as pages
from dbwright.source.sqlalchemy.annotations import Annotations, parsed
from dbwright.source.sqlalchemy.custom import ElementAdoption, EnumAdoption, TypeAdoption, is_enum, real_enum
from dbwright.source.sqlalchemy.models import Builder, ModelAdoption, class_behind, is_mapped_part, remember
from dbwright.source.sqlalchemy.real import (
    arguments_of,
    concrete,
    is_element,
    last_name,
    list_parameter,
    number_parameter,
    placeholder,
    wrapped,
)
from dbwright.source.sqlalchemy.runtime import Recorder
from dbwright.source.tokens import Token, known_of
from dbwright.source.values import (
    Arguments,
    Bound,
    ClassValue,
    Function,
    Items,
    Known,
    Library,
    Mapping,
    Native,
    Real,
    Union,
    Unknown,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import RelationshipProperty

    from dbwright.model.source import SourceTable

PACKAGE = "sqlalchemy"
_MAPPED = frozenset(("__tablename__", "__table__", "__table_args__", "__mapper_args__", "__abstract__"))
"""What only the body of a declarative class says."""
NEVER_CALLED = frozenset(
    "create_engine create_async_engine engine_from_config async_engine_from_config create_mock_engine create_pool_from_url create_all "
    "drop_all create drop reflect automap_base configure_mappers clear_mappers close_all_sessions listen listens_for remove contains "
    "inspect connect execute scalar scalars begin tometadata to_metadata prepare validates".split()
)
"""Names of SQLAlchemy that do something, or want something that is not there: never called on real objects."""
NOT_PRINTED = frozenset(("mysql", "sqlite", "mssql", "oracle", "mariadb"))
_RELATION_TEXTS = (
    "primaryjoin",
    "secondaryjoin",
    "order_by",
    "foreign_keys",
    "remote_side",
    "_user_defined_foreign_keys",
)
_DATACLASS_ONLY = frozenset("init repr kw_only compare hash dataclass_metadata default_factory".split())


class SQLAlchemy:
    """See the module. One instance for one project."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.problems: list[Problem] = []
        self.kept: dict[Any, Any] = {}
        self.annotations = Annotations(self)
        self.recorder = Recorder()
        self.metadatas: list[sqlalchemy.MetaData] = []
        self.compile_options: list[dict[str, Any]] = []
        self._real_classes: dict[int, Any] = {}
        self._pending: set[int] = set()
        self._being_made: dict[int, Any] = {}
        self._makers: dict[int, tuple[Any, Callable[..., Any], list[Any], dict[str, Any]]] = {}
        self._used: set[int] = set()
        self._built = False
        self._configured = False
        self._by_name: dict[str, list[ClassValue]] | None = None
        self._tables: dict[int, tuple[str, Module, int]] = {}
        self.unread: set[tuple[str, int]] = set()
        """File and line of the classes of which not all bases could be read."""
        self.owner: ClassValue | None = None
        """The class whose body is being read: texts of its relationships mean the models beside it."""

    def frame(self, module: Module) -> Frame:
        return Frame(self.interpreter, module)

    def walked(self, function: Function, receiver: Value | None, arguments: Arguments) -> Value:
        """The result of a function of the project, walked for this call alone."""
        return self.interpreter._run(function, receiver, arguments, 1, Summary(function.name))

    def problem(self, module: Module, line: int, reason: str) -> None:
        if module.owned:
            found = Problem(module.file, line, " ".join(reason.split())[:300])
            if found not in self.problems:
                self.problems.append(found)

    def note_unread(self, cls: ClassValue, bases: Sequence[str]) -> None:
        """Remember that a class may have columns of bases that are not read."""
        if bases:
            self.unread.add((cls.module.file, cls.node.lineno))
            names = ", ".join(dict.fromkeys(bases))
            self.problem(cls.module, cls.node.lineno, f"model {cls.name}: what it has of {names} is not read")

    @cached_property
    def templates(self) -> pages.Templates:
        return pages.Templates(self)

    def respond(self, function: Function, result: Value, at: Frame) -> None:
        """What is made of the value that an entry point returns."""
        pages.respond(self, function, result, at)

    # Names -----------------------------------------------------------------------------------------------------------------

    def stand_in_for_base(self, name: str, cls: ClassValue) -> Value | None:
        """A declarative base for a library's class that the project maps classes on: its body says so, and it is the last of its bases
        that is not read (what stands before is mixed in, and so is what is called so)."""
        root = name.partition(".")[0]
        if root in ("builtins", "typing", "abc", "enum") or name.endswith("Mixin") or not self._says_mapped(cls):
            return None
        last = cls.node.bases[-1]
        return self._library_base(name) if dotted(last).rpartition(".")[2] == name.rpartition(".")[2] else None

    def _says_mapped(self, cls: ClassValue) -> bool:
        return not _MAPPED.isdisjoint(self.interpreter.scope_of(cls).bindings)

    def _library_base(self, name: str) -> Value:
        bases: dict[str, Value] = self.kept.setdefault("bases of libraries", {})
        if name not in bases:
            metadata = self.kept.setdefault("metadata of libraries", sqlalchemy.MetaData())
            bases[name] = Real(orm.declarative_base(name=name.rpartition(".")[2], metadata=metadata))
        return bases[name]

    def library(self, name: str) -> Value | None:
        root = name.partition(".")[0]
        if root == PACKAGE:
            return self._of_sqlalchemy(name)
        if root in ("flask_sqlalchemy", "flask_sqlalchemy_lite"):
            return flask.library(self, name)
        if root == "sqlmodel":
            return sqlmodel.library(self, name)
        if (rendering := pages.library(self, name)) is not None:
            return rendering
        owner, _, last = name.rpartition(".")
        if last == "metadata" and owner.rpartition(".")[2][:1].isupper():
            base = self._library_base(owner)
            return Real(base.object.metadata) if isinstance(base, Real) else None
        if name == "re.compile":
            return Native(name, _compiled_pattern)
        if name in ("re.sub", "re.split"):
            return Native(name, lambda arguments, at: _pattern_function(name.rpartition(".")[2], arguments, at))
        return None

    def _of_sqlalchemy(self, name: str) -> Value | None:
        parent, _, last = name.rpartition(".")
        if not parent:
            return None
        found: Any
        try:
            found = getattr(importlib.import_module(parent), last)
        except (ImportError, AttributeError, ValueError):
            return None
        except Exception:
            return None
        if isinstance(found, types.ModuleType):
            return None
        if last in NEVER_CALLED and not isinstance(found, type):
            from dbwright.source.sqlalchemy import engines

            return engines.library(self, last)
        return wrapped(found)

    # Classes ---------------------------------------------------------------------------------------------------------------

    def adopt(self, cls: ClassValue) -> Any:
        for base in self.interpreter.foreign_bases(cls):
            found = None
            if isinstance(base, Real) and isinstance(base.object, type):
                found = self._adopt(cls, base.object)
            elif getattr(base, "real_base", None) is not None:
                found = (
                    sqlmodel.adopt(self, cls) if isinstance(base, sqlmodel.SQLModelValue) else ModelAdoption(self, cls)
                )
            elif isinstance(base, flask.ExtensionClass):
                found = flask.ExtensionAdoption(self, cls)
            if found is not None:
                return found
        if self._is_decorated(cls):
            return ModelAdoption(self, cls)
        return EnumAdoption(self, cls) if is_enum(self, cls) else None

    def _adopt(self, cls: ClassValue, base: type) -> Any:
        from dbwright.source.sqlalchemy import sessions

        if base in (orm.DeclarativeBase, orm.DeclarativeBaseNoMeta) or hasattr(base, "__mapper__"):
            return ModelAdoption(self, cls)
        if hasattr(base, "registry") and hasattr(base, "metadata"):
            return ModelAdoption(self, cls)
        if issubclass(base, orm.MappedAsDataclass):
            return None
        if issubclass(base, TypeEngine):
            return TypeAdoption(self, cls, base)
        if issubclass(base, orm.Session | sa_asyncio.AsyncSession):
            return sessions.SessionAdoption(self, cls, base)
        if issubclass(base, orm.Query):
            return sessions.QueryAdoption(self, cls)
        if issubclass(base, ClauseElement):
            return ElementAdoption(self, cls, base)
        return None

    def _is_decorated(self, cls: ClassValue) -> bool:
        for one in self.interpreter.mro(cls):
            for name in decorator_names(one.node):
                last = name.rpartition(".")[2]
                if last in ("as_declarative", "as_declarative_base"):
                    return True
                if last in ("mapped", "mapped_as_dataclass") and "." in name and one is cls:
                    return True
        return False

    def decorated_by(self, cls: ClassValue) -> tuple[str, Value, Arguments] | None:
        """The decorator that maps a class: its last name, what it is an attribute of, its arguments."""
        at = Frame(self.interpreter, cls.module, closure=cls.closure)
        for decorator in cls.node.decorator_list:
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            last = last_name(function)
            if last in ("as_declarative", "as_declarative_base", "mapped", "mapped_as_dataclass"):
                holder = at.evaluate(function.value) if isinstance(function, ast.Attribute) else Unknown("no object")
                arguments = Arguments()
                if isinstance(decorator, ast.Call):
                    arguments = self.interpreter.arguments(decorator, at)
                return last, holder, arguments
        return None

    def real_class(self, cls: ClassValue) -> Any:
        """The real class that stands for one of the project's: a mapped class, a base, a mixin, a type. None when it cannot be made."""
        mark = id(cls.node)
        if mark in self._real_classes:
            return self._real_classes[mark]
        if mark in self._pending:
            return self._being_made.get(mark)
        self._pending.add(mark)
        steps, self.interpreter.steps = self.interpreter.steps, 0
        owner, self.owner = self.owner, cls
        try:
            made = self._make_class(cls)
        except (
            Exception
        ) as error:  # whatever SQLAlchemy says to a model that was read: it is said, and the model is left out
            self.problem(cls.module, cls.node.lineno, f"model {cls.name}: {type(error).__name__}: {error}")
            made = None
        finally:
            self._pending.discard(mark)
            self.owner = owner
            self.interpreter.steps = steps
        self._real_classes[mark] = made
        return made

    def _make_class(self, cls: ClassValue) -> Any:
        adoption = self.interpreter.adoption(cls)
        if isinstance(adoption, sqlmodel.SQLModelAdoption):
            return adoption.build()
        if adoption is not None and not isinstance(adoption, ModelAdoption):
            found = real_enum(self, cls)
            return found if found is not None else getattr(adoption, "real", None)
        found = real_enum(self, cls)
        if found is not None:
            return found
        if adoption is None:
            return Builder(self, cls).build() if self._may_be_mixin(cls) else None
        made = Builder(self, cls)
        decorated = self.decorated_by(cls)
        real = made.build() if decorated is None else self._decorate(made.build(), decorated, cls)
        self._note_base(real)
        return real

    def _may_be_mixin(self, cls: ClassValue) -> bool:
        return not any(
            isinstance(base, Library) and base.name.split(".")[0] in ("pydantic",)
            for base in self.interpreter.foreign_bases(cls)
        )

    def _decorate(self, real: Any, decorated: tuple[str, Value, Arguments], cls: ClassValue) -> Any:
        last, holder, arguments = decorated
        at = self.frame(cls.module)
        _positional, named = arguments_of(arguments, at, self)
        if last == "as_declarative":
            named = {
                k: v for k, v in named.items() if k in ("metadata", "name", "class_registry", "type_annotation_map")
            }
            return orm.declarative_base(cls=real, **named)
        registry = holder.object if isinstance(holder, Real) else None
        if last == "as_declarative_base":
            return (registry or orm.registry()).generate_base(cls=real)
        if not isinstance(registry, orm.registry):
            return None
        self._note_metadata(registry.metadata)
        return registry.mapped(real)

    def _note_base(self, real: Any) -> None:
        metadata = getattr(real, "metadata", None)
        if isinstance(metadata, sqlalchemy.MetaData):
            self._note_metadata(metadata)

    def _note_metadata(self, metadata: sqlalchemy.MetaData) -> None:
        if not any(one is metadata for one in self.metadatas):
            self.metadatas.append(metadata)

    @contextmanager
    def being_made(self, cls: ClassValue, real: Any) -> Iterator[None]:
        """Attributes of a class are asked of the half-made real one meanwhile."""
        mark = id(cls.node)
        before, owner = self._being_made.get(mark), self.owner
        self._being_made[mark] = real
        self.owner = cls
        try:
            yield
        finally:
            self.owner = owner
            if before is None:
                self._being_made.pop(mark, None)
            else:
                self._being_made[mark] = before

    def real_enum(self, cls: ClassValue) -> Any:
        key = (id(cls.node), "enum")
        if key not in self.kept:
            self.kept[key] = real_enum(self, cls)
        return self.kept[key]

    def stand_in(self, cls: ClassValue) -> Any:
        """An empty class for one of the project's that only names a type. It keeps the base among Python's own classes."""
        key = (id(cls.node), "stand-in")
        if key not in self.kept:
            base: type = object
            for one in self.interpreter.foreign_bases(cls):
                if isinstance(one, Native | Library):
                    name = one.name.rpartition(".")[2]
                    if name in ("str", "int", "float", "bytes", "dict", "list", "datetime"):
                        base = {"str": str, "int": int, "float": float, "bytes": bytes, "dict": dict, "list": list}.get(
                            name, object
                        )
            self.kept[key] = type(cls.name, (base,), {"__module__": cls.module.name})
        return self.kept[key]

    def named_stand_in(self, name: str) -> Any:
        key = (name, "stand-in")
        if key not in self.kept:
            self.kept[key] = type(name.rpartition(".")[2].replace(" ", "_"), (), {})
        return self.kept[key]

    def unknown_type(self) -> Any:
        return UnknownType()

    # Making real objects ---------------------------------------------------------------------------------------------------

    def call_real(self, real: Real, arguments: Arguments, at: Frame) -> Value | None:
        thing = real.object
        if isinstance(thing, re.Pattern) or _is_pattern_method(thing):
            return _pattern_call(thing, arguments)
        if not self._is_ours(thing):
            return None
        from dbwright.source.sqlalchemy import sessions, statements

        handled = sessions.call(self, thing, arguments, at)
        if handled is not None:
            return handled
        name = getattr(thing, "__name__", "")
        if name in NEVER_CALLED and not isinstance(thing, type):
            return Unknown(f"result of {name}")
        if thing in (orm.relationship, orm.backref) or name in ("relation", "dynamic_loader"):
            return self._relationship(thing, arguments, at)
        if thing in (orm.declarative_base,) or name in ("declarative_base", "generate_base"):
            return self._declarative_base(thing, arguments, at)
        if thing is sqlalchemy.Table:
            return self._table(arguments, at)
        if thing is sqlalchemy.Enum:
            arguments = self._enum_arguments(arguments)
        if name in ("map_imperatively", "mapper"):
            return self._map_imperatively(thing, arguments, at)
        if isinstance(thing, type) and issubclass(thing, hybrid.hybrid_property):
            return Real(thing)
        return statements.called(self, thing, arguments, at)

    def _is_ours(self, thing: Any) -> bool:
        """Whether calling this runs SQLAlchemy's code only."""
        owner = getattr(thing, "__self__", None)
        for one in (thing, type(thing), type(owner), owner):
            module = getattr(one, "__module__", None)
            if isinstance(module, str) and (
                module.partition(".")[0] == PACKAGE or module.startswith("dbwright.source.sqlalchemy")
            ):
                return True
        return hasattr(thing, "registry") or (isinstance(thing, type) and MARKED in thing.__dict__) or is_element(thing)

    def make(self, thing: Any, arguments: Arguments, at: Frame) -> Value:
        """The result of calling something of SQLAlchemy's with real arguments."""
        positional, named = arguments_of(arguments, at, self)
        name = getattr(thing, "__name__", "")
        positional, named = fitted(thing, name, positional, named)
        try:
            made = thing(*positional, **named)
        except Exception as error:
            return Unknown(f"{name or type(thing).__name__}: {type(error).__name__}: {error}"[:200], arguments.origin())
        self.note_made(made, thing, positional, named, at)
        return wrapped(made)

    def note_made(self, made: Any, thing: Any, positional: list[Any], named: dict[str, Any], at: Frame) -> None:
        if isinstance(made, schema.SchemaItem | interfaces.MapperProperty | orm_properties.MappedColumn):
            self._makers[id(made)] = (made, thing, positional, named)
            if isinstance(made, schema.ColumnCollectionMixin | schema.Constraint | schema.Index):
                remember(made, at.module.file if at.module.owned else "", at.line)
        if isinstance(made, sqlalchemy.MetaData):
            self._note_metadata(made)
        if isinstance(made, orm.registry):
            self._note_metadata(made.metadata)

    def fresh(self, thing: Any) -> Any:
        """The object itself the first time, a new one made alike each time after."""
        if id(thing) not in self._used:
            self._used.add(id(thing))
            self.kept[("used", id(thing))] = thing
            return thing
        found = self._makers.get(id(thing))
        if found is None:
            copied = getattr(thing, "_copy", None)
            return copied() if copied is not None else thing
        _made, maker, positional, named = found
        again = [self._again(one) for one in positional]
        options = {key: self._again(one) for key, one in named.items()}
        made = maker(*again, **options)
        if hasattr(thing, "info") and thing.info:
            made.info.update(thing.info)
        self._makers[id(made)] = (made, maker, again, options)
        return made

    def _again(self, thing: Any) -> Any:
        if (
            isinstance(thing, schema.SchemaItem)
            and id(thing) in self._makers
            and not isinstance(thing, sqlalchemy.Table | sqlalchemy.MetaData)
        ):
            if isinstance(thing, sqlalchemy.Column) and thing.table is not None:
                return thing
            self._used.add(id(thing))
            return self.fresh(thing)
        return thing

    def own_copy(self, real: Real, cls: ClassValue) -> Any:
        return self.fresh(real.object)

    # Schema items ----------------------------------------------------------------------------------------------------------

    def _table(self, arguments: Arguments, at: Frame) -> Value:
        given = Arguments(list(arguments.positional), dict(arguments.named))
        for name in (
            "autoload",
            "autoload_with",
            "listeners",
            "implicit_returning",
            "mustexist",
            "must_exist",
            "quote",
        ):
            given.named.pop(name, None)
        positional, named = arguments_of(given, at, self)
        named = {
            k: v
            for k, v in named.items()
            if not k.startswith(tuple(f"{d}_" for d in NOT_PRINTED)) and not isinstance(v, Token)
        }
        if (
            len(positional) < 2
            or not isinstance(positional[1], sqlalchemy.MetaData)
            or isinstance(positional[0], Token)
        ):
            self.problem(at.module, at.line, "a Table whose name or metadata is not known")
            return Unknown("a table whose name or metadata is not known")
        items = []
        for one, value in zip(positional[2:], arguments.positional[2:], strict=True):
            if isinstance(one, schema.SchemaItem):
                items.append(self.fresh(one))
            else:
                self.problem(at.module, at.line, f"part of table {positional[0]}: {value.describe()}")
        metadata = positional[1]
        if len(positional) == 2 and not items and positional[0] in metadata.tables:
            return Real(metadata.tables[positional[0]])
        try:
            made = sqlalchemy.Table(positional[0], metadata, *items, **{**named, "extend_existing": True})
        except Exception as error:
            self.problem(at.module, at.line, f"table {positional[0]}: {type(error).__name__}: {error}")
            return Unknown(f"table {positional[0]}: {error}")
        self._note_metadata(metadata)
        made.info.setdefault("dbwright", (at.module.file, at.line))
        made.info.setdefault("dbwright_module", at.module)
        return Real(made)

    def _enum_arguments(self, arguments: Arguments) -> Arguments:
        """``values_callable`` gives the members' values when it is written like that."""
        given = Arguments(list(arguments.positional), dict(arguments.named))
        function = given.named.pop("values_callable", None)
        if function is not None and not (isinstance(function, Known) and function.value is None):
            given.named["values_callable"] = Real(_values_of)
        return given

    def _declarative_base(self, thing: Any, arguments: Arguments, at: Frame) -> Value:
        _positional, named = arguments_of(
            Arguments([], {k: v for k, v in arguments.named.items() if k not in ("metaclass", "constructor", "cls")}),
            at,
            self,
        )
        given = {k: v for k, v in named.items() if not isinstance(v, Token)}
        options = {k: v for k, v in given.items() if k in ("metadata", "name", "type_annotation_map")}
        cls = arguments.named.get("cls")
        if isinstance(cls, ClassValue):
            real = self.real_class(cls)
            if real is not None:
                options["cls"] = real
        elif isinstance(cls, Real) and isinstance(cls.object, type):
            options["cls"] = cls.object
        maker = thing if getattr(thing, "__name__", "") == "generate_base" else orm.declarative_base
        if maker is not orm.declarative_base:
            options.pop("metadata", None)
        try:
            made = maker(**options)
        except Exception as error:
            return Unknown(f"declarative_base: {error}")
        self._note_base(made)
        return Real(made)

    def annotation_map(self, node: Any, module: Module) -> dict[Any, Any] | None:
        """A ``type_annotation_map``."""
        if isinstance(node, ast.Name):
            bindings = module.scope.bindings.get(node.id, [])
            if bindings and isinstance(bindings[-1], Import) and bindings[-1].name:
                source = self.interpreter.codebase.find(bindings[-1].module)
                return self.annotation_map(ast.Name(bindings[-1].name, ast.Load()), source) if source else None
            node = bindings[-1] if bindings else None
        if not isinstance(node, ast.Dict):
            return None
        at = self.frame(module)
        found: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                continue
            value = concrete(at.evaluate(item), at, self)
            if isinstance(value, TypeEngine) or (isinstance(value, type) and issubclass(value, TypeEngine)):
                found[self.annotations.type_of(key, module)] = value
        return found

    def complete_registry(self, registry: Any, node: ast.Call, module: Module) -> None:
        """The annotation map of ``registry(type_annotation_map={…})``: its keys are types, which are not plain."""
        for keyword in node.keywords:
            if keyword.arg == "type_annotation_map" and isinstance(registry, orm.registry):
                found = self.annotation_map(keyword.value, module)
                if found:
                    registry.update_type_annotation_map(found)

    # Relationships ---------------------------------------------------------------------------------------------------------

    def relationship_without_arguments(self, cls: ClassValue) -> Any:
        return orm.relationship()

    def _relationship(self, thing: Any, arguments: Arguments, at: Frame) -> Value:
        """A real ``relationship`` or ``backref``.

        Text in it is never evaluated by SQLAlchemy but read by us, when mappers are configured.
        """
        module = at.module
        given = dict(arguments.named)
        positional = list(arguments.positional)
        options: dict[str, Any] = {}
        is_backref = thing is orm.backref
        backref: Any = None
        if is_backref:
            first = positional[0] if positional else given.pop("name", Unknown("a name"))
            if not isinstance(first, Known):
                return Unknown("a backref whose name is not known")
            backref = first.value
        else:
            target = positional[0] if positional else given.pop("argument", None)
            if target is not None:
                options["argument"] = self._later_target(target, module)
            if len(positional) > 1:
                given.setdefault("secondary", positional[1])
        for name, value in given.items():
            made = self._relation_option(name, value, module, at)
            if made is not None:
                options[name] = made
        try:
            if is_backref:
                return Real((backref, options))
            argument = options.pop("argument", None)
            relation: RelationshipProperty[Any] = orm.relationship(argument, **options)
        except Exception as error:
            return Unknown(f"relationship: {type(error).__name__}: {error}")
        self._makers[id(relation)] = (relation, orm.relationship, [argument], options)
        return Real(relation)

    def _relation_option(self, name: str, value: Value, module: Module, at: Frame) -> Any:
        if name in _DATACLASS_ONLY or name in (
            "collection_class",
            "default",
            "bake_queries",
            "info",
            "doc",
            "comparator_factory",
        ):
            return None
        if isinstance(value, Unknown):
            return None
        if name == "secondary":
            return self._later_table(value, module)
        if name in _RELATION_TEXTS:
            return self._later_expression(value, module)
        if name == "backref":
            return self._backref(value)
        if name == "join_depth" and not isinstance(value, Known):
            return None
        found = concrete(value, at, self)
        return None if isinstance(found, Token) or found is placeholder else found

    @staticmethod
    def _backref(value: Value) -> Any:
        if isinstance(value, Known):
            return value.value
        if isinstance(value, Real) and isinstance(value.object, tuple):
            return value.object
        return None

    def _later_target(self, value: Value, module: Module) -> Any:
        owner = self.owner
        if isinstance(value, Known) and isinstance(value.value, str):
            text = parsed(ast.Constant(value.value))
            return self.later_class(text, module)

        def later() -> Any:
            found = value
            if isinstance(found, Function):
                found = self.walked(found, None, Arguments())
            if isinstance(found, Known) and isinstance(found.value, str):
                return self.class_of_text(parsed(ast.Constant(found.value)), module, owner)
            return concrete(found, self.frame(module), self)

        return later

    def later_class(self, node: ast.expr, module: Module) -> Callable[[], Any]:
        owner = self.owner
        return lambda: self.class_of_text(node, module, owner)

    def class_of_text(self, node: ast.expr, module: Module, owner: ClassValue | None = None) -> Any:
        """The real class that an expression names. Raises LookupError."""
        name = ast.unparse(node)
        found = self.class_named(name, module, owner)
        real = self.real_class(found) if found is not None else None
        if real is None:
            raise LookupError(f"no model named {name}")
        return real

    def class_named(self, name: str, module: Module, owner: ClassValue | None = None) -> ClassValue | None:
        """The model of a name in a relationship: the class itself, one of its module, then one among all of the project's."""
        if owner is not None:
            if owner.name == name:
                return owner
            beside = self.interpreter.global_name(owner.module, name) if name.isidentifier() else None
            if isinstance(beside, ClassValue):
                return beside
        head, _, last = name.rpartition(".")
        if not head:
            value = self.interpreter.global_name(module, name)
            if isinstance(value, ClassValue):
                return value
        else:
            value = self.frame(module).evaluate(ast.parse(name, mode="eval").body)
            if isinstance(value, ClassValue):
                return value
        found = self.classes_by_name.get(last, [])
        if head and len(found) > 1:
            found = [cls for cls in found if cls.module.name.endswith(head)] or found
        if len(found) > 1:
            found = [cls for cls in found if self._is_mapped(cls)] or found
        if len(found) > 1 and owner is not None:
            metadata = getattr(self.real_class(owner), "metadata", None)
            found = [cls for cls in found if getattr(self.real_class(cls), "metadata", None) is metadata] or found
        near = [cls for cls in found if cls.module.name.partition(".")[0] == module.name.partition(".")[0]]
        chosen = near or found
        return chosen[0] if chosen else None

    def _is_mapped(self, cls: ClassValue) -> bool:
        real = self.real_class(cls)
        return isinstance(real, type) and sqlalchemy.inspect(real, raiseerr=False) is not None

    @cached_property
    def before_annotations(self) -> bool:
        """Whether the project's environment has a SQLAlchemy that does not read annotations (before 2.0)."""
        environment = self.interpreter.codebase.environment
        found = list(environment.glob("[Ss][Qq][Ll][Aa]lchemy-*.dist-info")) if environment is not None else []
        return any(re.match(r"sqlalchemy-[01]\.", path.name.lower()) for path in found)

    def _later_table(self, value: Value, module: Module) -> Any:
        if isinstance(value, Real) and not isinstance(value.object, str):
            return value.object

        def later() -> Any:
            found = value
            if isinstance(found, Function):
                found = self.walked(found, None, Arguments())
            if isinstance(found, Known) and isinstance(found.value, str):
                return self.table_named(found.value, module)
            made = concrete(found, self.frame(module), self)
            return getattr(made, "__table__", made)

        return later

    def table_named(self, name: str, module: Module) -> Any:
        """A table by its name, or by the name of the variable or class. Raises LookupError."""
        for metadata in self.metadatas:
            if name in metadata.tables:
                return metadata.tables[name]
            for table in metadata.tables.values():
                if table.name == name:
                    return table
        if name.isidentifier():
            value = self.interpreter.global_name(module, name)
            made = concrete(value, self.frame(module), self) if value is not None else None
            made = getattr(made, "__table__", made)
            if isinstance(made, schema.Table):
                return made
            cls = self.class_named(name, module)
            real = self.real_class(cls) if cls is not None else None
            if real is not None:
                return real.__table__
        raise LookupError(f"no table named {name}")

    def _later_expression(self, value: Value, module: Module) -> Any:
        if isinstance(value, Known) and isinstance(value.value, str):
            return self._later_text(value.value, module)
        if isinstance(value, Function):
            return lambda: concrete(self.walked(value, None, Arguments()), self.frame(module), self)
        if isinstance(value, Items):
            texts = [v for v in value.items if isinstance(v, Known)]
            if texts:
                parts = [self._later_expression(v, module) for v in value.items]
                return lambda: [part() if callable(part) else part for part in parts]
        if isinstance(value, Known):
            return value.value
        found = concrete(value, self.frame(module), self)
        return None if isinstance(found, Token) else found

    def _later_text(self, text: str, module: Module) -> Any:
        owner = self.owner

        def later() -> Any:
            node = parsed(ast.Constant(text))
            at = TextFrame(self, module, owner)
            found = concrete(at.evaluate(node), at, self)
            if isinstance(found, Token):
                raise LookupError(f"not understood: {text}")
            return found

        return later

    @property
    def classes_by_name(self) -> dict[str, list[ClassValue]]:
        if self._by_name is None:
            self._by_name = {}
            for cls in self.candidates():
                self._by_name.setdefault(cls.name, []).append(cls)
        return self._by_name

    # All models ------------------------------------------------------------------------------------------------------------

    def candidates(self) -> list[ClassValue]:
        """The classes of the project, and of the packages that it takes bases from, that are models."""
        if "candidates" not in self.kept:
            self.kept["candidates"] = []
            found: list[ClassValue] = []
            packages: dict[str, None] = {}
            for module in self._modules():
                for cls in self._classes_of(module):
                    if self._is_model(cls):
                        found.append(cls)
                        for one in self.interpreter.mro(cls):
                            if not one.module.owned:
                                packages.setdefault(one.module.name.partition(".")[0])
                self._module_packages(module, packages)
            for package in packages:
                found += self._of_package(package)
            self.kept["candidates"] = found
        result: list[ClassValue] = self.kept["candidates"]
        return result

    def _modules(self) -> Iterator[Module]:
        """The modules whose models are the application's own: those of tests and migrations are copies."""
        for module in self.interpreter.codebase.modules:
            folders = module.file.split("/")
            if "migrations" in folders or "alembic" in folders:
                continue
            if module.role == "code" or (module.role == "tests" and _is_named_like_a_test(module)):
                yield module

    def _module_packages(self, module: Module, packages: dict[str, None]) -> None:
        for bindings in module.scope.bindings.values():
            for one in bindings:
                if isinstance(one, Import) and one.module.startswith("flask_appbuilder"):
                    packages.setdefault("flask_appbuilder")

    def _of_package(self, package: str) -> Iterator[ClassValue]:
        environment = self.interpreter.codebase.environment
        if environment is None or not (environment / package).is_dir() or package in (PACKAGE, "sqlalchemy_utils"):
            return
        for path in sorted((environment / package).rglob("*.py")):
            parts = path.relative_to(environment).with_suffix("").parts
            if "tests" in parts or "migrations" in parts or path.stat().st_size > 400_000:
                continue
            text = path.read_text("utf-8", "replace")
            if "__tablename__" not in text and "Table(" not in text:
                continue
            module = self.interpreter.codebase.find(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
            if module is not None:
                self._module_tables(module)
                yield from (cls for cls in self._classes_of(module) if self._is_model(cls))

    def _classes_of(self, module: Module) -> Iterator[ClassValue]:
        for bindings in module.scope.bindings.values():
            for binding in bindings:
                if isinstance(binding, ast.ClassDef):
                    yield self.interpreter.class_of(binding, module, None)

    def _is_model(self, cls: ClassValue) -> bool:
        if not self.interpreter.bases(cls) and not cls.node.decorator_list:
            return False
        return isinstance(self.interpreter.adoption(cls), ModelAdoption | sqlmodel.SQLModelAdoption)

    def build(self) -> None:
        """Make all tables and mapped classes and configure the mappers."""
        if self._built:
            return
        self._built = True
        classes = self.candidates()
        for cls in classes:
            self.real_class(cls)
        for module in self._modules():
            self._module_tables(module)
        self._module_statements(classes)
        for cls in self.interpreter.made_classes:
            if self._is_model(cls):
                self.real_class(cls)
        for cls in self.interpreter.named_bases("GenericFunction"):
            self.real_class(cls)  # from now on SQLAlchemy's ``func`` knows it by its name
        self.configure()
        self._configured = True

    def tables(self) -> Iterator[SourceTable]:
        """The tables of the project's models."""
        from dbwright.source.sqlalchemy.tables import Tables

        yield from Tables(self).read()

    def _module_tables(self, module: Module) -> None:
        """``Table(…)`` bound to a name of a module."""
        for name, bindings in module.scope.bindings.items():
            for binding in bindings:
                if isinstance(binding, ast.Call) and _is_named(binding.func, "Table", module):
                    value = self.interpreter.global_name(module, name)
                    if isinstance(value, Real) and isinstance(value.object, schema.Table):
                        self._tables.setdefault(id(value.object), (f"{module.name}.{name}", module, binding.lineno))
                        value.object.info["dbwright"] = (module.file, binding.lineno)

    def _module_statements(self, classes: list[ClassValue]) -> None:
        """What modules do to their models after the classes: indexes, attributes, imperative mapping."""
        interesting = {id(cls.module): cls.module for cls in classes}
        for module in self._modules():
            if id(module) not in interesting and _names(module, ("map_imperatively", "Table")):
                interesting[id(module)] = module
        for module in interesting.values():
            at = self.frame(module)
            for node in _statements(module.tree.body):
                try:
                    self._module_statement(node, at)
                except Exception as error:
                    self.problem(module, node.lineno, f"{type(error).__name__}: {error}")

    def _module_statement(self, node: ast.stmt, at: Frame) -> None:
        at.line = node.lineno
        self.interpreter.steps = 0
        if isinstance(node, ast.For):
            if any(isinstance(n, ast.Call) and _is_named(n.func, "Table", at.module) for n in ast.walk(node)):
                self.interpreter.execute([node], at)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if last_name(node.value.func) in (
                "Index",
                "UniqueConstraint",
                "map_imperatively",
                "mapper",
                "append_constraint",
            ):
                at.evaluate(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target = node.targets[0]
            if isinstance(target, ast.Name) and last_name(node.value.func) == "Index":
                self.interpreter.global_name(at.module, target.id)
            if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                self._attribute_after_class(target, node.value, at)

    def _attribute_after_class(self, target: ast.Attribute, node: ast.Call, at: Frame) -> None:
        if not isinstance(target.value, ast.Name):
            return
        owner = at.evaluate(target.value)
        if not isinstance(owner, ClassValue) or not isinstance(self.interpreter.adoption(owner), ModelAdoption):
            return
        real = self.real_class(owner)
        value = at.evaluate(node)
        if real is not None and isinstance(value, Real) and is_mapped_part(value.object):
            remember(value.object, at.module.file, node.lineno)
            setattr(real, target.attr, value.object)

    def _map_imperatively(self, thing: Any, arguments: Arguments, at: Frame) -> Value | None:
        cls, table = arguments.get(0, "class_"), arguments.get(1, "local_table")
        registry = getattr(thing, "__self__", None)
        if not isinstance(cls, ClassValue) or not isinstance(table, Real) or not isinstance(table.object, schema.Table):
            return Unknown("an imperative mapping that is not understood")
        properties = arguments.named.get("properties")
        made = concrete(properties, at, self) if isinstance(properties, Mapping) else {}
        made = {k: v for k, v in made.items() if is_mapped_part(v)}
        if not isinstance(registry, orm.registry):
            registry = self.kept.setdefault("registry", orm.registry())
        mark = id(cls.node)
        real = type(cls.name, (), {"__module__": cls.module.name, MARKED: None})
        from dbwright.source.sqlalchemy.models import MARK, Mark

        setattr(real, MARK, Mark(cls))
        registry.map_imperatively(real, table.object, properties=made)
        self._real_classes[mark] = real
        cls.kept["adoption"] = ModelAdoption(self, cls)
        self._by_name = None
        return Known(None)

    def configure(self) -> None:
        """Configure all mappers. A relationship that cannot be configured is a problem and is taken away."""
        for _ in range(60):
            try:
                for registry in self.registries():
                    registry.configure(cascade=True)
            except Exception as error:
                if not self._drop_failed(error):
                    self.kept["unconfigured"] = str(error)
                    return
            else:
                return

    def registries(self) -> list[Any]:
        """The registries of the project's mapped classes."""
        found: list[Any] = []
        for real in self._real_classes.values():
            registry = getattr(real, "registry", None) if isinstance(real, type) else None
            if registry is None and isinstance(real, type):
                mapper: Any = sqlalchemy.inspect(real, raiseerr=False)
                registry = getattr(mapper, "registry", None)
            if isinstance(registry, orm.registry) and not any(one is registry for one in found):
                found.append(registry)
        return found

    def _drop_failed(self, error: Exception) -> bool:
        for registry in self.registries():
            for one in [manager.mapper for manager in list(registry._managers) if manager.is_mapped]:
                failed = getattr(one, "_configure_failed", None)
                if not failed:
                    continue
                one.__dict__.pop("_configure_failed", None)
                cls = class_behind(one.class_)
                unfinished = [
                    p
                    for p in one._props.values()
                    if getattr(p, "_configure_started", False) and not getattr(p, "_configure_finished", False)
                ]
                for prop in unfinished:
                    if cls is not None:
                        self.problem(cls.module, cls.node.lineno, f"relationship {cls.name}.{prop.key}: {failed}")
                    self._drop_property(one, prop.key)
                if not unfinished:
                    self._drop_unstarted(one, cls, failed)
                one.registry._flag_new_mapper(one)
                return True
        return False

    def _drop_unstarted(self, mapper: Any, cls: ClassValue | None, failed: Any) -> None:
        for key, prop in list(mapper._props.items()):
            if isinstance(prop, orm.RelationshipProperty) and not getattr(prop, "_configure_finished", False):
                if cls is not None:
                    self.problem(cls.module, cls.node.lineno, f"relationship {cls.name}.{key}: {failed}")
                self._drop_property(mapper, key)
                return

    @staticmethod
    def _drop_property(mapper: Any, key: str) -> None:
        for one in mapper.self_and_descendants:
            one._props.pop(key, None)
            one._init_properties.pop(key, None) if hasattr(one, "_init_properties") else None
            manager = one.class_manager
            manager.pop(key, None)
            manager.local_attrs.pop(key, None)
            if key in one.class_.__dict__:
                type.__delattr__(one.class_, key)
        mapper._expire_memoizations()

    # Attributes ------------------------------------------------------------------------------------------------------------

    def real_attribute(self, real: Real, name: str, at: Frame) -> Value | None:
        thing = real.object
        if isinstance(thing, re.Pattern):
            return Real(getattr(thing, name, None)) if name in ("sub", "split") else Unknown(f"{name} of a pattern")
        if not self._is_ours(thing):
            return None
        if name.startswith("__") and name not in ("__table__", "__tablename__", "__name__", "__mapper__", "__class__"):
            return None
        if isinstance(thing, type) and class_behind(thing) is not None:
            cls = class_behind(thing)
            assert cls is not None
            return cls.attribute(name, at)
        from dbwright.source.sqlalchemy import statements

        return statements.attribute_of_real(self, thing, name, at)

    def real_elements(self, real: Real) -> list[Value] | None:
        """The columns of a table."""
        return [wrapped(one) for one in real.object] if isinstance(real.object, ColumnCollection) else None

    def real_item(self, real: Real, key: Value, at: Frame) -> Value | None:
        thing = real.object
        if not self._is_ours(thing):
            return None
        from dbwright.source.sqlalchemy import statements

        return statements.item_of_real(self, thing, key, at)

    def model_attribute(self, model: ModelAdoption, name: str, at: Frame) -> Value | None:
        from dbwright.source.sqlalchemy import instances

        return instances.class_attribute(self, model, name, at)

    def half_made(self, cls: ClassValue) -> Any:
        return self._being_made.get(id(cls.node))

    def new_instance(self, model: ModelAdoption, arguments: Arguments, at: Frame) -> Value:
        from dbwright.source.sqlalchemy import instances

        return instances.new(self, model, arguments, at)

    def typed_instance(self, model: ModelAdoption, at: Frame) -> Value:
        from dbwright.source.sqlalchemy import instances

        return instances.typed(self, model, at)

    def typed(self, value: Value, parameters: Any, at: Frame) -> Value | None:
        from dbwright.source.sqlalchemy import sessions

        return sessions.typed(self, value, parameters, at)

    def unknown_call(self, method: ast.Attribute, arguments: Arguments, at: Frame) -> Value | None:
        from dbwright.source.sqlalchemy import sessions

        return sessions.unknown_call(self, method.attr, arguments, at)

    @property
    def configured(self) -> bool:
        return self._configured

    @cached_property
    def is_async(self) -> bool:
        """Whether the project's sessions are asynchronous ones only."""
        texts = [name for module in self.interpreter.codebase.modules for name in module.scope.bindings]
        return "AsyncSession" in texts and not {"Session", "sessionmaker", "scoped_session"} & set(texts)

    def operate(self, name: str, left: Value, right: Value | None, at: Frame) -> Value | None:
        from dbwright.source.sqlalchemy import statements

        return statements.operate(self, name, left, right, at)


MARKED = "dbwright_marked"


class UnknownType(NullType):
    """The type of a column that could not be told."""

    cache_ok = True
    _isnull = False


class TextFrame(Frame):
    """Names in the text of a relationship.

    They are classes of the registry, tables, ``foreign``, ``remote``, ``func`` and what ``sqlalchemy`` has.
    """

    __slots__ = ("framework",)

    def __init__(self, framework: SQLAlchemy, module: Module, owner: ClassValue | None = None) -> None:
        super().__init__(framework.interpreter, module, variables=TextNames(framework, module, owner))
        self.framework = framework


class TextNames(dict[str, Value]):
    """Looks names up when they are asked for."""

    def __init__(self, framework: SQLAlchemy, module: Module, owner: ClassValue | None = None) -> None:
        super().__init__()
        self.framework = framework
        self.module = module
        self.owner = owner

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._found(name) is not None

    def __getitem__(self, name: str) -> Value:
        return self._found(name) or Unknown(f"{name} is not known")

    def _found(self, name: str) -> Value | None:
        if name in ("foreign", "remote"):
            return Real(getattr(orm, name))
        cls = self.framework.class_named(name, self.module, self.owner)
        if cls is not None and isinstance(self.framework.interpreter.adoption(cls), ModelAdoption):
            return cls
        try:
            return Real(self.framework.table_named(name, self.module))
        except LookupError:
            pass
        if name in clsregistry._fallback_dict if hasattr(clsregistry, "_fallback_dict") else False:
            return Real(getattr(sqlalchemy, name))
        found = getattr(sqlalchemy, name, None)
        if found is not None and name not in NEVER_CALLED and not isinstance(found, types.ModuleType):
            return Real(found)
        return None


_FITTING: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("in_", "not_in", "notin_"), list_parameter),
    **dict.fromkeys(("limit", "offset", "fetch", "slice"), number_parameter),
    **dict.fromkeys(("Table", "ForeignKey"), known_of),
}


def fitted(thing: Any, name: str, positional: list[Any], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Arguments in which a token would do harm are replaced or left out."""
    fit = _FITTING.get(name)
    positional = [fit(one) for one in positional] if fit is not None else positional
    if name in ("mapped_column", "Column", "deferred", "column_property"):
        named = {k: v for k, v in named.items() if k not in _DATACLASS_ONLY and not _unfit_option(k, v)}
        if isinstance(named.get("default"), list | dict | set):
            named["default"] = placeholder
        if isinstance(named.get("server_default"), enum.Enum):
            named["server_default"] = str(named["server_default"].value)
        if named.get("server_default") is placeholder:
            named["server_default"] = Token("unknown")
        if name != "column_property":
            positional = [one for one in positional if not (isinstance(one, Token) and one is not positional[0])]
            if positional and isinstance(positional[0], Token):
                positional = [UnknownType(), *positional[1:]]
            positional = [UnknownType() if one is placeholder else one for one in positional]
        if isinstance(named.get("type_"), Token) or named.get("type_") is placeholder:
            named["type_"] = UnknownType()
    if isinstance(thing, type) and issubclass(thing, TypeEngine):
        positional = [None if isinstance(one, Token) else one for one in positional]
        named = {k: v for k, v in named.items() if not isinstance(v, Token)}
    if isinstance(thing, type) and issubclass(thing, schema.SchemaItem):
        named = {
            k: v
            for k, v in named.items()
            if not k.startswith(tuple(f"{d}_" for d in NOT_PRINTED))
            and not (isinstance(v, Token) and k not in ("default", "server_default", "onupdate", "server_onupdate"))
        }
    return positional, named


def _unfit_option(name: str, value: Any) -> bool:
    if name.startswith(tuple(f"{dialect}_" for dialect in NOT_PRINTED)):
        return True
    return isinstance(value, Token) and name not in ("default", "onupdate", "server_default", "type_")


def _values_of(enumeration: Any) -> list[str]:
    return [str(member.value) for member in enumeration]


def _is_named(node: ast.expr, name: str, module: Module) -> bool:
    """Whether a called name is this one of SQLAlchemy's, also imported under another."""
    called = last_name(node)
    bindings = module.scope.bindings.get(called, []) if isinstance(node, ast.Name) else []
    return called == name or any(isinstance(one, Import) and one.name == name for one in bindings)


def _is_named_like_a_test(module: Module) -> bool:
    """``connection_test.py`` with tables in it and no tests."""
    if not module.path.stem.endswith("_test"):
        return False
    definitions = [node.name for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return not any(name.startswith(("test", "Test")) for name in definitions)


def _names(module: Module, names: tuple[str, ...]) -> bool:
    return any(name in module.scope.bindings for name in names) or any(
        isinstance(node, ast.Attribute) and node.attr in names[:1] for node in ast.walk(module.tree)
    )


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module that may change its models, those of functions that map imperatively included."""
    for node in body:
        if isinstance(node, ast.Try | ast.With):
            yield from _statements(node.body)
        elif isinstance(node, ast.FunctionDef):
            if any(isinstance(n, ast.Attribute) and n.attr == "map_imperatively" for n in ast.walk(node)):
                yield from _statements(node.body)
        elif isinstance(node, ast.Expr | ast.Assign | ast.For):
            yield node


def _compiled_pattern(arguments: Arguments, at: Frame) -> Value:
    first = arguments.first()
    if isinstance(first, Known) and isinstance(first.value, str) and not _may_be_slow(first.value):
        try:
            return Real(re.compile(first.value))
        except re.error:
            pass
    return Unknown("a pattern")


def _may_be_slow(pattern: str) -> bool:
    """Whether trying all ways of matching a short text may take long: repetitions inside repetitions, or very many of them."""
    return len(pattern) >= 200 or bool(re.search(r"\)[*+{]", pattern)) or len(re.findall(r"[*+{]", pattern)) > 6


def _pattern_function(name: str, arguments: Arguments, at: Frame) -> Value:
    """``re.sub(pattern, …)``."""
    pattern = _compiled_pattern(arguments, at)
    if not isinstance(pattern, Real):
        return Unknown("text by a pattern", arguments.origin())
    return _pattern_call(getattr(pattern.object, name), Arguments(arguments.positional[1:], arguments.named))


def _is_pattern_method(thing: Any) -> bool:
    return isinstance(getattr(thing, "__self__", None), re.Pattern)


def _pattern_call(thing: Any, arguments: Arguments) -> Value:
    """Substitution in a short constant text."""
    given = [value.value for value in arguments.positional if isinstance(value, Known)]
    if len(given) != len(arguments.positional) or not all(isinstance(one, str) and len(one) < 200 for one in given):
        return Unknown("text by a pattern")
    try:
        return wrapped(thing(*given))
    except (re.error, TypeError, IndexError):
        return Unknown("text by a pattern")


__all__ = ["Bound", "SQLAlchemy", "Union", "alternatives"]
