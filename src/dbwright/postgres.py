"""One door to PostgreSQL servers: connecting, and reading in a way that the server itself keeps harmless.

Every read runs in a transaction of its own that the server was told is READ ONLY, with time limits, so that it works through a
pooler in transaction mode, holds no lock longer than one statement and cannot write.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row

from dbwright.errors import DbwrightError
from dbwright.sqltext import mask_secrets

Row = TypeVar("Row")
Connection = psycopg.Connection[Any]

STATEMENT_SECONDS = 1.0
"""No statement runs longer on a target."""
LOCK_SECONDS = 0.2
"""Nothing waits longer for a lock, so that no other session queues behind the reader."""
OLDEST = 130000

# What it warns of (a pipeline whose connection is lost) is told by the error that we raise.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_SCHEME = re.compile(r"^(?P<scheme>[a-z][a-z0-9+]*)://", re.I)
_OURS = {"postgres", "postgresql", "pgsql", "postgis", "psql", "timescaledb", "timescalegis", "cockroachdb"}


class CannotConnect(DbwrightError):
    """The server could not be reached or did not let us in."""


class UnsupportedServer(DbwrightError):
    """The server is not a PostgreSQL that dbwright can read."""


class QueryFailed(DbwrightError):
    """A catalog query failed; ``sqlstate`` tells why. The collector makes a Gap of it."""

    def __init__(self, message: str, remedy: str, sqlstate: str | None) -> None:
        super().__init__(message, remedy)
        self.sqlstate = sqlstate


def parse_address(address: str) -> dict[str, Any]:
    """Read a URL or libpq connection string into libpq parameters.

    Takes the spellings of Django, SQLAlchemy and others (``postgresql+asyncpg://``, ``postgis://``). Parameters libpq does not know
    (a driver's own) are left out. Raises CannotConnect when it is not an address; the text is not repeated, it may hold a password.
    """
    match = _SCHEME.match(address)
    if match:
        scheme = match["scheme"].lower().split("+")[0]
        if scheme not in _OURS:
            raise CannotConnect(
                f"{scheme}:// is not an address of PostgreSQL or SQLite.",
                "Give postgresql://user@host:5432/name, a libpq connection string, or a path to a SQLite file.",
            )
        address = "postgresql://" + address[match.end() :]
        base, mark, query = address.partition("?")
        kept = [pair for pair in query.split("&") if pair.split("=")[0] in _libpq_parameters()] if mark else []
        address = base + ("?" + "&".join(kept) if kept else "")
    try:
        return conninfo_to_dict(address)
    except psycopg.Error:
        raise CannotConnect(
            "The database address could not be read.",
            "Give postgresql://user@host:5432/name (special characters in the password percent-encoded).",
        ) from None


@cache
def _libpq_parameters() -> frozenset[str]:
    return frozenset(option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults())


def address_name(parameters: Mapping[str, Any]) -> str:
    """How an address is shown: never with its password."""
    if parameters.get("service") and not parameters.get("host"):
        return f"service {parameters['service']}"
    user = f"{parameters['user']}@" if parameters.get("user") else ""
    host = parameters.get("host") or parameters.get("hostaddr") or "local socket"
    port = f":{parameters['port']}" if parameters.get("port") else ""
    return f"{user}{host}{port}/{parameters.get('dbname') or ''}"


def without_password(address: str) -> str:
    """An address as it is given again: as it was written, or without the password that it holds (libpq takes it from PGPASSWORD, too)."""
    try:
        parameters = parse_address(address)
    except CannotConnect:
        return "ADDRESS" if "://" in address and "@" in address else address  # a file
    if not parameters.keys() & {"password", "sslpassword"}:
        return address
    return make_conninfo(**{name: one for name, one in parameters.items() if name not in ("password", "sslpassword")})


_PATIENCE: dict[str, Any] = {
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}
"""How long a network that swallows everything is waited for; what the address says of these comes first."""


def connect(parameters: Mapping[str, Any], timeout: float = 10.0) -> Connection:
    """Open a connection for reading.

    Raises CannotConnect with what went wrong and what to do; UnsupportedServer for anything but PostgreSQL 13 and later.
    """
    name = address_name(parameters)
    settings = _PATIENCE | dict(parameters)
    settings |= {
        "connect_timeout": max(2, round(timeout)),
        "application_name": "dbwright",
        "client_encoding": "UTF8",
    }
    try:
        connection = psycopg.connect(make_conninfo("", **settings), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise _explain(error, name, parameters) from None
    if connection.info.server_version < OLDEST:
        version = connection.info.parameter_status("server_version") or "unknown"
        connection.close()
        raise UnsupportedServer(
            f"{name} runs version {version}; dbwright reads PostgreSQL 13 and later.",
            "Audit a database on PostgreSQL 13 or later.",
        )
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        # Such a server refuses to send as UTF-8 what is none; as LATIN1 it sends its bytes as they are.
        try:
            connection.execute("set client_encoding to 'LATIN1'")
        except psycopg.Error as error:
            connection.close()
            raise _explain(error, name, parameters) from None
        _take_any_text(connection)
    return connection


class _AnyText(Loader):
    """Text whose bytes need not be what the server says: SQL_ASCII databases hold what each client sent, and rows shared by all
    databases (names, running statements) come in the encoding of whoever wrote them."""

    def load(self, data: Buffer) -> str:
        raw = bytes(data)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")


def _take_any_text(connection: Connection) -> None:
    kinds: tuple[str | int, ...] = ("text", "varchar", "bpchar", "name", '"char"', 705)  # 705: unknown
    for name in kinds:
        connection.adapters.register_loader(name, _AnyText)


_PROVE_WHO = "Put the right one into the URL, PGPASSWORD or ~/.pgpass."
_REASONS: tuple[tuple[str, str, str], ...] = (
    ("password authentication failed", "{name} refused the password.", _PROVE_WHO),
    ("no password supplied", "{name} wants a password and none was given.", _PROVE_WHO),
    ("does not exist", "{detail}", "Check the database and user name in the address."),
    (
        "no pg_hba.conf entry",
        "{name} lets no such client in: {detail}",
        "Add sslmode=require if it says 'no encryption', or ask for a pg_hba.conf entry.",
    ),
    ("does not support SSL", "{name} does not speak TLS.", "Use sslmode=prefer, or switch TLS on at the server."),
    ("certificate verify failed", "The certificate of {name} could not be verified.", "Give sslrootcert=FILE."),
    ("root certificate file", "No root certificate to verify {name} with.", "Give sslrootcert=FILE, or sslrootcert=system."),
    ("too many", "{name} has no connection free: {detail}", "Try again later, or raise max_connections."),
    ("remaining connection slots", "{name} has no connection free.", "Try again later, or raise max_connections."),
    ("starting up", "{name} is starting.", "Try again in a moment."),
    ("shutting down", "{name} is shutting down.", "Try again when it is up."),
    ("in recovery mode", "{name} is recovering from a crash.", "Try again in a moment."),
    ("Connection refused", "Nothing listens at {name}.", "Start the server, or check host and port."),
    ("No such file or directory", "No server socket at {name}.", "Start the server, or give host and port."),
    ("timeout", "{name} did not answer in time.", "Check host, port and firewall."),
    ("could not translate host name", "The host of {name} is unknown.", "Check the host name."),
    ("resolve host", "The host of {name} is unknown.", "Check the host name."),
    ("Name or service not known", "The host of {name} is unknown.", "Check the host name."),
    ("definition of service", "{detail}", "Check the name against ~/.pg_service.conf."),
    ("permission denied for database", "{name} does not let this user connect.", "GRANT CONNECT ON DATABASE … TO the user."),
)  # fmt: skip


def _explain(error: psycopg.Error, name: str, parameters: Mapping[str, Any]) -> CannotConnect:
    text = mask_secrets(str(error))
    if password := parameters.get("password"):
        text = text.replace(str(password), "***")
    line = next((part for part in reversed(text.splitlines()) if part.strip()), "no reason given")
    detail = re.sub(r"^.*?(FATAL|ERROR):\s*", "", line).strip()
    for pattern, message, remedy in _REASONS:
        if pattern.lower() in text.lower():
            return CannotConnect(message.format(name=name, detail=detail), remedy)
    return CannotConnect(f"{name}: {detail}", "Check that psql reaches it with the same address.")


_COMMENT = re.compile(r"^[ \t]*--.*\n|  -- from \d+: .*$", re.M)
_FROM = re.compile(r"^(\s*)\S.*?  -- from (\d+): (.*)$", re.M)


@cache
def query_text(name: str, version: int, package: str = "dbwright.collect") -> LiteralString:
    """The SQL of a query in the folder ``sql`` of a package for a server of that version.

    A line that ends in ``-- from 16: …`` is replaced by what stands there on 16 and later; a text that differs altogether is a sibling
    file ``name.pg16.sql``, of which the highest not above the server's version is taken. Comments are not sent.
    """
    folder = files(package) / "sql"
    major = version // 10000
    siblings = (folder / f"{name}.pg{n}.sql" for n in range(major, 12, -1))
    path = next((sibling for sibling in siblings if sibling.is_file()), folder / f"{name}.sql")
    text = path.read_text(encoding="utf-8")
    text = _FROM.sub(lambda m: m[1] + m[3] if int(m[2]) <= major else m[0], text)
    return _COMMENT.sub("", text)


def _plain(value: Any) -> Any:
    return tuple(_plain(item) for item in value) if isinstance(value, list) else value


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered to a query. ``nested`` are the positions of columns whose values may be lists."""

    columns: tuple[str, ...]
    nested: tuple[int, ...]
    records: Sequence[tuple[Any, ...]]

    def rows(self, row_type: Callable[..., Row]) -> tuple[Row, ...]:
        """A ``row_type`` of each record, lists made tuples."""
        if not self.nested:
            return tuple(itertools.starmap(row_type, self.records))
        values: list[Iterable[Any]] = list(zip(*self.records, strict=True))
        for position in self.nested if self.records else ():
            values[position] = map(_plain, values[position])
        return tuple(map(row_type, *values)) if self.records else ()


class Reader:
    """Reads rows through one connection, each statement in its own short READ ONLY transaction.

    ``seconds`` adds up the time spent waiting for the server.
    """

    def __init__(self, connection: Connection, statement_seconds: float = STATEMENT_SECONDS) -> None:
        self.connection = connection
        self.version = connection.info.server_version
        self.statement_milliseconds = round(statement_seconds * 1000)
        self.seconds = 0.0
        # An array, JSON and whatever psycopg does not know may hold lists.
        self._scalars = {t.oid for t in connection.adapters.types if t.name not in ("json", "jsonb")}

    def rows(
        self,
        name: str,
        row_type: Callable[..., Row],
        parameters: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        schema: str | None = None,
        table: str | None = None,
        by_index: bool = False,
    ) -> tuple[Row, ...]:
        """Run the query in ``sql/name.sql`` and make a ``row_type`` of each row; see ``fetch``."""
        answer = self.fetch(name, row_type, parameters, version=version, schema=schema, table=table, by_index=by_index)
        return answer.rows(row_type)

    def fetch(
        self,
        name: str,
        row_type: Callable[..., Row],
        parameters: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        schema: str | None = None,
        table: str | None = None,
        by_index: bool = False,
    ) -> Answer:
        """Run the query in ``sql/name.sql``, whose rows are to become ``row_type``; ``schema`` and ``table`` are names that stand in it.

        ``by_index``: look rows up through the catalog's indexes, so that a batch costs the same however large the catalog is.

        The select list must name exactly the fields of ``row_type``. Raises QueryFailed when the server refuses or gives up, and
        CannotConnect when it is gone.
        """
        text = query_text(name, version or self.version)
        names = {key: sql.Identifier(name) for key, name in (("schema", schema), ("table", table)) if name is not None}
        statement = sql.SQL(text).format(**names) if names else sql.SQL(text)
        try:
            answer = self._run(statement, parameters or {}, by_index)
        except UnicodeDecodeError:
            answer = self._run_decoding_anything(statement, parameters or {}, by_index)
        expected = tuple(field.name for field in dataclasses.fields(row_type))  # type: ignore[arg-type]
        if answer.columns != expected:
            raise TypeError(f"{name}.sql selects {answer.columns}, but {row_type!r} has {expected}")
        return answer

    def _run(self, statement: sql.SQL | sql.Composed, parameters: Mapping[str, Any], by_index: bool = False) -> Answer:
        began = time.perf_counter()
        try:
            with self.connection.pipeline(), self.connection.cursor(row_factory=tuple_row) as cursor:
                self.connection.execute("begin transaction isolation level read committed read only")
                self.connection.execute(
                    "select set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true),"
                    " set_config('search_path', 'pg_catalog', true), set_config('jit', 'off', true),"
                    " set_config('max_parallel_workers_per_gather', '0', true), set_config('extra_float_digits', '1', true),"
                    " set_config('timezone', 'UTC', true), set_config('intervalstyle', 'postgres', true),"
                    " set_config('datestyle', 'ISO', true)",
                    (str(self.statement_milliseconds), str(round(LOCK_SECONDS * 1000))),
                )
                if by_index:
                    self.connection.execute(
                        "select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
                        " set_config('enable_mergejoin', 'off', true)"
                    )
                cursor.execute(statement, parameters)
                self.connection.execute("commit")
                records = cursor.fetchall()
                columns = cursor.description or ()
        except psycopg.Error as error:
            raise self._failure(error) from None
        finally:
            self.seconds += time.perf_counter() - began
        scalars = self._scalars
        return Answer(
            tuple(column.name for column in columns),
            tuple(position for position, column in enumerate(columns) if column.type_code not in scalars),
            records,
        )

    def _run_decoding_anything(
        self, statement: sql.SQL | sql.Composed, parameters: Mapping[str, Any], by_index: bool
    ) -> Answer:
        """Once more, with the slower loaders that take any bytes; they stay for the rest of the connection."""
        _take_any_text(self.connection)
        try:
            return self._run(statement, parameters, by_index)
        except UnicodeDecodeError:
            raise QueryFailed(
                "The answer holds bytes that are no text in UTF-8.",
                "Find what was written in another encoding and write it anew.",
                None,
            ) from None

    def _failure(self, error: psycopg.Error) -> DbwrightError:
        gone = CannotConnect(
            "The server closed the connection while it was being read.",
            "Run the audit again when the server is up; its log says why it stopped.",
        )
        if self.connection.closed or self.connection.broken or (error.sqlstate or "").startswith("57P"):
            return gone
        try:
            self.connection.execute("rollback")
        except psycopg.Error:
            return gone
        message = mask_secrets((error.diag.message_primary or str(error)).strip())
        return QueryFailed(message, _remedy(error.sqlstate), error.sqlstate)


def _remedy(sqlstate: str | None) -> str:
    return {
        "42501": "GRANT pg_monitor TO the user.",
        "57014": "Run again when the server is less busy; no statement may take longer than a second.",
        "55P03": "Run again when the lock is gone.",
    }.get(sqlstate or "", "Run again; if it stays, report it with the server's version.")
