"""From a Snapshot to a running phantom."""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from dbwright.embedded import EmbeddedServer, ServerBinaries
from dbwright.errors import DbwrightError
from dbwright.model.freshness import staleness
from dbwright.model.snapshot import Gap, Snapshot
from dbwright.model.wording import counted, listed
from dbwright.phantom import clock, figures, files
from dbwright.phantom.schema import Step, steps, stored
from dbwright.phantom.session import PLAN_SECONDS, Session
from dbwright.phantom.sizes import btree_levels
from dbwright.phantom.whatif import reason_of

_DATABASE = "phantom"
_MANY_TABLES = 500
_BUILDER = "dbwright_builder"
_SERVER: Mapping[str, str | int | float] = {
    "autovacuum": "off",
    "allow_system_table_mods": "on",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    # Else the pages of new relations are read into memory at commit, to be logged, and what is written to the files later is not seen.
    "wal_skip_threshold": 0,
    "max_locks_per_transaction": 4096,
    "shared_buffers": "64MB",
    "ignore_checksum_failure": "on",
    "bgwriter_lru_maxpages": 0,
    "checkpoint_timeout": "1d",
    "max_wal_size": "4GB",
}
PLANNER_SETTINGS = frozenset(
    "work_mem hash_mem_multiplier effective_cache_size effective_io_concurrency random_page_cost seq_page_cost cpu_tuple_cost"
    " cpu_index_tuple_cost cpu_operator_cost parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size"
    " min_parallel_index_scan_size max_parallel_workers_per_gather max_parallel_workers parallel_leader_participation from_collapse_limit"
    " join_collapse_limit geqo geqo_threshold geqo_effort geqo_pool_size geqo_generations geqo_selection_bias geqo_seed"
    " constraint_exclusion cursor_tuple_fraction default_statistics_target jit jit_above_cost jit_inline_above_cost"
    " jit_optimize_above_cost recursive_worktable_factor search_path timezone datestyle intervalstyle default_text_search_config".split()
)
"""What decides plans, beside the sizes and statistics, and any role may set; and all of ``enable_…``."""


@contextmanager
def _without_toast(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Tables that are made meanwhile have no TOAST tables: two relations more for nearly each, of which the planner knows nothing."""
    storage = connection.execute(
        "SELECT oid::int8, typstorage::text FROM pg_type WHERE typlen = -1 AND typstorage <> 'p'"
    ).fetchall()
    oids = [oid for oid, _ in storage]
    connection.execute("UPDATE pg_type SET typstorage = 'p' WHERE oid = ANY(%s)", (oids,))
    yield
    connection.execute(
        'UPDATE pg_type t SET typstorage = f.storage::"char" FROM unnest(%s::int8[], %s::text[]) AS f (oid, storage) WHERE t.oid = f.oid',
        (oids, [kind for _, kind in storage]),
    )


class NothingToPlan(DbwrightError):
    """The snapshot is not one of a PostgreSQL database with tables."""


def require_sizes(snapshot: Snapshot) -> None:
    """Raises NothingToPlan when no size of a table is known: every table would count as empty, and no judgement be worth anything."""
    if not snapshot.statistics.tables:
        raise NothingToPlan(
            "Nothing is known of production's sizes, so nothing can be judged by plans.",
            "Give a snapshot of production (--snapshot FILE, made by `dbwright snapshot`) or its address (--db).",
        )


class Phantom:
    """A private server with the snapshot's schema, sizes and statistics and without its rows. Use it as a context manager.

    ``gaps`` say in what it differs from production; ``same_major``: the planner is of production's major version.
    """

    def __init__(self, server: EmbeddedServer, snapshot: Snapshot) -> None:
        """For `of` only."""
        self.server = server
        self.snapshot = snapshot
        self.gaps: list[Gap] = []

    @classmethod
    def of(cls, snapshot: Snapshot, *, binaries: ServerBinaries | None = None) -> Self:
        """Start a phantom of a snapshot, on an installed server of its major version first, or on exactly these ``binaries``.

        Raises NothingToPlan when the snapshot has no PostgreSQL tables, EmbeddedServerError when no server can be started.
        """
        if snapshot.target.engine != "postgresql" or not snapshot.catalog.tables:
            raise NothingToPlan(
                "The snapshot holds no PostgreSQL tables.",
                "Take one of production with `dbwright snapshot --db ADDRESS`.",
            )
        server = EmbeddedServer.start(snapshot.target.major, _SERVER, binaries=binaries)
        try:
            phantom = cls(server, snapshot)
            phantom._build(_DATABASE)
            phantom._tell_stale()
        except BaseException:
            server.stop()
            raise
        return phantom

    @property
    def same_major(self) -> bool:
        return self.server.major == self.snapshot.target.major

    def stop(self) -> None:
        """End the server and remove everything that it had."""
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def session(self, database: str = _DATABASE) -> Session:
        """A new planning session with production's planner settings."""
        connection = self._connect(database)
        session = Session(connection, self.server.major, self.server.directory / "data")
        if refused := session.configure(self._settings() | {"statement_timeout": str(round(PLAN_SECONDS * 1000))}):
            self._gap("phantom.settings", f"this server does not take {listed(refused)}", "Plans are made without.")
        return session

    def sessions(self, count: int) -> list[Session]:
        """Sessions that can suppose indexes at the same time: each in a database of its own, because such changes to one wait for each
        other."""
        others = [f"{_DATABASE}_{number}" for number in range(2, count + 1)]
        for database in others:
            self._build(database)
        return [self.session(database) for database in (_DATABASE, *others)]

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        # The driver would prepare what it sends often, and a placeholder in EXPLAIN (GENERIC_PLAN) is none of its own.
        return psycopg.connect(self.server.conninfo(database), autocommit=True, prepare_threshold=None)

    def _connect_to_define(self, connection: psycopg.Connection[Any], database: str) -> psycopg.Connection[Any]:
        """As a role that may make tables here and nothing else: definitions are the snapshot's text, and a file may come from anybody."""
        password = secrets.token_urlsafe(24)
        role = sql.Identifier(_BUILDER)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (_BUILDER,)).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
        for schema in ("public", *(schema.name for schema in self.snapshot.catalog.schemas)):
            if connection.execute("SELECT to_regnamespace(quote_ident(%s)) IS NOT NULL", (schema,)).fetchone() == (
                True,
            ):
                connection.execute(
                    sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role)
                )
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA dbwright_clock TO {}").format(role))
        # Else it could make functions, which the planner, a superuser, would fold.
        connection.execute("REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC")
        return psycopg.connect(
            self.server.conninfo(database), user=_BUILDER, password=password, autocommit=True, prepare_threshold=None
        )

    def _settings(self) -> dict[str, str]:
        return {
            row.name: row.value
            for row in self.snapshot.settings.rows
            if row.name.lower() in PLANNER_SETTINGS or row.name.startswith("enable_")
        }

    def _build(self, database: str) -> None:
        if not self.same_major:
            self._gap(
                "phantom.version",
                f"production runs PostgreSQL {self.snapshot.target.major}, the planner here is that of {self.server.major}",
                f"Install PostgreSQL {self.snapshot.target.major} on this machine.",
            )
        self._create_database(database)
        namespaces, *definitions = steps(self.snapshot.catalog)
        with self._connect(database) as connection:
            connection.execute(clock.functions(self.snapshot.taken_at).encode())
            self._run(connection, namespaces)
            with _without_toast(connection), ExitStack() as open_:
                builders = [
                    open_.enter_context(self._connect_to_define(connection, database)) for _ in range(self._builders())
                ]
                for group in definitions:
                    self._share_out(builders, group)
            with connection.transaction():
                figures.write_keys(connection, self.snapshot, self.server.major)
            self._write_statistics(connection)
            self._write_sizes(connection)
            self._refuse_invalid(connection)

    def _builders(self) -> int:
        """Connections that make the schema. What one takes for ten thousand tables, two take half as long for."""
        return min(os.cpu_count() or 1, 4) if len(self.snapshot.catalog.tables) > _MANY_TABLES else 1

    def _share_out(self, builders: Sequence[psycopg.Connection[Any]], group: Sequence[Step]) -> None:
        """Run a group on all connections, neighbours on the same one: steps of one table wait for each other, and none for a later part
        that waits for an earlier."""
        each = -(-len(group) // len(builders))
        parts = [group[number * each : (number + 1) * each] for number in range(len(builders))]
        if len(builders) == 1 or not all(parts):
            self._run(builders[0], group)
            return
        with ThreadPoolExecutor(len(builders)) as pool:
            list(pool.map(self._run, builders, parts))

    def _create_database(self, database: str) -> None:
        """With production's encoding and locale: how text is compared decides which indexes serve LIKE and what histograms mean."""
        production = next((row for row in self.snapshot.catalog.databases if row.is_current), None)
        if production is not None:
            locale = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(
                sql.Identifier(database),
                sql.Literal(production.encoding),
                sql.Literal(production.collate),
                sql.Literal(production.ctype),
            )
            try:
                with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
                    connection.execute(locale)
                return
            except psycopg.Error as error:
                self._gap(
                    "phantom.locale",
                    f"the locale {production.collate} of production is not to be had here ({reason_of(error)})",
                    "Install it; else what compares texts may be planned otherwise.",
                )
        self.server.create_database(database, "template0")

    def _run(self, connection: psycopg.Connection[Any], group: Iterable[Step]) -> None:
        """All at once, and one by one when that fails: what cannot be made is a Gap."""
        group = tuple(group)
        try:
            with connection.transaction():
                connection.execute(";\n".join(step.sql for step in group).encode())
            return
        except psycopg.Error:
            pass
        for step in group:
            try:
                connection.execute(step.sql.encode())
            except psycopg.Error as error:
                self._gap(
                    "phantom.schema",
                    f"{step.makes} could not be made: {reason_of(error)}",
                    "Plans that need it are not told.",
                )

    def _write_statistics(self, connection: psycopg.Connection[Any]) -> None:
        if not self.snapshot.statistics.columns:
            self._gap(
                "phantom.statistics",
                "the snapshot has no statistics of columns",
                "Let the role read them (GRANT pg_read_all_data) and run ANALYZE.",
            )
            return
        if extended := self.snapshot.catalog.extended_statistics:
            self._gap(
                "phantom.extended_statistics",
                f"{counted(len(extended), 'extended statistics object')} ({listed(row.name for row in extended)}) have no data here:"
                " only superusers may read it",
                "Groups and conditions on their columns are planned as if these were independent.",
            )
        rows = list(figures.column_rows(self.snapshot))
        try:
            with connection.transaction():
                figures.write_statistics(connection, rows, self.server.major)
        except psycopg.Error:
            self._write_statistics_apart(connection, rows)

    def _tell_stale(self) -> None:
        found = [stale for table in stored(self.snapshot.catalog) if (stale := staleness(self.snapshot, table))]
        if found:
            worst = sorted(found, key=lambda stale: not stale.severe)
            self._gap(
                "phantom.freshness",
                listed((stale.text for stale in worst), 5),
                "Run ANALYZE on them and take the snapshot again: their plans may be others by then.",
            )

    def _write_statistics_apart(self, connection: psycopg.Connection[Any], rows: Sequence[figures.ColumnRow]) -> None:
        """Relation by relation: a value that this server does not take costs the statistics of its relation only."""
        by_relation: defaultdict[tuple[object, ...], list[figures.ColumnRow]] = defaultdict(list)
        for row in rows:
            by_relation[row[:2]].append(row)
        for (_, name), of_relation in by_relation.items():
            try:
                with connection.transaction():
                    figures.write_statistics(connection, of_relation, self.server.major)
            except psycopg.Error as error:
                self._gap(
                    "phantom.statistics",
                    f"the statistics of {name} are not taken: {reason_of(error)}",
                    "Its plans are made without; install a server of production's version here.",
                )

    def _write_sizes(self, connection: psycopg.Connection[Any]) -> None:
        with connection.transaction():
            figures.write_sizes(connection, self.snapshot)
        paths = self._paths(connection)
        statistics = self.snapshot.statistics
        for table in stored(self.snapshot.catalog):
            if (path := paths.get((table.schema, table.name))) and (row := statistics.table_by_oid.get(table.oid)):
                files.grow(path, row.heap_bytes // files.PAGE)
            for index in self.snapshot.catalog.indexes_of(table):
                if (path := paths.get((index.schema, index.name))) and (
                    of_index := statistics.index_by_oid.get(index.oid)
                ):
                    pages = of_index.bytes // files.PAGE
                    if index.access_method == "btree" and pages > 1:
                        files.write_height(path, btree_levels(index, self.snapshot.catalog, statistics, pages))
                    files.grow(path, pages)

    def _paths(self, connection: psycopg.Connection[Any]) -> Mapping[tuple[str, str], Path]:
        # All are new, in the default tablespace: asking for each one's path takes a second for ten thousand tables.
        rows = connection.execute(
            "SELECT n.nspname, c.relname, d.oid || '/' || c.relfilenode"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_database d"
            " WHERE c.relkind IN ('r', 'i') AND c.oid >= 16384 AND d.datname = current_database()"
        )
        data = self.server.directory / "data/base"
        return {(schema, name): data / path for schema, name, path in rows}

    def _refuse_invalid(self, connection: psycopg.Connection[Any]) -> None:
        """Indexes that production's planner does not use."""
        invalid = [(i.schema, i.name) for i in self.snapshot.catalog.indexes if not i.is_valid]
        for schema, name in invalid:
            connection.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))",
                (schema, name),
            )

    def _gap(self, section: str, reason: str, remedy: str) -> None:
        gap = Gap(section, reason, remedy, partial=True)
        if gap not in self.gaps:
            self.gaps.append(gap)
