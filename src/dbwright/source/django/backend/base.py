"""The backend's connection: PostgreSQL's in everything but that it never connects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.postgresql import base, operations

ROW = (1,) * 1700
"""Wider than any select list; a primary key of 1 fits every made-up relation."""

Statement = tuple[str, tuple[Any, ...]]


class DatabaseOperations(operations.DatabaseOperations):  # type: ignore[misc]
    compiler_module = "dbwright.source.django.backend.compiler"

    def fetch_returned_insert_rows(self, cursor: Any) -> list[Any]:
        return [ROW] * 3

    def fetch_returned_insert_columns(self, cursor: Any, returning_params: Any) -> Any:
        return ROW[:1]


class Cursor:
    """Writes statements down. Each query gives one row."""

    rowcount = 1
    description: Any = ()
    itersize = 1

    def __init__(self, statements: list[Statement]) -> None:
        self.statements = statements
        self.rows = [ROW]

    def execute(self, sql: Any, params: Any = None) -> None:
        self.statements.append((str(sql), tuple(params or ())))
        self.rows = [ROW]

    def executemany(self, sql: Any, params: Any) -> None:
        self.execute(sql, next(iter(params), ()))

    def fetchone(self) -> Any:
        return self.rows.pop() if self.rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        rows, self.rows = self.rows, []
        return rows

    fetchall = fetchmany

    def close(self) -> None:
        pass

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchmany())


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """See the module."""

    ops_class = DatabaseOperations

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self.statements: list[Statement] = []
        self.__dict__["pg_version"] = 160000

    @contextmanager
    def recording(self) -> Iterator[list[Statement]]:
        """The statements issued meanwhile. Django keeps connections by thread; there is this one for all."""
        connections[self.alias] = self
        before, self.statements = self.statements, []
        try:
            yield self.statements
        finally:
            self.statements = before
            self.needs_rollback = False
            self.in_atomic_block = False
            self.savepoint_ids: list[Any] = []
            self.run_on_commit: list[Any] = []
            self.atomic_blocks: list[Any] = []

    def validate_thread_sharing(self) -> None:
        pass

    def ensure_connection(self) -> None:
        pass

    def connect(self) -> None:
        pass

    def cursor(self) -> Cursor:
        return Cursor(self.statements)

    def chunked_cursor(self) -> Cursor:
        return Cursor(self.statements)

    def get_autocommit(self) -> bool:
        return False

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        pass

    def _savepoint(self, sid: str) -> None:
        pass

    def _savepoint_commit(self, sid: str) -> None:
        pass

    def _savepoint_rollback(self, sid: str) -> None:
        pass

    def validate_no_broken_transaction(self) -> None:
        pass

    def close(self) -> None:
        pass
