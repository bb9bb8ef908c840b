"""What Django sends. On another database than PostgreSQL each statement is compiled a second time, by Django's own PostgreSQL backend,
which for that needs no server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from dbwright.capture.calls import Calls
from dbwright.source.placeholders import numbered

Translated = tuple[str, tuple[Any, ...]]


@contextmanager
def watching(calls: Calls) -> Iterator[None]:
    """Write down what the connections of this process send, those that are open and those that will be."""
    from django.db.backends.signals import connection_created
    from django.db.models.sql import compiler

    recorder = _Recorder(calls)
    watched: list[Any] = []

    def watch(connection: Any, **_: Any) -> None:
        if recorder not in connection.execute_wrappers:
            # The first, because an application's own execute_wrapper() takes away the last when it ends.
            connection.execute_wrappers.insert(0, recorder)
            watched.append(connection)

    connection_created.connect(watch, weak=False, dispatch_uid=f"dbwright {id(recorder)}")
    for connection in _open():
        watch(connection)
    # Not that of inserts: compiling one again would ask the fields again what to store. What is sent to SQLite is near enough.
    before = compiler.SQLCompiler.execute_sql
    compiler.SQLCompiler.execute_sql = _compiling(before, recorder)
    try:
        yield
    finally:
        compiler.SQLCompiler.execute_sql = before
        connection_created.disconnect(dispatch_uid=f"dbwright {id(recorder)}")
        for connection in watched:
            if recorder in connection.execute_wrappers:
                connection.execute_wrappers.remove(recorder)


def _open() -> list[Any]:
    from django.conf import settings
    from django.db import connections

    return list(connections.all(initialized_only=True)) if settings.configured else []


def _compiling(original: Callable[..., Any], recorder: _Recorder) -> Callable[..., Any]:
    """Django's method, which hands the statement over before it sends it."""

    def execute_sql(self: Any, *arguments: Any, **named: Any) -> Any:
        if self.connection.vendor == "postgresql" or not recorder.is_watching(self.connection):
            return original(self, *arguments, **named)
        before, recorder.coming.translated = recorder.coming.translated, recorder.translate(self)
        try:
            return original(self, *arguments, **named)
        finally:
            recorder.coming.translated = before

    return execute_sql


class _Coming(threading.local):
    """The statement that a compiler is about to send, as PostgreSQL's."""

    translated: Translated | None = None


class _Recorder:
    """Django calls it around each statement."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.coming = _Coming()
        self._postgresql: dict[str, Any] = {}

    def is_watching(self, connection: Any) -> bool:
        return self in connection.execute_wrappers

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self._record(str(sql), params, many, context["connection"], (time.perf_counter() - began) * 1000)

    def _record(self, sql: str, params: Any, many: bool, connection: Any, milliseconds: float) -> None:
        try:
            self._add(sql, params, many, connection, milliseconds)
        except Exception as error:
            self.calls.cannot_translate(f"{type(error).__name__}: {error}"[:200])

    def _add(self, sql: str, params: Any, many: bool, connection: Any, milliseconds: float) -> None:
        on_postgresql = connection.vendor == "postgresql"
        translated, self.coming.translated = self.coming.translated, None
        if translated is not None:
            sql, given = translated
        else:
            given = next(iter(params), ()) if many else params
        text, names = numbered(sql) if given is not None else (sql, ())
        values = [given.get(name) for name in names] if isinstance(given, dict) else list(given or ())
        self.calls.add(text, values, milliseconds, on_postgresql=on_postgresql)

    def translate(self, compiler: Any) -> Translated | None:
        """The statement that the compiler is about to send, as PostgreSQL would get it; None when it cannot be written."""
        from django.core.exceptions import EmptyResultSet, FullResultSet

        query = compiler.query
        if getattr(query, "related_updates", None):
            return None  # to write it down it would be asked what to update
        try:
            other = query.clone().get_compiler(connection=self._connection(compiler.connection))
            written = other.as_sql()
        except (EmptyResultSet, FullResultSet):
            return None  # Django sends nothing either
        except Exception as error:
            # Whatever it is, it is ours: the application's query goes on. It is told in the file.
            self.calls.cannot_translate(f"{type(error).__name__}: {error}"[:200])
            return None
        sql, params = written[0] if isinstance(written, list) else written
        return sql, tuple(params)

    def _connection(self, like: Any) -> Any:
        """PostgreSQL's backend for the same alias."""
        if like.alias not in self._postgresql:
            settings = {**like.settings_dict, "ENGINE": "django.db.backends.postgresql", "HOST": "", "PASSWORD": ""}
            self._postgresql[like.alias] = _offline()(settings, like.alias)
        return self._postgresql[like.alias]


@cache
def _offline() -> Any:
    """PostgreSQL's backend, which refuses to connect."""
    from django.db import NotSupportedError
    from django.db.backends.postgresql.base import DatabaseWrapper

    class Offline(DatabaseWrapper):  # type: ignore[misc]
        pg_version = 160000

        def ensure_connection(self) -> None:
            raise NotSupportedError("only a server could tell")

        connect = ensure_connection

        def get_autocommit(self) -> bool:
            return False  # inside a transaction, so that SELECT … FOR UPDATE can be written

    return Offline
