"""Engines and connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbwright.source.values import Arguments, Known, Native, Unknown, Value

if TYPE_CHECKING:
    from dbwright.source.interpreter import Frame
    from dbwright.source.sqlalchemy.framework import SQLAlchemy


def library(framework: SQLAlchemy, name: str) -> Value | None:
    if name in ("create_engine", "engine_from_config", "create_mock_engine"):
        return Native(name, lambda arguments, at: EngineValue(framework, False))
    if name in ("create_async_engine", "async_engine_from_config"):
        return Native(name, lambda arguments, at: EngineValue(framework, True))
    return None


class EngineValue(Value):
    """An engine of the project."""

    __slots__ = ("framework", "is_async")

    def __init__(self, framework: SQLAlchemy, is_async: bool) -> None:
        self.framework = framework
        self.is_async = is_async

    def attribute(self, name: str, at: Frame) -> Value:
        from dbwright.source.sqlalchemy.sessions import SessionValue

        connection = SessionValue(self.framework, self.is_async, is_connection=True)
        if name in ("connect", "begin"):
            return Native(name, lambda arguments, frame: connection)
        if name == "sync_engine":
            return EngineValue(self.framework, False)
        if name == "dialect":
            return DialectValue()
        if name == "name":  # ``bind.name``, of an engine as of its dialect
            return DialectValue().attribute(name, at)
        if name in ("execute", "scalar"):
            return connection.attribute(name, at)
        if name == "execution_options":
            return Native(name, lambda arguments, frame: self)
        return Known(None) if name == "dispose" else Unknown(f"{name} of an engine", "settings")

    def call(self, arguments: Arguments, at: Frame) -> Value:
        return self

    def key(self) -> object:
        return ("engine", self.is_async)


class DialectValue(Value):
    """The dialect of an engine: what the project does for other databases is not asked."""

    __slots__ = ()

    def attribute(self, name: str, at: Frame) -> Value:
        return Known("postgresql") if name == "name" else Unknown(f"{name} of a dialect", "settings")

    def key(self) -> object:
        return "dialect"
