"""``django.db.connection`` as a value: PostgreSQL's vendor and features, and cursors whose SQL is the project's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbwright.source.values import Arguments, Items, Known, Native, Unknown, Value

if TYPE_CHECKING:
    from dbwright.source.django.framework import Django
    from dbwright.source.interpreter import Frame


class ConnectionValue(Value):
    """A connection to the database; ``connections[alias]`` is one as well, since all are taken to be PostgreSQL's."""

    __slots__ = ("django",)

    def __init__(self, django: Django) -> None:
        self.django = django

    def attribute(self, name: str, at: Frame) -> Value:
        if name == "vendor":
            return Known("postgresql")
        if name == "features":
            return Features(self.django)
        if name == "cursor":
            return Native(name, lambda arguments, frame: CursorValue(self.django))
        return Unknown(f"connection.{name}")

    def item(self, key: Value, at: Frame) -> Value:
        return self

    def describe(self) -> str:
        return "the connection"

    def key(self) -> object:
        return ("connection",)


class Features(Value):
    """``connection.features``: what Django says of PostgreSQL, where it says so without asking a server."""

    __slots__ = ("django",)

    def __init__(self, django: Django) -> None:
        self.django = django

    def attribute(self, name: str, at: Frame) -> Value:
        declared = getattr(self.django.connection.features, name, None)
        return Known(declared) if isinstance(declared, bool | int | str) else Unknown(f"connection.features.{name}")

    def key(self) -> object:
        return ("features",)


class CursorValue(Value):
    """A cursor. What it executes is a query of the project's own."""

    __slots__ = ("django",)

    def __init__(self, django: Django) -> None:
        self.django = django

    def attribute(self, name: str, at: Frame) -> Value:
        if name in ("execute", "executemany"):
            return Native(name, self._execute)
        if name in ("fetchall", "fetchmany"):
            return Native(name, lambda arguments, frame: Items([], "list", self.iterate(frame)))
        if name == "fetchone":
            return Native(name, lambda arguments, frame: self.iterate(frame))
        return Unknown(f"cursor.{name}")

    def _execute(self, arguments: Arguments, at: Frame) -> Value:
        self.django.raw_statement(arguments.get(0, "sql"), at, None)
        return Known(None)

    def iterate(self, at: Frame) -> Value:
        return Items([], "tuple", Unknown("a value of a row", "row"))

    def describe(self) -> str:
        return "a cursor"

    def key(self) -> object:
        return ("cursor",)
