"""A private server on which migrations are run under observation.

Statements are the project's text, so they run as a role that owns its schemas and nothing else: no file, no program, no other database.
While one runs, a long transaction of another session reads the same tables, as a report would; when the statement waits for it, the queue
behind it is looked at, and the long transaction ends. While the transaction stays open, a third session tries to read and to write.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg import sql

from dbwright.embedded import EmbeddedServer, ServerBinaries
from dbwright.safety import rows
from dbwright.safety.nodes import Name
from dbwright.safety.observed import BLOCKS_READS, BLOCKS_WRITES, STRENGTH, Lock, Observation
from dbwright.safety.statements import Statement

_ROLE = "dbwright_migrator"
_DATABASE = "migrations"
_PATIENCE_MS = 15
"""A probe that has not got its lock by then is blocked: nothing else runs on the server."""
_LONGEST_SECONDS = 30.0
_SETTINGS: dict[str, str | int | float] = {
    "autovacuum": "off",
    "max_connections": 20,
    "max_locks_per_transaction": 4096,
    "deadlock_timeout": "10s",
    "wal_level": "minimal",
    "max_wal_senders": 0,
}
_FEW_TABLES = 25
"""So many tables are filled in half a second; of more only those that a migration names."""
_NEVER_RUN = frozenset(
    (
        "CreatedbStmt", "DropdbStmt", "AlterDatabaseStmt", "AlterSystemStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt", "LoadStmt",
        "CreateSubscriptionStmt", "AlterSubscriptionStmt", "DropSubscriptionStmt", "CopyStmt", "CheckPointStmt",
    )
)  # fmt: skip
"""Statements that touch what is around the database; they are judged by what they say."""

_RELATIONS = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0), coalesce(i.indrelid, 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'i', 'I', 'm', 'v', 'S', 'f')
"""
_KINDS = {
    "r": "table",
    "p": "table",
    "i": "index",
    "I": "index",
    "m": "materialized view",
    "v": "view",
    "S": "sequence",
    "f": "table",
}


@dataclass(frozen=True, slots=True)
class Relation:
    oid: int
    schema: str
    name: str
    relkind: str
    filenode: int
    table_oid: int

    @property
    def key(self) -> Name:
        return self.schema, self.name

    @property
    def kind(self) -> str:
        return _KINDS[self.relkind]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass
class Prior:
    """The database as it was before the migration."""

    relations: dict[int, Relation] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    empty: dict[Name, str] = field(default_factory=dict)
    """Tables that could not be given rows, with the reason."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Statements of the prior schema that failed, with the reason."""

    def tables(self) -> Iterator[Relation]:
        return (r for r in self.relations.values() if r.relkind in "rp")

    def find(self, name: Name) -> Relation | None:
        """A relation by its name, as the search path of a migration finds it."""
        schema, bare = name
        found = [r for r in self.relations.values() if r.name == bare and schema in (None, r.schema)]
        return next((r for r in found if r.schema == (schema or "public")), found[0] if found else None)


class Scratch:
    """The server, with sessions for the migration, for looking on, for a long read, and for probing. Use as a context manager."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.conninfo = server.create_database(_DATABASE)
        self._password = secrets.token_urlsafe(24)
        self.control = psycopg.connect(self.conninfo, autocommit=True)
        role = sql.Identifier(_ROLE)
        self.control.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(role, sql.Literal(self._password))
        )
        self.control.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(sql.Identifier(_DATABASE), role))
        self.control.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(_DATABASE), role))
        if server.major >= 15:
            self.control.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(role))
        self._others: list[psycopg.Connection[Any]] = []

    @classmethod
    def start(cls, major: int | None = None, *, binaries: ServerBinaries | None = None) -> Self:
        """Raises EmbeddedServerError when no server can be started."""
        server = EmbeddedServer.start(major, _SETTINGS, binaries=binaries)
        try:
            return cls(server)
        except BaseException:
            server.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.control.close()
        self.server.stop()

    @property
    def major(self) -> int:
        return self.server.major

    # The schema before -------------------------------------------------------------------------------------------------------

    def prepare(self, statements: Iterable[str], named: str = "", fill: bool = True) -> Prior:
        """An empty database made that of these statements, with rows in the tables that the text ``named`` names (in all of a few)."""
        self._clear()
        return self.extend(statements, named, fill)

    def extend(self, statements: Iterable[str], named: str = "", fill: bool = True) -> Prior:
        """The database as it is, with these statements carried out and rows in the tables that have none."""
        prior = Prior()
        with self._connect() as connection:
            self._make(connection, statements, prior)
            if fill:
                self._fill(connection, prior, set(re.findall(r"[\w$]+", named)))
        self._look(prior)
        return prior

    def _look(self, prior: Prior) -> None:
        prior.relations = {row[0]: Relation(*row) for row in self.control.execute(_RELATIONS)}

    def address(self) -> tuple[str, str, str, str]:
        """Where the migrating role connects: folder of the socket, user, password, database."""
        return self.control.info.host, _ROLE, self._password, _DATABASE

    def session(self) -> psycopg.Connection[Any]:
        """One more session of the role that migrates."""
        return self._connect()

    def required(self) -> dict[Name, set[str]]:
        """The columns of each table that an INSERT must give: required, without a default."""
        found: dict[Name, set[str]] = {}
        query = (
            "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
            " AND n.nspname <> 'information_schema' AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef"
            " AND a.attidentity = ''"
        )
        for schema, table, column in self.control.execute(query):
            found.setdefault((schema, table), set()).add(column)
        return found

    def columns(self, prior: Prior) -> dict[Name, set[str]]:
        """The columns of the tables and views that are there."""
        found: dict[Name, set[str]] = {r.key: set() for r in prior.relations.values()}
        query = (
            "SELECT attrelid, attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid = ANY(%s)"
        )
        for oid, column in self.control.execute(query, (list(prior.relations),)):
            found[prior.relations[oid].key].add(column)
        return found

    def facts(self, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query of ours on the catalog."""
        return self.control.execute(query, parameters).fetchall()

    def _make(self, connection: psycopg.Connection[Any], statements: Iterable[str], prior: Prior) -> None:
        waiting = list(statements)
        while waiting:  # a dump may name things before they are made
            left: list[tuple[str, str]] = []
            for text in waiting:
                try:
                    connection.execute(text.encode())
                except psycopg.Error as error:
                    left.append((text, error.diag.message_primary or type(error).__name__))
            if len(left) == len(waiting):
                prior.refused = left
                return
            waiting = [text for text, _ in left]

    def _fill(self, connection: psycopg.Connection[Any], prior: Prior, named: set[str]) -> None:
        self._look(prior)
        tables = list(prior.tables())
        if len(tables) > _FEW_TABLES:
            tables = [table for table in tables if table.name in named]
        if self.server.major >= 15:
            connection.execute("SET session_replication_role = replica")
        connection.execute("SET statement_timeout = '20s'")
        for relation in tables:
            there = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(relation.identifier)).fetchone()
            if there and there[0] == 0 and relation.relkind == "r":
                if reason := rows.fill(connection, relation.oid, relation.identifier):
                    prior.empty[relation.key] = reason
                else:
                    there = (rows.ROWS,)
            prior.rows[relation.oid] = there[0] if there else 0

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self.conninfo, user=_ROLE, password=self._password, autocommit=True, prepare_threshold=None
        )
        # Whether timestamps keep their bits when they get a time zone depends on the zone: any but UTC rewrites.
        connection.execute("SET timezone = 'Europe/Paris'")
        return connection

    def _clear(self) -> None:
        for connection in self._others:
            connection.close()
        self._others = []
        others = self.control.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall()
        for (schema,) in others:
            self.control.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        role = sql.Identifier(_ROLE)
        self.control.execute(sql.SQL("CREATE SCHEMA public AUTHORIZATION {}").format(role))
        roles = self.control.execute(
            "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname NOT IN ('postgres', %s)", (_ROLE,)
        )
        for (name,) in roles.fetchall():
            self.control.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(name)))

    # Running -----------------------------------------------------------------------------------------------------------------

    def run(self, statements: Sequence[Statement], prior: Prior) -> list[Observation | None]:
        """Run a script's statements, each observed. None for one that is not run."""
        run = _Run(self, prior)
        self._others = [run.migration, run.reader, run.probe]
        try:
            run.all(statements)
        except psycopg.OperationalError as error:  # the statement ended its own session, or had to be ended
            lost = Observation(error=f"the session ended: {_message(error)}", sqlstate=error.sqlstate)
            run.found += [lost, *[None] * len(statements)][: len(statements) - len(run.found)]
        finally:
            for connection in self._others:
                connection.close()
            self._others = []
        return run.found


class _Run:
    """One script on its way through the server."""

    def __init__(self, scratch: Scratch, prior: Prior) -> None:
        self.prior = prior
        self.control = scratch.control
        self.migration = scratch._connect()
        self.reader = scratch._connect()
        self.probe = scratch._connect()
        self.probe.execute(f"SET lock_timeout = '{_PATIENCE_MS}ms'".encode())
        self.migration.execute("SET statement_timeout = '20s'")
        self.pid = self.migration.info.backend_pid
        self.filenodes = {r.oid: r.filenode for r in prior.relations.values()}
        self.words: set[str] = set()
        self._known_locks: dict[int, str] = {}
        self.found: list[Observation | None] = []

    def all(self, statements: Sequence[Statement]) -> None:
        found = self.found
        opened: int | None = None
        begun = 0
        for number, statement in enumerate(statements):
            if opened is not None and statement.transaction != opened:
                self._end(found, begun)
                opened = None
            if statement.error or statement.kind in _NEVER_RUN:
                found.append(None)
                continue
            if statement.transaction is not None and opened is None:
                self.migration.execute("BEGIN")
                self._known_locks, opened, begun = {}, statement.transaction, number
            found.append(self._one(statement))
        if opened is not None:
            self._end(found, begun)

    def _end(self, found: list[Observation | None], begun: int) -> None:
        """Commit, and tell each statement of the transaction how long its locks were held."""
        try:
            self.migration.execute("COMMIT")
        except psycopg.Error as error:  # a constraint that is checked at the end
            self.migration.execute("ROLLBACK")
            last = max((i for i in range(begun, len(found)) if found[i] is not None), default=None)
            if last is not None and (observation := found[last]) is not None:
                found[last] = replace(observation, error=_message(error), sqlstate=error.sqlstate)
        left = 0.0
        for number in reversed(range(begun, len(found))):
            observation = found[number]
            if observation is not None:
                left += observation.milliseconds
                locks = tuple(replace(lock, held_ms=round(left, 2)) for lock in observation.locks)
                found[number] = replace(observation, locks=locks)

    def _one(self, statement: Statement) -> Observation:
        alone = statement.transaction is None
        self.words = set(re.findall(r"[\w$]+", statement.sql))
        reading = self._read_long()
        if not alone:
            self.migration.execute("SAVEPOINT dbwright_statement")
        before = None if alone else self._counters()
        size = self._size()
        work = _Work(self.migration, statement.sql)
        waited, queued, waiting_locks = self._watch(work, reading)
        self.reader.execute("ROLLBACK")
        milliseconds = work.milliseconds
        if work.error is not None:
            if not alone:
                self.migration.execute("ROLLBACK TO SAVEPOINT dbwright_statement")
            return Observation(
                milliseconds,
                self._as_locks(waiting_locks, {}),
                error=_message(work.error),
                sqlstate=work.error.sqlstate,
            )
        if alone:
            reads = frozenset(r.key for r, mode in waiting_locks if mode in BLOCKS_READS and r.relkind in "rpm")
            writes = frozenset(r.key for r, mode in waiting_locks if mode in BLOCKS_WRITES and r.relkind in "rpm")
            rewritten, rebuilt = self._files(self.control)
            return Observation(
                milliseconds, self._as_locks(waiting_locks, {}), reads, writes, frozenset(), waited, queued,
                rewritten=rewritten, rebuilt=rebuilt, bytes=max(self._size() - size, 0),
            )  # fmt: skip
        locks = self._locks(granted=True)
        reads, writes, changed = self._probe(locks)
        rewritten, rebuilt = self._files(self.migration)
        after = self._counters()
        observation = Observation(
            milliseconds,
            self._as_locks(locks, self._known_locks),
            reads,
            writes,
            changed,
            waited,
            queued,
            self._scanned(before or {}, after),
            rewritten,
            rebuilt,
            self._touched(before or {}, after),
            bytes=max(self._size() - size, 0),
        )
        self._known_locks = {r.oid: mode for r, mode in sorted(locks, key=lambda one: STRENGTH.index(one[1]))}
        self.migration.execute("RELEASE SAVEPOINT dbwright_statement")
        return observation

    # Looking on --------------------------------------------------------------------------------------------------------------

    def _read_long(self) -> bool:
        """A transaction that reads what the statement names, and stays open. False when there is nothing that it may read."""
        self.reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10ms'")
        tables = [
            r
            for r in self.prior.relations.values()
            if r.relkind in "rpm" and r.name in self.words and self._known_locks.get(r.oid) not in BLOCKS_READS
        ]
        indexed = {r.table_oid for r in self.prior.relations.values() if r.kind == "index" and r.name in self.words}
        tables += [
            r
            for oid, r in self.prior.relations.items()
            if oid in indexed and self._known_locks.get(oid) not in BLOCKS_READS
        ]
        for relation in tables:
            try:
                with self.reader.transaction():
                    self.reader.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(relation.identifier))
            except psycopg.Error:
                continue  # dropped by an earlier statement, or locked by this transaction: nobody could read it
        self.reader.execute("SELECT 1")
        return bool(tables)

    def _watch(self, work: _Work, reading: bool) -> tuple[bool, frozenset[Name], list[tuple[Relation, str]]]:
        """Wait for the statement to end. When it waits for the long reader, the queue behind it is looked at and the reader ends."""
        waited, queued, locks = False, frozenset[Name](), list[tuple[Relation, str]]()
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not work.done.wait(0.002):
            if time.monotonic() > deadline:
                self.control.execute("SELECT pg_cancel_backend(%s)", (self.pid,))
                if not work.done.wait(5):
                    self.control.execute("SELECT pg_terminate_backend(%s)", (self.pid,))
                break
            blocked = self.control.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (self.pid,)).fetchone()
            if blocked and blocked[0] and not waited:
                waited = True
                locks = self._locks(granted=None)
                wanted = [r for r, mode in self._locks(granted=False) if r.relkind in "rpm" and mode in BLOCKS_READS]
                queued = frozenset(r.key for r in wanted if self._waits(r))
                released = time.perf_counter()
                self.reader.execute("ROLLBACK")
                work.released = released
        work.thread.join()
        return waited and reading, queued, locks

    def _waits(self, relation: Relation) -> bool:
        return self._blocked(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(relation.identifier))

    def _blocked(self, statement: sql.Composed) -> bool:
        """Whether another session has to wait for this. What fails for another reason did not wait."""
        try:
            with self.probe.transaction(force_rollback=True):
                self.probe.execute(statement)
        except psycopg.errors.LockNotAvailable:
            return True
        except psycopg.Error:
            return False
        return False

    def _locks(self, granted: bool | None) -> list[tuple[Relation, str]]:
        """Locks of the migration on relations that were there before, the waited-for among them."""
        rows_ = self.control.execute(
            "SELECT relation, mode FROM pg_locks WHERE pid = %s AND locktype = 'relation' AND (%s::bool IS NULL OR granted = %s)",
            (self.pid, granted, granted),
        )
        return [(self.prior.relations[oid], mode) for oid, mode in rows_ if oid in self.prior.relations]

    def _as_locks(self, locks: list[tuple[Relation, str]], earlier: dict[int, str]) -> tuple[Lock, ...]:
        strongest = dict(sorted(locks, key=lambda one: STRENGTH.index(one[1])))
        return tuple(
            Lock(r.key, r.kind, mode, earlier.get(r.oid) == mode)
            for r, mode in sorted(strongest.items(), key=lambda one: (one[0].kind != "table", one[0].key))
        )

    def _probe(self, locks: list[tuple[Relation, str]]) -> tuple[frozenset[Name], frozenset[Name], frozenset[Name]]:
        """Tables that another session cannot read, cannot write, and of which it cannot change a row."""
        candidates = {
            r for r, mode in locks if r.relkind in "rpm" and STRENGTH.index(mode) >= STRENGTH.index("RowExclusiveLock")
        }
        reads, writes, changed = set(), set(), set()
        for relation in candidates:
            if relation.relkind == "m":
                reads |= {relation.key} if self._waits(relation) else set()
                continue
            if self._waits(relation):
                reads.add(relation.key)
                writes.add(relation.key)
            elif self._blocked(sql.SQL("INSERT INTO {0} SELECT FROM {0} WHERE false").format(relation.identifier)):
                writes.add(relation.key)
            elif self._blocked(sql.SQL("SELECT 1 FROM {} FOR UPDATE").format(relation.identifier)):
                changed.add(relation.key)
        return frozenset(reads), frozenset(writes), frozenset(changed)

    def _files(self, connection: psycopg.Connection[Any]) -> tuple[frozenset[Name], frozenset[Name]]:
        """Tables and indexes whose file is another than before."""
        tables: set[Name] = set()
        indexes: set[Name] = set()
        asked = connection.execute(
            "SELECT oid, coalesce(pg_relation_filenode(oid), 0) FROM pg_class WHERE oid = ANY(%s)",
            (list(self.filenodes),),
        )
        for oid, filenode in asked.fetchall():
            if filenode != self.filenodes[oid]:
                self.filenodes[oid] = filenode
                relation = self.prior.relations[oid]
                (indexes if relation.kind == "index" else tables).add(relation.key)
        return frozenset(tables), frozenset(indexes)

    def _size(self) -> int:
        """Bytes of the database's files. Those that a transaction will remove are among them until it ends."""
        row = self.control.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0

    def _counters(self) -> dict[int, tuple[int, int]]:
        """Rows that this transaction has read in scans, and changed, by table."""
        found = self.migration.execute(
            "SELECT o, pg_stat_get_xact_tuples_returned(o), pg_stat_get_xact_tuples_inserted(o) + pg_stat_get_xact_tuples_updated(o)"
            " + pg_stat_get_xact_tuples_deleted(o) FROM unnest(%s::oid[]) o",
            ([r.oid for r in self.prior.relations.values() if r.relkind in "rm"],),
        )
        return {oid: (read or 0, changed or 0) for oid, read, changed in found.fetchall()}

    def _scanned(self, before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]]) -> frozenset[Name]:
        found = set()
        for oid, (read, _) in after.items():
            count = self.prior.rows.get(oid, 0)
            if count and read - before.get(oid, (0, 0))[0] >= count:
                found.add(self.prior.relations[oid].key)
        return frozenset(found)

    def _touched(
        self, before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]]
    ) -> tuple[tuple[Name, int], ...]:
        changed = {oid: count - before.get(oid, (0, 0))[1] for oid, (_, count) in after.items()}
        return tuple((self.prior.relations[oid].key, count) for oid, count in changed.items() if count > 0)


class _Work:
    """A statement that runs on a thread of its own."""

    def __init__(self, connection: psycopg.Connection[Any], text: str) -> None:
        self.connection, self.text = connection, text
        self.done = threading.Event()
        self.error: psycopg.Error | None = None
        self.began = time.perf_counter()
        self.released = 0.0
        self.ended = 0.0
        self.thread = threading.Thread(target=self._run, name="dbwright-migration", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.connection.execute(self.text.encode())
        except psycopg.Error as error:
            self.error = error
        finally:
            self.ended = time.perf_counter()
            self.done.set()

    @property
    def milliseconds(self) -> float:
        """Time of its own, without that for which the reader made it wait."""
        return round(1000 * (self.ended - max(self.began, self.released)), 2)


def _message(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip() or type(error).__name__
