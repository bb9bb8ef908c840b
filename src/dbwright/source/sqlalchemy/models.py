"""Declarative models: from class bodies to really mapped classes in a registry of our own.

Real classes are made because SQLAlchemy then tells columns, types, names and the SQL of queries itself. The project's code is read, never
run: a class body gives columns, relationships and table arguments; methods stay abstract values.
"""

from __future__ import annotations

import ast
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import interfaces
from sqlalchemy.orm import properties as orm_properties
from sqlalchemy.orm.util import _is_mapped_annotation  # noqa: F401  its presence is what this module is written against
from sqlalchemy.sql import schema

from dbwright.source.interpreter import Frame, decorator_names
from dbwright.source.sqlalchemy.annotations import inside_mapped, parsed, relation_target, without_none
from dbwright.source.sqlalchemy.real import concrete, last_name
from dbwright.source.tokens import Token
from dbwright.source.values import (
    Arguments,
    Bound,
    ClassValue,
    Function,
    Items,
    Known,
    Mapping,
    Real,
    Unknown,
    Value,
    alternatives,
)

if TYPE_CHECKING:
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

DIRECTIVES = frozenset(
    "__tablename__ __table_args__ __mapper_args__ __table__ __abstract__ __bind_key__ __table_cls__ metadata registry "
    "type_annotation_map __mapper_cls__ __sa_dataclass_fields__".split()
)
MARK = "__dbwright__"
_MAPPED: Any = orm.Mapped  # what it is subscripted with is known only here, at run time
MOST_REPAIRS = 60
_WITHOUT_TYPE = re.compile(r"Mapped\[\] annotation for the '(\w+)' attribute")


class Mark:
    """Ties a real class to the project's class that it stands for."""

    def __init__(self, cls: ClassValue) -> None:
        self.cls = cls


def class_behind(real: Any) -> ClassValue | None:
    """The project's class that a real one was made for."""
    mark = real.__dict__.get(MARK) if isinstance(real, type) else None
    return mark.cls if isinstance(mark, Mark) else None


class ModelAdoption:
    """A class of the project that is a mapped class or a declarative base."""

    def __init__(self, framework: SQLAlchemy, cls: ClassValue) -> None:
        self.framework = framework
        self.cls = cls

    @property
    def label(self) -> str:
        return self.cls.qualified_name

    @property
    def real(self) -> Any:
        return self.framework.real_class(self.cls)

    @property
    def mapper(self) -> Any:
        real = self.real
        return sqlalchemy.inspect(real, raiseerr=False) if real is not None else None

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        assigned: dict[str, Value] = self.cls.kept.get("assigned", {})
        return assigned.get(name) or self.framework.model_attribute(self, name, at)

    def assign_class_attribute(self, name: str, value: Value, at: Frame) -> None:
        """``cls.Event = …`` while the class is being made: for good. What functions set later is for their callers only."""
        if self.framework.half_made(self.cls) is not None:
            self.cls.kept.setdefault("assigned", {})[name] = value

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return self.framework.new_instance(self, arguments, at)

    def typed(self, at: Frame) -> Value:
        return self.framework.typed_instance(self, at)


class Builder:
    """Makes the real class of one of the project's: a base, a mixin or a model."""

    def __init__(self, framework: SQLAlchemy, cls: ClassValue) -> None:
        self.framework = framework
        self.interpreter = framework.interpreter
        self.cls = cls
        self.at = Frame(self.interpreter, cls.module, closure=cls.closure, owner=cls, function=cls.name)

    def build(self) -> Any:
        bases = tuple(self._bases())
        namespace = self._namespace()
        namespace["__module__"] = self.cls.module.name
        namespace["__qualname__"] = self.cls.name
        namespace[MARK] = Mark(self.cls)
        namespace["__allow_unmapped__"] = True
        if any(self.interpreter.unread_bases(self.cls)):
            namespace.update(self._columns_of_unread_bases(bases, namespace))
        for _ in range(MOST_REPAIRS):
            try:
                return self._made(bases, namespace)
            except TypeError as error:
                if "MRO" not in str(error) or len(bases) < 2:
                    raise
                bases = bases[:-1]
            except ArgumentError as error:
                if not self._repaired(error, bases, namespace):
                    raise
        return None

    def _columns_of_unread_bases(self, bases: tuple[Any, ...], namespace: dict[str, Any]) -> dict[str, Any]:
        """Columns that an index or a constraint of the class names and that nothing read of it has: a base that is not read brings them."""
        given = namespace.get("__table_args__")
        named = {
            column
            for part in (given if isinstance(given, tuple) else ())
            for column in getattr(part, "_pending_colargs", ())
            if isinstance(column, str) and not isinstance(column, Token)
        }
        holders = (namespace, *(one.__dict__ for base in bases for one in base.__mro__))
        there = {name for holder in holders for name in holder}
        there |= {c.name for holder in holders for c in holder.values() if isinstance(c, schema.Column)}
        return {name: schema.Column(self.framework.unknown_type()) for name in sorted(named - there)}

    def _repaired(self, error: ArgumentError, bases: tuple[Any, ...], namespace: dict[str, Any]) -> bool:
        """A column whose type nobody can tell keeps its place among the columns, and is a problem."""
        match = _WITHOUT_TYPE.search(str(error))
        if match is None:
            return False
        name = match[1]
        holders = (namespace, *(one.__dict__ for base in bases for one in base.__mro__))
        given = next((holder[name] for holder in holders if name in holder), None)
        if not isinstance(given, orm_properties.MappedColumn) or not given.column.type._isnull:
            return False
        line = given.column.info.get("dbwright", ("", self.cls.node.lineno))[1]
        self.framework.problem(self.cls.module, line, f"{self.cls.name}.{name}: the column's type")
        given.column._set_type(self.framework.unknown_type())
        return True

    def _made(self, bases: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
        def fill(given: dict[str, Any]) -> None:
            given.update(namespace)

        return types.new_class(self.cls.name, bases, {}, fill)

    def _bases(self) -> Iterator[Any]:
        self.framework.note_unread(self.cls, list(self.interpreter.unread_bases(self.cls)))
        seen: list[Any] = []
        for base in self.interpreter.bases(self.cls):
            real: Any = None
            if isinstance(base, ClassValue) and base is not self.cls:
                real = self.framework.real_class(base)
            elif isinstance(base, Real) and isinstance(base.object, type):
                real = None if base.object is orm.MappedAsDataclass else base.object
            else:
                found = getattr(base, "real_base", None)
                real = found(self.at) if found is not None else None
            if isinstance(real, type) and real not in seen and real is not object:
                seen.append(real)
                yield real

    # The body --------------------------------------------------------------------------------------------------------------

    def _namespace(self) -> dict[str, Any]:
        namespace: dict[str, Any] = {}
        notes: dict[str, Any] = {}
        annotated = {
            node.target.id: node
            for node in self.cls.node.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        scope = self.interpreter.scope_of(self.cls)
        # In the order of the source: it is the order of the columns.
        names = [name for node in self.cls.node.body for name in _names_of(node)]
        for name in dict.fromkeys((*names, *scope.bindings)):
            if name in scope.bindings:
                value = self._attribute(name, scope.bindings[name])
                if value is not None:
                    namespace[name] = value.value
            if name in annotated:
                self._annotate(name, annotated[name], namespace, notes)
        if notes:
            namespace["__annotations__"] = notes
        return namespace

    def _attribute(self, name: str, bindings: list[Any]) -> _Kept | None:
        binding = bindings[-1]
        if isinstance(binding, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._method(name, binding)
        if isinstance(binding, ast.ClassDef):
            return None
        if name == "type_annotation_map":
            found = self.framework.annotation_map(binding, self.cls.module)
            return _Kept(found) if found else None
        value = self.interpreter.own_attribute(self.cls, name)
        if name in DIRECTIVES:
            return self._directive(name, value, binding)
        chosen = next((one for one in alternatives(value) if isinstance(one, Real)), None)
        if chosen is not None and is_mapped_part(chosen.object):
            thing = chosen.object
            if isinstance(thing, orm.RelationshipProperty):
                thing = self.framework.own_copy(chosen, self.cls)
            self._remember_line(thing, binding)
            return _Kept(thing)
        if chosen is not None and isinstance(chosen.object, sqlalchemy.Table) and name == "__table__":
            return _Kept(chosen.object)
        if isinstance(value, Known) and value.value is None and not name.startswith("__"):
            return _Kept(None)
        if isinstance(value, Unknown) and isinstance(binding, ast.Call) and last_name(binding.func) in _COLUMN_MAKERS:
            self.framework.problem(self.cls.module, binding.lineno, f"{self.cls.name}.{name}: {value.reason}")
        return None

    def _directive(self, name: str, value: Value, binding: Any) -> _Kept | None:
        if isinstance(value, Function):
            return None
        if isinstance(value, Unknown):
            if name in ("__tablename__", "__table__", "metadata"):
                self.framework.problem(
                    self.cls.module,
                    getattr(binding, "lineno", self.cls.node.lineno),
                    f"{self.cls.name}.{name}: {value.reason}",
                )
            return None
        if name == "__table_args__":
            return _Kept(self.table_arguments(value, getattr(binding, "lineno", 0)))
        if name == "__mapper_args__":
            return _Kept(self.mapper_arguments(value))
        found = concrete(value, self.at, self.framework)
        if name == "__tablename__" and not (isinstance(found, str) or found is None):
            return None
        if name == "registry" and isinstance(binding, ast.Call):
            self.framework.complete_registry(found, binding, self.cls.module)
        return _Kept(found)

    def table_arguments(self, value: Value, line: int) -> Any:
        """``__table_args__`` without what is not known."""
        if isinstance(value, Mapping):
            return self._options(value)
        if isinstance(value, Items):
            found: list[Any] = []
            for one in value.items:
                part: Any = None
                for choice in alternatives(one):
                    if isinstance(choice, Real) and isinstance(choice.object, schema.SchemaItem):
                        part = self.framework.fresh(choice.object)
                    elif isinstance(choice, Mapping):
                        part = self._options(choice)
                if part is not None:
                    found.append(part)
                else:
                    self.framework.problem(
                        self.cls.module,
                        line or self.cls.node.lineno,
                        f"part of the table arguments of {self.cls.name}: {one.describe()}",
                    )
            dictionaries = [one for one in found if isinstance(one, dict)]
            merged: dict[str, Any] = {}
            for options in dictionaries:
                merged.update(options)
            rest = [one for one in found if not isinstance(one, dict)]
            return (*rest, merged)
        for choice in alternatives(value):
            if isinstance(choice, Items | Mapping):
                return self.table_arguments(choice, line)
        return ()

    def _options(self, value: Mapping) -> dict[str, Any]:
        options = {
            key: concrete(item, self.at, self.framework)
            for key, item in value.items.items()
            if isinstance(key, str) and not isinstance(item, Unknown)
        }
        return {
            k: v
            for k, v in options.items()
            if not k.startswith(("mysql_", "sqlite_", "mssql_", "oracle_", "mariadb_", "bigquery_"))
        }

    def mapper_arguments(self, value: Value) -> dict[str, Any]:
        chosen = next((one for one in alternatives(value) if isinstance(one, Mapping)), None)
        if chosen is None:
            return {}
        kept = {}
        for key, item in chosen.items.items():
            if isinstance(item, Unknown):
                continue
            found = concrete(item, self.at, self.framework)
            if key in ("version_id_generator", "confirm_deleted_rows"):
                found = False
            if isinstance(found, str) and key in (
                "polymorphic_on",
                "polymorphic_identity",
                "primary_key",
                "version_id_col",
            ):
                found = str(found)
            kept[key] = found
        return kept

    def _method(self, name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> _Kept | None:
        decorators = decorator_names(node)
        declared = [
            one for one in decorators if "declared_attr" in one or one.endswith(("declared_attr", "declarative_mixin"))
        ]
        if not declared:
            if name in ("__tablename__", "__table_args__", "__mapper_args__") and "classmethod" in decorators:
                declared = ["declared_attr"]
            else:
                return None
        function = Function(node, self.cls.module, self.cls.closure, self.cls)

        def call(cls: Any) -> Any:
            return self._declared(function, name, cls)

        call.__annotations__ = {}  # SQLAlchemy reads them
        if node.returns is not None:
            wrapped = inside_mapped(node.returns)
            if wrapped is not None:
                call.__annotations__ = {
                    "return": _MAPPED[self.framework.annotations.type_of(wrapped[1], self.cls.module)]
                }
        if any(one.endswith(".cascading") for one in decorators):
            return _Kept(orm.declared_attr.cascading(call))
        if any(one.endswith(".directive") for one in decorators):
            return _Kept(orm.declared_attr.directive(call))
        return _Kept(orm.declared_attr(call))

    def _declared(self, function: Function, name: str, real: Any) -> Any:
        """What a ``declared_attr`` gives for the class that SQLAlchemy is mapping."""
        owner = class_behind(real) or self.cls
        with self.framework.being_made(owner, real):
            at = self.framework.frame(owner.module)
            value = self.framework.walked(function, owner, Arguments())
        if name == "__table_args__":
            return self.table_arguments(value, function.node.lineno)
        if name == "__mapper_args__":
            return self.mapper_arguments(value)
        best: Value | None = next((one for one in alternatives(value) if isinstance(one, Real)), None)
        if best is None:
            best = next((one for one in alternatives(value) if not isinstance(one, Unknown)), None)
        if best is None:
            self.framework.problem(function.module, function.node.lineno, f"{owner.name}.{name}: {value.describe()}")
            return None
        found = concrete(best, at, self.framework)
        if isinstance(found, orm.RelationshipProperty):
            found = self.framework.own_copy(best, owner) if isinstance(best, Real) else found
            returns = getattr(function.node, "returns", None)
            wrapped = inside_mapped(returns) if returns is not None else None
            if wrapped is not None:
                self._complete_relation(found, wrapped[1], function.module)
        elif isinstance(found, schema.SchemaItem):
            found = self.framework.fresh(found)
        if is_mapped_part(found):
            self._remember_line(found, function.node)
        return found

    # Annotations -----------------------------------------------------------------------------------------------------------

    def _annotate(self, name: str, node: ast.AnnAssign, namespace: dict[str, Any], notes: dict[str, Any]) -> None:
        wrapped = inside_mapped(node.annotation)
        given = namespace.get(name)
        if wrapped is None:
            return
        outer, inner = wrapped
        if isinstance(given, orm.RelationshipProperty):
            collection = self._complete_relation(given, inner, self.cls.module)
            optional = without_none(inner)[1]
            single = typing.Optional[object] if optional else object  # noqa: UP045
            target: Any = collection[object] if collection in (list, set) else (collection or single)
            if collection is dict:
                target = dict[object, object]
            if outer in ("DynamicMapped", "WriteOnlyMapped"):
                target = object
                given.lazy = "dynamic" if outer == "DynamicMapped" else "write_only"
            notes[name] = orm.Mapped[target]
            return
        if given is None and node.value is not None and name not in namespace:
            return  # something that could not be told; it is a problem already
        if given is None:
            target_node, collection = relation_target(inner)
            if target_node is not None and self._is_model(target_node) and name not in namespace:
                made = self.framework.relationship_without_arguments(self.cls)
                self._complete_relation(made, inner, self.cls.module)
                namespace[name] = made
                notes[name] = _MAPPED[collection[object] if collection in (list, set) else object]
                return
        column = given.column if isinstance(given, orm_properties.MappedColumn) else given
        if isinstance(column, sqlalchemy.Column) and not column.type._isnull and self.framework.before_annotations:
            if isinstance(given, orm_properties.MappedColumn):
                namespace[name] = column
            return
        notes[name] = _MAPPED[self.framework.annotations.type_of(inner, self.cls.module)]
        if name not in namespace:
            made_column = orm.mapped_column()
            self._remember_line(made_column, node)
            namespace[name] = made_column

    def _is_model(self, node: ast.expr) -> bool:
        node = parsed(node)
        if not isinstance(node, ast.Name | ast.Attribute):
            return False
        value = self.at.evaluate(node)
        if isinstance(value, ClassValue):
            return isinstance(self.interpreter.adoption(value), ModelAdoption)
        if isinstance(value, Unknown) and isinstance(node, ast.Name):
            return self.framework.class_named(node.id, self.cls.module) is not None
        return False

    def _complete_relation(self, relation: Any, node: ast.expr, module: Any) -> Any:
        """The target of a relationship from its annotation, where its arguments do not name it. Gives the collection."""
        target, collection = relation_target(node)
        if relation.argument is None and target is not None:
            relation.argument = self.framework.later_class(target, module)
        if collection is None and relation.uselist is None:
            relation.uselist = False
        return collection

    def _remember_line(self, thing: Any, node: Any) -> None:
        remember(
            thing, self.cls.module.file if self.cls.module.owned else "", getattr(node, "lineno", self.cls.node.lineno)
        )


_COLUMN_MAKERS = frozenset("Column mapped_column relationship deferred column_property Field Relationship".split())


class _Kept:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return [node.name] if isinstance(node, ast.FunctionDef) else []


def is_mapped_part(thing: Any) -> bool:
    """A column, a relationship or another property of a mapped class."""
    return isinstance(
        thing,
        schema.SchemaItem | interfaces.MapperProperty | orm_properties.MappedColumn | interfaces._MappedAttribute,
    )


def remember(thing: Any, file: str, line: int) -> None:
    """Note where a column, index or constraint is defined; copies that mixins make keep it."""
    column = getattr(thing, "column", None) if isinstance(thing, orm_properties.MappedColumn) else thing
    if isinstance(thing, orm_properties.ColumnProperty):
        for one in thing.columns:
            remember(one, file, line)
        return
    if isinstance(column, schema.SchemaItem):
        column.info.setdefault("dbwright", (file, line))


__all__ = ["Bound", "Builder", "Callable", "ModelAdoption", "class_behind", "is_mapped_part", "remember"]
