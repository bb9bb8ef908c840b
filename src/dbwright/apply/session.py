"""The one connection through which a run changes the database, and what it asks of it.

An advisory lock, held by that very connection, keeps a second run out; the connection's death ends the lock and the right to go on at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from dbwright.errors import DbwrightError
from dbwright.model.wording import counted
from dbwright.postgres import CannotConnect, Connection, connect

LOCK = (0x64627772, 1)
"""The advisory lock of a run: "dbwr", and which of our locks it is."""
ASK_SECONDS = 10.0
"""How long a look into the catalog may take."""


class AnotherRun(DbwrightError):
    """Another run changes this database."""


class ThroughPooler(DbwrightError):
    """A run needs a session of its own."""


_NAME = "dbwright apply "


class Session:
    """A connection that is opened again when it was lost. ``tell`` gets what a person who waits should know; ``former`` are runs of the
    journal that the caller holds alone: a session that bears the name of one of them belongs to a process that died."""

    def __init__(
        self, parameters: Mapping[str, Any], run: str, tell: Callable[[str], None], former: Iterable[str] = ()
    ) -> None:
        self._parameters = dict(parameters)
        self._name = _NAME + run
        self._ours = {self._name, *(_NAME + name for name in former)}
        self._tell = tell
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection, which holds the lock. Raises CannotConnect, or AnotherRun when the lock is not to be had."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.close()
            self._connection = self._open()
        return self._connection

    @property
    def major(self) -> int:
        return self.connection.info.server_version // 10000

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def cancel(self) -> None:
        """End the statement that runs, from another thread."""
        if self._connection is not None and not self._connection.closed:
            self._connection.cancel_safe(timeout=5.0)

    def _open(self) -> Connection:
        connection = connect(self._parameters)
        try:
            if _first(connection.execute("SELECT pg_backend_pid()")) != connection.info.backend_pid:
                raise ThroughPooler(
                    "This address leads through a connection pooler, which may change the session under a statement.",
                    "Give --db the address of the server itself.",
                )
            self._prepare(connection)
            self._lock(connection)
        except psycopg.Error as error:
            connection.close()
            raise CannotConnect(
                f"The connection was lost: {error}".strip(), "Run it again when the server is up."
            ) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: Connection) -> None:
        settings = {
            "application_name": self._name,
            "statement_timeout": "0",
            "lock_timeout": "0",
            "idle_in_transaction_session_timeout": "0",
            "default_transaction_read_only": "off",
            # What is told to be done must survive a crash of the server.
            "synchronous_commit": "on",
        }
        if connection.info.server_version >= 140000:
            # A build for a client that was killed ends with it.
            settings["client_connection_check_interval"] = "1s"
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))

    def flush(self) -> None:
        """Have all that was written to the WAL so far, by anybody, on the disk."""
        with connect(self._parameters) as connection:
            connection.execute("SET synchronous_commit = on")
            connection.execute("SELECT pg_catalog.pg_logical_emit_message(true, 'dbwright', '')")

    def _lock(self, connection: Connection, patience: float = 30.0) -> None:
        """Take the lock. What a killed process of ours left on the server is ended for it."""
        until = time.monotonic() + patience
        while not _first(connection.execute("SELECT pg_try_advisory_lock(%s, %s)", LOCK)):
            holder = connection.execute(_HOLDER, LOCK).fetchone()
            if holder is None:
                continue
            pid, name, seconds = holder
            if name not in self._ours or time.monotonic() > until:
                raise AnotherRun(
                    f"Another run changes this database: {name or 'a session'} (pid {pid}, for {counted(int(seconds or 0), 'second')}).",
                    "Wait for it to end; `dbwright apply --stop` where it was started ends it after its step.",
                )
            self._tell(f"Ending what an interrupted run left on the server (pid {pid}).")
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            time.sleep(0.1)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the catalog, in a short transaction that cannot write. The query names nothing but pg_catalog's own."""
        connection = self.connection
        with connection.transaction():
            connection.execute(
                "SELECT set_config('transaction_read_only', 'on', true), set_config('search_path', 'pg_catalog', true), "
                "set_config('statement_timeout', %s, true), set_config('lock_timeout', '1s', true)",
                (str(round(ASK_SECONDS * 1000)),),
            )
            return connection.execute(query.encode()).fetchall()

    def holds(self, condition: str) -> bool:
        (row,) = self.rows(f"SELECT {condition}")
        return bool(row[0])

    @contextmanager
    def limits(self, lock_seconds: float, statement_seconds: float) -> Iterator[None]:
        """Timeouts for what runs outside a transaction; 0 is none."""
        connection = self.connection
        for name, seconds in (("lock_timeout", lock_seconds), ("statement_timeout", statement_seconds)):
            connection.execute("SELECT set_config(%s, %s, false)", (name, str(round(seconds * 1000))))
        try:
            yield
        finally:
            if not connection.closed and not connection.broken:
                connection.execute(
                    "SELECT set_config('lock_timeout', '0', false), set_config('statement_timeout', '0', false)"
                )


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


_HOLDER = """
SELECT l.pid, a.application_name, extract(epoch FROM now() - a.backend_start)
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = %s AND l.objsubid = 2 AND l.granted
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
