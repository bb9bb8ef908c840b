"""Instances of mapped classes: what was loaded with them, and the query that touching the rest issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.ext.associationproxy import AssociationProxy
from sqlalchemy.orm import attributes
from sqlalchemy.orm.util import AliasedClass

from dbwright.source.interpreter import decorator_names
from dbwright.source.issued import IssuedQuery
from dbwright.source.sqlalchemy import flask
from dbwright.source.sqlalchemy.models import ModelAdoption, class_behind
from dbwright.source.sqlalchemy.real import wrapped
from dbwright.source.tokens import token_for
from dbwright.source.values import (
    Arguments,
    Bound,
    ClassValue,
    Function,
    Identity,
    Items,
    Known,
    Mapping,
    Native,
    Origin,
    Unknown,
    Value,
    union,
)

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

_OF_CLASS = frozenset(("__table__", "__tablename__", "__mapper__", "__table_args__"))


def class_attribute(framework: SQLAlchemy, model: ModelAdoption, name: str, at: Frame) -> Value | None:
    """An attribute of a mapped class."""
    half = framework.half_made(model.cls)
    if half is not None:
        return _of_half_made(half, name)
    hybrid = hybrid_of(model.cls, name, at, expression=True)
    if hybrid is not None:
        return framework.interpreter.call_function(hybrid, model.cls, Arguments(), at)
    real = model.real
    if real is None or (name.startswith("__") and name not in _OF_CLASS):
        return None
    mapper = sqlalchemy.inspect(real, raiseerr=False)
    if mapper is None:
        found = getattr(real, name, None)
        return (
            wrapped(found) if found is not None and not callable(found) and name in ("metadata", "registry") else None
        )
    if name in mapper.all_orm_descriptors or name in _OF_CLASS or name in ("metadata", "registry"):
        try:
            found = getattr(real, name)
        except Exception as error:
            return Unknown(f"{name}: {type(error).__name__}")
        return None if isinstance(found, AssociationProxy) else wrapped(found)
    if name == "query" and not _has_own_query(framework, model):
        from dbwright.source.sqlalchemy import sessions

        return sessions.model_query(framework, model, at)
    return None


def _has_own_query(framework: SQLAlchemy, model: ModelAdoption) -> bool:
    """Whether a class of the project gives ``query``, and stands before Flask-SQLAlchemy's base in the order of resolution."""
    owner = framework.interpreter.find_in_class(model.cls, "query")
    if owner is None:
        return False
    order = model.real.__mro__
    library = next((n for n, cls in enumerate(order) if cls.__module__ == flask.MODULE), len(order))
    return framework.real_class(owner) not in order[library:]


def _of_half_made(half: Any, name: str) -> Value | None:
    if name.startswith("__") and name not in ("__tablename__", "__table__", "__name__"):
        return None
    try:
        found = getattr(half, name)
    except Exception:
        return None
    return (
        None
        if callable(found) and not isinstance(found, attributes.QueryableAttribute) and not hasattr(found, "type")
        else wrapped(found)
    )


def hybrid_of(cls: ClassValue, name: str, at: Frame, expression: bool) -> Function | None:
    """The function of a hybrid property: its expression on the class, its getter on an instance."""
    import ast

    interpreter = at.interpreter
    for one in interpreter.mro(cls):
        functions = [
            b
            for b in interpreter.scope_of(one).bindings.get(name, ())
            if isinstance(b, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        getters = [
            f
            for f in functions
            if any(d.rpartition(".")[2] in ("hybrid_property", "hybrid_method") for d in decorator_names(f))
        ]
        if not getters:
            if name in interpreter.scope_of(one).bindings:
                return None
            continue
        if not any(d.rpartition(".")[2] == "hybrid_property" for d in decorator_names(getters[0])):
            return None
        if expression:
            for node in one.node.body:
                if isinstance(node, ast.FunctionDef) and any(
                    d in (f"{name}.expression", f"{name}.inplace.expression") for d in decorator_names(node)
                ):
                    return Function(node, one.module, one.closure, one)
        return Function(getters[0], one.module, one.closure, one)
    return None


@dataclass(frozen=True, slots=True)
class KeyOf(Unknown):
    """The primary key of a row that the session holds."""

    row: ModelInstance | None = None

    def key(self) -> object:
        return ("key of", self.reason)


class ModelInstance(Value):
    """An object of a mapped class.

    ``real`` is a made-up one of SQLAlchemy's, which knows what is loaded; ``row_of`` the query it came from; ``parents`` are the rows that
    it was reached from, by the columns that refer to them: the session has them.
    """

    __slots__ = (
        "attributes",
        "framework",
        "is_async",
        "is_new",
        "model",
        "parents",
        "real",
        "row_of",
        "session",
        "touched",
    )

    def __init__(
        self,
        framework: SQLAlchemy,
        model: ModelAdoption,
        real: Any,
        record: IssuedQuery | None,
        is_async: bool = False,
        is_new: bool = False,
    ) -> None:
        self.framework = framework
        self.model = model
        self.real = real
        self.row_of = record
        self.is_async = is_async
        self.is_new = is_new
        self.session: Any = None
        self.attributes: dict[str, Value] = {}
        self.parents: dict[frozenset[Any], ModelInstance] = {}
        self.touched: set[object] = set()

    @property
    def cls(self) -> ClassValue:
        return self.model.cls

    def concrete(self, at: Frame) -> Any:
        return self.real if self.real is not None else token_for(Unknown("an instance", "row"))

    def attribute(self, name: str, at: Frame) -> Value:
        if name in self.attributes:
            return self.attributes[name]
        if name == "__class__":
            return self.cls
        hybrid = hybrid_of(self.cls, name, at, expression=False)
        if hybrid is not None:
            return at.interpreter.call_function(hybrid, self, Arguments(), at)
        mapper = self.model.mapper
        prop = mapper.attrs.get(name) if mapper is not None else None
        if isinstance(prop, orm.RelationshipProperty):
            return self._relation(prop, at)
        if prop is not None:
            return self._column(prop, at)
        interpreter = at.interpreter
        owner = interpreter.find_in_class(self.cls, name)
        if owner is not None:
            value = interpreter.own_attribute(owner, name)
            if not isinstance(value, Unknown):
                return interpreter.bind(value, self, at)
        if name in ("__table__", "__tablename__", "metadata", "query"):
            return self.cls.attribute(name, at)
        return Unknown(f"attribute {name} of a {self.cls.name}", "row")

    def _column(self, prop: Any, at: Frame) -> Value:
        deferred = getattr(prop, "deferred", False)
        if deferred and not self.is_new and self.real is not None and self._is_unloaded(prop.key):
            self._touch(prop, at)
        origin: Origin = "row" if self.row_of is not None or not self.is_new else "unknown"
        named = f"{self.cls.name}.{prop.key}"
        if self.row_of is not None and not self.is_new and list(prop.columns) == list(self.model.mapper.primary_key):
            return KeyOf(named, origin, row=self)
        return Unknown(named, origin)

    def _is_unloaded(self, key: str) -> bool:
        state = sqlalchemy.inspect(self.real, raiseerr=False)
        return state is not None and key in state.unloaded

    def _relation(self, prop: Any, at: Frame) -> Value:
        if self.is_new:
            return self._related(prop, None, None)
        if self.real is None:
            return self._related(prop, None, None)
        if (parent := self.parents.get(_local(prop))) is not None:
            return parent
        if not self._is_unloaded(prop.key):
            return self._related(prop, getattr(self.real, prop.key, None), self.row_of)
        if prop.lazy in ("dynamic", "write_only"):
            return self._dynamic(prop, at)
        mark = (prop.key, at.summary.number)
        if mark in self.touched:
            return self._related(prop, self.touched_value(prop), None)
        record, found = self._touch(prop, at)
        self.touched.add(mark)
        return self._related(prop, found, record)

    def touched_value(self, prop: Any) -> Any:
        return None

    def _dynamic(self, prop: Any, at: Frame) -> Value:
        from dbwright.source.sqlalchemy.statements import Statement

        target = prop.mapper.class_
        try:
            if prop.secondary is None:  # the row's own key is told as such, not as the number that stands for it
                conditions = [there == token_for(Unknown("a key", "row")) for _here, there in prop.local_remote_pairs]
            else:
                conditions = [orm.with_parent(self.real, getattr(type(self.real), prop.key))]
            query: orm.Query[Any] = orm.Query([target]).filter(*conditions)
        except Exception:
            return Unknown(f"dynamic relation {prop.key}", "row")
        return Statement(self.framework, query, at.place)

    def _touch(self, prop: Any, at: Frame) -> tuple[IssuedQuery | None, Any]:
        """A relation or column that was not loaded is read: the real object sends the query that SQLAlchemy would."""
        from dbwright.source.sqlalchemy.results import issue

        if getattr(prop, "lazy", None) in ("raise", "raise_on_sql", "noload"):
            return None, None
        real = self.real
        if (flushed := getattr(self.session, "flushed", None)) is not None:
            flushed(at)

        def run(session: Any) -> Any:
            session.add(real)
            try:
                return getattr(real, prop.key)
            finally:
                session.expunge_all()
                real.__dict__.pop(prop.key, None)

        target = prop.mapper.class_ if isinstance(prop, orm.RelationshipProperty) else type(real)
        record, found = issue(
            self.framework,
            at,
            run,
            "relation",
            made=self.row_of.made if self.row_of is not None else None,
            subject=target,
            consumer="touch",
            is_async=self.is_async,
            relation=prop.key,
        )
        return record, found

    def _related(self, prop: Any, found: Any, record: IssuedQuery | None) -> Value:
        target = prop.mapper.class_
        if prop.uselist:
            one = next(iter(found.values() if isinstance(found, dict) else found), None) if found else None
            related = of_row(self.framework, target, one, record, self.is_async, self.session)
            if isinstance(related, ModelInstance) and prop.direction.name == "ONETOMANY":
                related.parents[frozenset(there for _here, there in prop.local_remote_pairs)] = self
            if isinstance(found, dict):
                return Mapping({}, related)
            return Items([], "list", related)
        related = of_row(self.framework, target, found, record, self.is_async, self.session)
        local = [column for column, _other in prop.local_remote_pairs] if prop.direction.name == "MANYTOONE" else []
        if local and not any(column.nullable for column in local):
            return related
        return union([related, Known(None)])

    def assign(self, name: str, value: Value, at: Frame) -> None:
        self.attributes[name] = value
        mapper = self.model.mapper
        if not self.is_new and self.session is not None and mapper is not None and name in mapper.attrs:
            self.session.changed(self, name, at)

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return at.call(self.attribute("__call__", at), arguments)

    def truth(self) -> bool | None:
        return True

    def key(self) -> object:
        loaded = ()
        state = sqlalchemy.inspect(self.real, raiseerr=False) if self.real is not None else None
        if state is not None:
            loaded = tuple(sorted(set(state.dict) - set(state.unloaded)))
        return (
            "model instance",
            id(self.cls.node),
            loaded,
            self.is_new,
            self.is_async,
            Identity(self.row_of) if self.row_of else None,
        )

    def describe(self) -> str:
        return f"a {self.cls.name}"


def _local(prop: Any) -> frozenset[Any]:
    """The columns by which a row refers to one other row."""
    return frozenset(here for here, _there in prop.local_remote_pairs if prop.direction.name == "MANYTOONE")


def held(key: Value | None, entity: Any) -> ModelInstance | None:
    """The row of a class that the session holds under a key: its identity map answers without a query."""
    row = key.row if isinstance(key, KeyOf) else None
    return row if row is not None and row.model.real is entity else None


def adoption_of(framework: SQLAlchemy, real: Any) -> ModelAdoption | None:
    if isinstance(real, AliasedClass):
        real = sqlalchemy.inspect(real).mapper.class_
    cls = class_behind(real)
    adoption = framework.interpreter.adoption(cls) if cls is not None else None
    return adoption if adoption is not None and hasattr(adoption, "mapper") else None  # type: ignore[return-value]


def of_row(
    framework: SQLAlchemy,
    entity: Any,
    real: Any,
    record: IssuedQuery | None,
    is_async: bool,
    session: Value | None = None,
) -> Value:
    """An instance that came from a query of a session."""
    adoption = adoption_of(framework, type(real) if real is not None and class_behind(type(real)) else entity)
    if adoption is None:
        return Unknown("a row", "row")
    if real is None or class_behind(type(real)) is None:
        real = persistent(framework, adoption)
    made = ModelInstance(framework, adoption, real, record, is_async)
    made.session = session
    return made


def persistent(framework: SQLAlchemy, model: ModelAdoption) -> Any:
    """A made-up row of a model, with nothing loaded beside it that its mapping does not load always."""
    if model.mapper is None or not framework.configured:
        return None
    with framework.recorder.recording():
        session = framework.recorder.session()
        try:
            found = session.execute(sqlalchemy.select(model.real).limit(1)).unique().scalars().first()
            session.expunge_all()
            return found
        except Exception:
            return None


def new(framework: SQLAlchemy, model: ModelAdoption, arguments: Arguments, at: Frame) -> Value:
    """``Model(name=…)``. The project's own ``__init__`` is walked."""
    instance = ModelInstance(framework, model, None, None, is_new=True)
    interpreter = framework.interpreter
    owner = interpreter.find_in_class(model.cls, "__init__")
    instance.attributes.update(arguments.named)
    if owner is not None:
        method = interpreter.own_attribute(owner, "__init__")
        if isinstance(method, Function):
            interpreter.call_function(method, instance, arguments, at)
    return instance


def typed(framework: SQLAlchemy, model: ModelAdoption, at: Frame) -> Value:
    """An instance of which nothing is known but its class."""
    framework.build()
    return ModelInstance(framework, model, persistent(framework, model), None)


__all__ = ["Bound", "ModelInstance", "Native", "class_attribute", "new", "of_row", "typed"]
