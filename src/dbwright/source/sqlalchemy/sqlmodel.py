"""SQLModel: classes whose annotations are both fields and columns."""

from __future__ import annotations

import ast
import datetime
import decimal
import enum
import pathlib
import typing
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm

from dbwright.source.interpreter import Frame
from dbwright.source.sqlalchemy.annotations import parsed, relation_target, without_none
from dbwright.source.sqlalchemy.models import MARK, Mark, ModelAdoption, remember
from dbwright.source.sqlalchemy.real import concrete, placeholder
from dbwright.source.tokens import Token
from dbwright.source.values import Arguments, ClassValue, Known, Mapping, Real, Unknown, Value

if TYPE_CHECKING:
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

_TYPES: tuple[tuple[type, Any], ...] = (
    (enum.Enum, sqlalchemy.Enum),
    (bool, sqlalchemy.Boolean),
    (str, sqlalchemy.String),
    (float, sqlalchemy.Float),
    (int, sqlalchemy.Integer),
    (datetime.datetime, sqlalchemy.DateTime),
    (datetime.date, sqlalchemy.Date),
    (datetime.timedelta, sqlalchemy.Interval),
    (datetime.time, sqlalchemy.Time),
    (bytes, sqlalchemy.LargeBinary),
    (decimal.Decimal, sqlalchemy.Numeric),
    (pathlib.Path, sqlalchemy.String),
    (uuid.UUID, sqlalchemy.Uuid),
)


def library(framework: SQLAlchemy, name: str) -> Value | None:
    """SQLModel's own names; the others are SQLAlchemy's."""
    last = name.rpartition(".")[2]
    if last == "SQLModel":
        return SQLModelValue(framework)
    if last in ("Field", "Relationship"):
        return FieldMaker(framework, last)
    if last == "Session":
        return Real(orm.Session)
    if last == "AsyncSession":
        from sqlalchemy.ext import asyncio

        return Real(asyncio.AsyncSession)
    if last == "AutoString":
        return Real(sqlalchemy.String)
    for package in ("sqlalchemy", "sqlalchemy.orm"):
        found = framework.library(f"{package}.{last}")
        if found is not None:
            return found
    return None


class SQLModelValue(Value):
    """The class ``SQLModel``."""

    __slots__ = ("framework",)

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework

    def real_base(self, at: Frame) -> Any:
        return base_of(self.framework)

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "metadata":
            return Real(base_of(self.framework).metadata)
        return Unknown(f"SQLModel.{name}")

    def key(self) -> object:
        return ("sqlmodel",)

    def describe(self) -> str:
        return "SQLModel"


def base_of(framework: SQLAlchemy) -> Any:
    if "sqlmodel" not in framework.kept:
        framework.kept["sqlmodel"] = orm.declarative_base(name="SQLModel")
        framework._note_metadata(framework.kept["sqlmodel"].metadata)
    return framework.kept["sqlmodel"]


class FieldMaker(Value):
    """``Field(…)`` and ``Relationship(…)``."""

    __slots__ = ("framework", "name")

    def __init__(self, framework: SQLAlchemy, name: str) -> None:
        self.framework = framework
        self.name = name

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return FieldValue(self.name, arguments)

    def key(self) -> object:
        return ("sqlmodel", self.name)


class FieldValue(Value):
    """What ``Field(…)`` was given."""

    __slots__ = ("arguments", "maker")

    def __init__(self, maker: str, arguments: Arguments) -> None:
        self.maker = maker
        self.arguments = arguments

    def option(self, name: str) -> Value | None:
        return self.arguments.named.get(name)


def adopt(framework: SQLAlchemy, cls: ClassValue) -> SQLModelAdoption:
    return SQLModelAdoption(framework, cls)


class SQLModelAdoption(ModelAdoption):
    """A class derived from SQLModel: a table where it says ``table=True``, else a schema or a mixin."""

    @property
    def is_table(self) -> bool:
        for keyword in self.cls.node.keywords:
            if keyword.arg == "table" and isinstance(keyword.value, ast.Constant):
                return bool(keyword.value.value)
        return False

    def build(self) -> Any:
        """The mapped class, or None for a class that is no table."""
        if not self.is_table:
            return None
        namespace: dict[str, Any] = {
            "__module__": self.cls.module.name,
            "__qualname__": self.cls.name,
            MARK: Mark(self.cls),
            "__tablename__": self._table_name(),
            "__allow_unmapped__": True,
        }
        interpreter = self.framework.interpreter
        for one in reversed(interpreter.mro(self.cls)):
            namespace |= self._fields(one)
        table_arguments = interpreter.find_in_class(self.cls, "__table_args__")
        if table_arguments is not None:
            from dbwright.source.sqlalchemy.models import Builder

            value = interpreter.own_attribute(table_arguments, "__table_args__")
            namespace["__table_args__"] = Builder(self.framework, self.cls).table_arguments(value, self.cls.node.lineno)
        parents = [self.framework.real_class(b) for b in interpreter.bases(self.cls) if isinstance(b, ClassValue)]
        base = next((p for p in parents if p is not None and hasattr(p, "__mapper__")), base_of(self.framework))
        return type(base)(self.cls.name, (base,), namespace)

    def _table_name(self) -> Any:
        interpreter = self.framework.interpreter
        owner = interpreter.find_in_class(self.cls, "__tablename__")
        if owner is not None:
            value = interpreter.own_attribute(owner, "__tablename__")
            if isinstance(value, Known):
                return value.value
        return self.cls.name.lower()

    def _fields(self, cls: ClassValue) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for node in cls.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                made = self._field(cls, node.target.id, node)
                if made is not None:
                    found[node.target.id] = made
        return found

    def _field(self, cls: ClassValue, name: str, node: ast.AnnAssign) -> Any:
        at = Frame(self.framework.interpreter, cls.module, closure=cls.closure, owner=cls, function=cls.name)
        value = at.evaluate(node.value) if node.value is not None else None
        if name.startswith(("__", "model_config")) or "ClassVar" in ast.unparse(node.annotation):
            return None
        if isinstance(value, FieldValue) and value.maker == "Relationship":
            return self._relationship(cls, node, value, at)
        column = self._column(cls, node, value, at)
        if column is not None:
            remember(column, cls.module.file if cls.module.owned else "", node.lineno)
        return column

    def _relationship(self, cls: ClassValue, node: ast.AnnAssign, value: FieldValue, at: Frame) -> Any:
        target, collection = relation_target(parsed(node.annotation))
        options: dict[str, Value] = {}
        for name in ("back_populates",):
            if value.option(name) is not None:
                options[name] = value.option(name)  # type: ignore[assignment]
        link = value.option("link_model")
        if isinstance(link, ClassValue):
            options["secondary"] = link
        extra = value.option("sa_relationship_kwargs")
        if isinstance(extra, Mapping):
            options.update({k: v for k, v in extra.items.items() if isinstance(k, str)})
        delete = value.option("cascade_delete")
        if delete is not None and delete.truth() is True:
            options.setdefault("cascade", Known("all, delete-orphan"))
        made = self.framework._relationship(orm.relationship, Arguments([], options), at)
        if not isinstance(made, Real) or target is None:
            return None
        relation = made.object
        relation.argument = self.framework.later_class(target, cls.module)
        if collection is None:
            relation.uselist = False
        return relation

    def _column(self, cls: ClassValue, node: ast.AnnAssign, value: Value | None, at: Frame) -> Any:
        field = value if isinstance(value, FieldValue) else FieldValue("Field", Arguments())
        given = field.option("sa_column")
        if isinstance(given, Real) and isinstance(given.object, sqlalchemy.Column):
            return self.framework.fresh(given.object)
        inner, nullable = without_none(node.annotation)
        kind = self._type(cls, inner, field, at)
        if kind is None:
            self.framework.problem(cls.module, node.lineno, f"{cls.name}.{ast.unparse(node.target)}: the column's type")
            kind = self.framework.unknown_type()
        options = self._options(field, at)
        primary = bool(options.get("primary_key"))
        options.setdefault("nullable", not primary and nullable)
        positional: list[Any] = []
        reference = field.option("foreign_key")
        if isinstance(reference, Known) and isinstance(reference.value, str):
            action = field.option("ondelete")
            positional.append(
                sqlalchemy.ForeignKey(reference.value, ondelete=action.value if isinstance(action, Known) else None)
            )
        extra = field.option("sa_column_args")
        if extra is not None:
            positional += [
                self.framework.fresh(one)
                for one in _list(concrete(extra, at, self.framework))
                if isinstance(one, sqlalchemy.sql.schema.SchemaItem)
            ]
        more = field.option("sa_column_kwargs")
        if isinstance(more, Mapping):
            options.update(
                {
                    k: v
                    for k, v in concrete(more, at, self.framework).items()
                    if not (isinstance(v, Token) and not k.endswith("default"))
                }
            )
        default = (
            value if value is not None and not isinstance(value, FieldValue) else field.arguments.get(0, "default")
        )
        if default is not None and not (isinstance(default, Known) and default.value in (None, ...)):
            options.setdefault("default", concrete(default, at, self.framework))
        elif field.option("default_factory") is not None:
            options.setdefault("default", placeholder)
        if isinstance(options.get("default"), list | dict | set):
            options["default"] = placeholder
        return sqlalchemy.Column(kind, *positional, **options)

    @staticmethod
    def _options(field: FieldValue, at: Frame) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in ("primary_key", "nullable", "index", "unique"):
            value = field.option(name)
            if isinstance(value, Known) and isinstance(value.value, bool):
                found[name] = value.value
        return found

    def _type(self, cls: ClassValue, inner: ast.expr | None, field: FieldValue, at: Frame) -> Any:
        given = field.option("sa_type")
        if given is not None:
            made = concrete(given, at, self.framework)
            return None if isinstance(made, Token) or made is placeholder else made
        note: Any = self.framework.annotations.type_of(inner, cls.module) if inner is not None else object
        while typing.get_origin(note) is typing.Annotated:
            note = typing.get_args(note)[0]
        if typing.get_origin(note) is typing.Literal:
            return sqlalchemy.String()
        length = field.option("max_length")
        for python, kind in _TYPES:
            if isinstance(note, type) and issubclass(note, python):
                if kind is sqlalchemy.Enum and issubclass(note, enum.Enum):
                    return sqlalchemy.Enum(note)
                if kind is sqlalchemy.String:
                    return sqlalchemy.String(length.value if isinstance(length, Known) else None)
                if kind is sqlalchemy.Numeric:
                    return self._numeric(field)
                return kind()
        text = ast.unparse(inner) if inner is not None else ""
        if text.rpartition(".")[2] in ("EmailStr", "AnyUrl", "HttpUrl", "AnyHttpUrl", "PostgresDsn"):
            return sqlalchemy.String(length.value if isinstance(length, Known) else None)
        if text.rpartition(".")[2] in ("AwareDatetime", "NaiveDatetime", "PastDatetime", "FutureDatetime"):
            return sqlalchemy.DateTime()
        return None

    @staticmethod
    def _numeric(field: FieldValue) -> Any:
        digits, places = field.option("max_digits"), field.option("decimal_places")
        return sqlalchemy.Numeric(
            digits.value if isinstance(digits, Known) else None, places.value if isinstance(places, Known) else None
        )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
