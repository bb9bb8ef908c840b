"""SQLAlchemy in our own process: a PostgreSQL dialect that connects to nothing, writes statements down and gives back made-up rows."""

from __future__ import annotations

import datetime
import decimal
import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql import schema

Statement = tuple[str, tuple[Any, ...]]
_numbers = itertools.count(1001)
MOST_STATEMENTS = 40


class Compiler(PGCompiler):
    """PostgreSQL's, but values go in and come out as they are: those that go in may be tokens, those that come out are made up."""

    _bind_processors: ClassVar[Any] = {}
    dbwright_types: list[Any]

    def _add_to_result_map(self, keyname: Any, name: Any, objects: Any, type_: Any, *rest: Any, **named: Any) -> None:
        if "dbwright_types" not in self.__dict__:
            self.dbwright_types = []
        # The result columns of the outermost statement only: SQLAlchemy itself asks for them only there.
        self.dbwright_types.append((type_, objects))
        super()._add_to_result_map(keyname, name, objects, sqltypes.NULLTYPE, *rest, **named)


class Dialect(psycopg2.PGDialect_psycopg2):
    """See the module."""

    statement_compiler = Compiler
    default_paramstyle = "format"
    supports_statement_cache = False
    use_insertmanyvalues = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.dbapi = SimpleNamespace(paramstyle="format", Error=FakeError, connect=lambda *a, **k: _Connection(self))  # type: ignore[assignment]
        self.paramstyle = "format"
        self.positional = True
        self.statements: list[Statement] = []
        self.origins: dict[Any, Any] = {}

    def initialize(self, connection: Any) -> None:
        self.server_version_info = (16, 0)

    def on_connect(self) -> Any:
        return None

    def connect(self, *arguments: Any, **options: Any) -> Any:
        return _Connection(self)

    def create_connect_args(self, url: Any) -> Any:
        return [], {}

    def is_disconnect(self, *arguments: Any) -> bool:
        return False

    def do_ping(self, connection: Any) -> bool:
        return True

    def _write_down(self, cursor: Any, statement: str, parameters: Any, context: Any) -> None:
        if len(self.statements) < MOST_STATEMENTS:
            self.statements.append((statement, tuple(parameters or ())))
        compiled = getattr(context, "compiled", None)
        columns = list(getattr(compiled, "dbwright_types", ())) if compiled is not None else []
        mapped = getattr(compiled, "_result_columns", None) or []
        columns = columns[-len(mapped) :] if mapped else []
        cursor.description = [(str(m.keyname), None, None, None, None, None, None) for m in mapped] or None
        count = len(context.compiled_parameters) if getattr(context, "isinsert", False) and columns else 1
        given = list(parameters.values()) if isinstance(parameters, dict) else list(parameters or ())
        cursor.rows = (
            [tuple(self._value(type_, objects, given) for type_, objects in columns) for _ in range(count)]
            if columns
            else []
        )
        cursor.rowcount = 1

    def _value(self, type_: Any, objects: Any, given: list[Any]) -> Any:
        """A made-up value; where the statement asks for the rows that belong to a made-up one, the value that belongs to it."""
        column = next((one for one in objects or () if isinstance(one, schema.Column)), None)
        if column is None:
            named = next((one for one in objects or () if hasattr(one, "base_columns")), None)
            column = next((c for c in getattr(named, "base_columns", ()) if isinstance(c, schema.Column)), None)
        if column is not None:
            column = next((c for c in column.base_columns if isinstance(c, schema.Column)), column)
            for one in given:
                origin = self.origins.get(one) if isinstance(one, int | uuid.UUID | str) else None
                if origin is not None and (origin is column or _refers(column, origin) or _refers(origin, column)):
                    return one
        made = made_up(type_, objects)
        if column is not None and isinstance(made, int | uuid.UUID | str) and not isinstance(made, bool):
            if len(self.origins) > 20_000:
                self.origins.clear()
            self.origins[made] = column
        return made

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        self._write_down(cursor, str(statement), parameters, context)

    def do_executemany(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        self._write_down(cursor, str(statement), next(iter(parameters), ()), context)

    def do_execute_no_params(self, cursor: Any, statement: Any, context: Any = None) -> None:
        self._write_down(cursor, str(statement), (), context)


class FakeError(Exception):
    """In the place of the driver's errors."""


class _Cursor:
    arraysize = 1
    description: Any = None
    rowcount = 1
    lastrowid = 1

    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        self.rows: list[Any] = []

    def fetchone(self) -> Any:
        return self.rows.pop(0) if self.rows else None

    def fetchall(self) -> list[Any]:
        found, self.rows = self.rows, []
        return found

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return self.fetchall()

    def close(self) -> None:
        pass


class _Connection:
    autocommit = False

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.notices: list[str] = []

    def cursor(self, *arguments: Any, **options: Any) -> _Cursor:
        return _Cursor(self)

    def commit(self) -> None:
        pass

    rollback = close = commit


def _refers(column: Any, other: Any) -> bool:
    try:
        return bool(column.references(other))
    except Exception:
        return False


def made_up(type_: Any, objects: Any) -> Any:
    """A value of a column of a made-up row. Each is another one, so that a row is never its own parent."""
    for one in objects or ():
        identity = getattr(one, "dbwright_identity", None)
        if identity is not None:
            return identity
    kind = type_
    for _ in range(5):
        if not isinstance(kind, sqltypes.TypeDecorator):
            break
        kind = kind.impl
    number = next(_numbers)
    if isinstance(kind, sqltypes.Boolean):
        return True
    if isinstance(kind, sqltypes.Integer):
        return number
    if isinstance(kind, sqltypes.Uuid):
        return uuid.UUID(int=number)
    if isinstance(kind, sqltypes.Numeric):
        return decimal.Decimal(number)
    if isinstance(kind, sqltypes.DateTime):
        return datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=number)
    if isinstance(kind, sqltypes.Date):
        return datetime.date(2020, 1, 1)
    if isinstance(kind, sqltypes.ARRAY):
        return []
    return f"made up {number}"


class Recorder:
    """An engine and its statements."""

    def __init__(self) -> None:
        self.dialect = Dialect()
        pool = StaticPool(lambda: _Connection(self.dialect))  # type: ignore[arg-type]
        self.engine = Engine(pool, self.dialect, sqlalchemy.make_url("postgresql://"))

    @contextmanager
    def recording(self) -> Iterator[list[Statement]]:
        """The statements issued meanwhile."""
        before, self.dialect.statements = self.dialect.statements, []
        try:
            yield self.dialect.statements
        finally:
            self.dialect.statements = before

    def session(self) -> Session:
        """A session that is used for one statement and thrown away."""
        return Session(self.engine, autoflush=False, expire_on_commit=False)
