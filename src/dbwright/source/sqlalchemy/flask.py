"""Flask-SQLAlchemy: ``db = SQLAlchemy()`` with its base class, its session and its names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.sql import schema

from dbwright.source.sqlalchemy.real import concrete
from dbwright.source.values import Arguments, ClassValue, Identity, Known, Native, Real, Unknown, Value

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

MODULE = "flask_sqlalchemy.model"
"""The module that the class below all models says it stands in, as in Flask-SQLAlchemy."""
_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def table_name(name: str) -> str:
    """The table's name that Flask-SQLAlchemy makes of a class's."""
    return _NAME.sub("_", name).lower()


def library(framework: SQLAlchemy, name: str) -> Value | None:
    last = name.rpartition(".")[2]
    if last in ("SQLAlchemy", "SQLAlchemyLite"):
        return ExtensionClass(framework)
    if last == "Model":
        return ModelClass(framework)
    if last in ("Query", "BaseQuery"):
        return Real(orm.Query)
    if last == "SignallingSession":
        return Real(orm.Session)
    return None


class ExtensionClass(Value):
    """The class ``flask_sqlalchemy.SQLAlchemy``."""

    __slots__ = ("framework",)

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return Extension(self.framework, arguments, at)

    def key(self) -> object:
        return ("flask_sqlalchemy",)

    def describe(self) -> str:
        return "flask_sqlalchemy.SQLAlchemy"


class ModelClass(Value):
    """``flask_sqlalchemy.Model``, given as a base in ``model_class=``."""

    __slots__ = ("framework",)

    def __init__(self, framework: SQLAlchemy) -> None:
        self.framework = framework

    def key(self) -> object:
        return ("flask_sqlalchemy.Model",)


class ExtensionAdoption:
    """A class of the project that refines ``SQLAlchemy``."""

    label = None

    def __init__(self, framework: SQLAlchemy, cls: ClassValue) -> None:
        self.framework = framework
        self.cls = cls

    def class_attribute(self, name: str, at: Frame) -> Value | None:
        return None

    def instantiate(self, arguments: Arguments, at: Frame) -> Value:
        return Extension(self.framework, arguments, at, self.cls)

    def typed(self, at: Frame) -> Value:
        return Extension(self.framework, Arguments(), at, self.cls)


class Extension(Value):
    """``db``: one for each place that makes it."""

    __slots__ = ("base", "cls", "framework", "metadata", "query_class")

    def __init__(self, framework: SQLAlchemy, arguments: Arguments, at: Frame, cls: ClassValue | None = None) -> None:
        self.framework = framework
        self.cls = cls
        given = arguments.named.get("metadata")
        metadata = concrete(given, at, framework) if given is not None else None
        self.metadata = metadata if isinstance(metadata, sqlalchemy.MetaData) else sqlalchemy.MetaData()
        query_class = arguments.named.get("query_class")
        self.query_class = query_class if isinstance(query_class, ClassValue) else None
        if self.query_class is not None:
            framework.kept["query class"] = self.query_class
        self.base = self._base(arguments.named.get("model_class"), at)
        framework._note_metadata(self.metadata)

    def _base(self, model_class: Value | None, at: Frame) -> Any:
        """The declarative base, which names tables by their classes."""
        mixin: Any = None
        if isinstance(model_class, ClassValue):
            mixin = self.framework.real_class(model_class)
        elif isinstance(model_class, Real) and isinstance(model_class.object, type):
            mixin = model_class.object
        declarative = mixin is not None and (
            issubclass(mixin, orm.DeclarativeBase | orm.DeclarativeBaseNoMeta) or isinstance(mixin, orm.DeclarativeMeta)
        )
        if declarative and hasattr(mixin, "metadata"):
            base = mixin
            self.metadata = mixin.metadata
        else:
            bases = (mixin,) if mixin is not None and mixin is not orm.DeclarativeBase else ()
            holder = type("Model", bases, {"__module__": MODULE, "__allow_unmapped__": True})
            base = orm.declarative_base(cls=holder, metadata=self.metadata, name="Model")
        base.__init_subclass__ = classmethod(_named_by_class(base))
        return base

    def attribute(self, name: str, at: Frame) -> Value:
        from dbwright.source.sqlalchemy.engines import EngineValue
        from dbwright.source.sqlalchemy.sessions import SessionValue

        if name == "Model":
            return Real(self.base)
        if name == "session":
            return SessionValue(self.framework, False, None, self.query_class)
        if name == "metadata":
            return Real(self.metadata)
        if name in ("Query",):
            return self.query_class or Real(orm.Query)
        if name in ("engine", "get_engine"):
            engine = EngineValue(self.framework, False)
            return engine if name == "engine" else Native(name, lambda arguments, frame: engine)
        if name == "Table":
            return Native(name, self._table)
        if name in ("create_all", "drop_all", "reflect", "init_app"):
            return Native(name, lambda arguments, frame: Known(None))
        if name in ("first_or_404", "one_or_404", "get_or_404", "paginate"):
            return Native(name, lambda arguments, frame: self._helper(name, arguments, frame))
        return self._of_library(name, at)

    def _of_library(self, name: str, at: Frame) -> Value:
        """What SQLAlchemy has under this name, else what the project's own class has."""
        for package in ("sqlalchemy", "sqlalchemy.orm"):
            found = self.framework.library(f"{package}.{name}")
            if found is not None:
                return found
        if self.cls is not None:
            owner = at.interpreter.find_in_class(self.cls, name)
            if owner is not None:
                return at.interpreter.bind(at.interpreter.own_attribute(owner, name), self, at)
        return self.framework.library(f"sqlalchemy.ext.{name}") or Unknown(f"db.{name}")

    def _table(self, arguments: Arguments, at: Frame) -> Value:
        """``db.Table("tags", …)``: the metadata is the extension's."""
        positional = list(arguments.positional)
        if not (
            len(positional) > 1
            and isinstance(positional[1], Real)
            and isinstance(positional[1].object, sqlalchemy.MetaData)
        ):
            positional.insert(1, Real(self.metadata))
        return self.framework.call_real(Real(schema.Table), Arguments(positional, arguments.named), at) or Unknown(
            "a table"
        )

    def _helper(self, name: str, arguments: Arguments, at: Frame) -> Value:
        session = self.attribute("session", at)
        if name == "get_or_404":
            return session.attribute("get_one", at).call(arguments, at)
        if name == "paginate":
            from dbwright.source.sqlalchemy.results import paginate_select

            return paginate_select(self.framework, session, arguments, at)
        result = session.attribute("execute", at).call(Arguments(arguments.positional[:1]), at)
        return result.attribute("scalar_one", at).call(Arguments(), at)

    def key(self) -> object:
        return ("db", Identity(self.base))

    def describe(self) -> str:
        return "db"


def _named_by_class(base: Any) -> Any:
    """Gives a model without a table's name the one that Flask-SQLAlchemy makes of its class's."""

    def __init_subclass__(cls: Any, **options: Any) -> None:  # noqa: N807
        if _wants_name(cls, base):
            cls.__tablename__ = table_name(cls.__name__)
        super(base, cls).__init_subclass__(**options)

    return __init_subclass__


def _wants_name(cls: Any, base: Any) -> bool:
    if cls.__dict__.get("__abstract__") or "__table__" in cls.__dict__ or "__tablename__" in cls.__dict__:
        return False
    for one in cls.__mro__[1:]:
        if one is base:
            break
        if "__tablename__" in one.__dict__ and not hasattr(one, "__mapper__"):
            return False
        if "__table__" in one.__dict__ and hasattr(one, "__mapper__"):
            # A child of a model has a table of its own when it has a key of its own.
            return any(
                getattr(value, "primary_key", False) or getattr(getattr(value, "column", None), "primary_key", False)
                for value in cls.__dict__.values()
            )
    return True
