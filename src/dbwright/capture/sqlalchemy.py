"""What SQLAlchemy sends, its asyncio included. Each statement is compiled a second time, by its PostgreSQL dialect, which for that needs
neither driver nor server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbwright.capture.calls import Calls
from dbwright.source.placeholders import NO_TEXT, numbered

_SQL = "_dbwright_sql"


@contextmanager
def watching(calls: Calls) -> Iterator[None]:
    """Write down what all engines of this process send."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    recorder = _Recorder(calls)
    event.listen(Engine, "before_cursor_execute", recorder.before)
    event.listen(Engine, "after_cursor_execute", recorder.after)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", recorder.before)
        event.remove(Engine, "after_cursor_execute", recorder.after)


class _Recorder:
    def __init__(self, calls: Calls) -> None:
        from sqlalchemy.dialects.postgresql.base import PGDialect

        self.calls = calls
        self.dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]

    def before(
        self, _connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        if context is not None:
            context._dbwright_began = time.perf_counter()

    def after(self, connection: Any, _cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        began = getattr(context, "_dbwright_began", None)
        milliseconds = (time.perf_counter() - began) * 1000 if began else 0.0
        try:
            translated = self._translated(context)
            if translated is None:
                first = parameters[0] if many and parameters else parameters
                translated = _driver_text(statement, first)
            self.calls.add(*translated, milliseconds, on_postgresql=connection.dialect.name == "postgresql")
        except Exception as error:
            # Whatever it is, it is ours: the application's statement was carried out and must not fail for it. It is told in the file.
            self.calls.cannot_translate(f"{type(error).__name__}: {error}"[:200])

    def _translated(self, context: Any) -> tuple[str, tuple[Any, ...]] | None:
        """The statement as PostgreSQL's, with the parameters of its first row; None when it was sent as text."""
        from sqlalchemy.exc import SQLAlchemyError

        compiled: Any = getattr(context, "compiled", None)
        if compiled is None or context.isddl or compiled.statement is None:
            return None
        other = compiled.__dict__.get(_SQL)
        if other is None:
            try:
                other = compiled.statement.compile(
                    dialect=self.dialect,
                    column_keys=compiled.column_keys,
                    schema_translate_map=compiled.schema_translate_map,
                )
            except (SQLAlchemyError, NotImplementedError, TypeError, ValueError) as error:
                self.calls.cannot_translate(f"{type(error).__name__}: {error}".splitlines()[0][:200])
                return None
            compiled.__dict__[_SQL] = other
        given = context.compiled_parameters[0] if context.compiled_parameters else {}
        text, names = numbered(str(other))
        return text, tuple(self._sent(other.binds.get(name), given.get(name, other.params.get(name))) for name in names)

    def _sent(self, bind: Any, value: Any) -> Any:
        """A value as the dialect hands it to the driver: JSON as text, members of an enumeration by name. A list is written with as many
        placeholders as it has members only when it is sent: here it has one. What a type of the application's own would do to it is not
        asked a second time."""
        from sqlalchemy.types import JSON, Enum, TypeDecorator

        if bind is None:
            return value
        if bind.expanding and isinstance(value, list | tuple):
            value = next(iter(value), None)
        if isinstance(bind.type, TypeDecorator):
            return NO_TEXT
        if not isinstance(bind.type, JSON | Enum):
            return value
        process = bind.type.dialect_impl(self.dialect).bind_processor(self.dialect)
        try:
            return process(value) if process is not None else value
        except (TypeError, ValueError, LookupError):
            return NO_TEXT


def _driver_text(statement: str, parameters: Any) -> tuple[str, tuple[Any, ...]]:
    """Text that was handed to the driver as it is, with its placeholders numbered."""
    if isinstance(parameters, dict):
        text, names = numbered(statement)
        return text, tuple(parameters.get(name) for name in names)
    values = tuple(parameters or ())
    if "?" in statement and values:
        pieces = statement.split("?")
        if len(pieces) == len(values) + 1:
            return "".join(p + (f"${n}" if n < len(pieces) else "") for n, p in enumerate(pieces, 1)), values
    return numbered(statement)[0], values
