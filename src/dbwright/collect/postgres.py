"""From a PostgreSQL database to a Snapshot. Reads only; see ``dbwright.postgres`` for how that is enforced."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from dbwright import __version__
from dbwright.model.activity import (
    Activity,
    Archiver,
    HbaRule,
    Lock,
    PreparedTransaction,
    Progress,
    RecoveryState,
    Replication,
    ReplicationSlot,
    Session,
    Setting,
    Settings,
    Standby,
    Statement,
    Workload,
)
from dbwright.model.catalog import (
    Catalog,
    Column,
    Constraint,
    Database,
    ExtendedStatistics,
    Extension,
    Function,
    Grant,
    Index,
    Policy,
    Publication,
    Role,
    Schema,
    Subscription,
    Table,
    Trigger,
    Type,
)
from dbwright.model.catalog import (
    Sequence as SequenceRow,
)
from dbwright.model.migrations import AppliedMigration
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import SCHEMA_VERSION, Gap, Snapshot, Target
from dbwright.model.statistics import (
    CheckpointStatistics,
    ColumnStatistics,
    DatabaseStatistics,
    IndexStatistics,
    IoStatistics,
    NodeStatistics,
    Statistics,
    TableStatistics,
)
from dbwright.postgres import Answer, Connection, QueryFailed, Reader, address_name
from dbwright.sqltext import SECRET_COLUMNS, is_secret_name, mask_secrets, normalize

Row = TypeVar("Row")
Progressed = Callable[[str, float], None]
"""Called with what is being read and the share of all that is done."""

BATCH = 500
"""Relations read per statement: a quarter after a statement that ran into a time limit, twice as many after one that did not."""
SKIPS = 20
"""After so many relations that could not be read even on their own, the rest are left out too."""


@dataclass(frozen=True, slots=True)
class ServerRow:
    version: int
    version_text: str
    database: str
    user: str
    is_superuser: bool
    can_monitor: bool
    can_read_statistics: bool
    can_read_settings: bool
    started_at: datetime
    in_recovery: bool
    system_identifier: str | None
    managed_by: str | None
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class _Relation:
    oid: int
    name: str


@dataclass(frozen=True, slots=True)
class _Size:
    oid: int
    bytes: int | None


@dataclass(frozen=True, slots=True)
class _Locked:
    oid: int
    name: str | None
    pid: int


@dataclass(frozen=True, slots=True)
class _Password:
    oid: int
    has_password: bool
    method: str | None
    equals_name: bool | None


@dataclass(frozen=True, slots=True)
class _Wal:
    wal_bytes: int
    full_page_images: int
    reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class _StatementsInfo:
    evicted: int
    collected_from: datetime | None


class _Collection:
    """The state of one collection: the reader, the relations, and the Gaps found on the way."""

    def __init__(self, reader: Reader, progressed: Progressed | None) -> None:
        self.reader = reader
        self.gaps: list[Gap] = []
        self.oids: list[int] = []
        self.names: dict[int, str] = {}
        self.locked: list[int] = []
        self._progressed = progressed
        self._done = 0

    def find_relations(self) -> tuple[_Locked, ...]:
        """What there is to read, and what cannot be read just now since it is locked against readers."""
        locked = self.reader.rows("locked", _Locked)
        self.locked = [row.oid for row in locked]
        self.names = {row.oid: row.name for row in self.reader.rows("relations", _Relation)}
        self.oids = list(self.names)
        return locked

    def tell(self, what: str) -> None:
        self._done += 1
        if self._progressed:
            self._progressed(what, min(self._done / 35, 1.0))

    def read(
        self,
        section: str,
        name: str,
        row_type: Callable[..., Row],
        *,
        partial: bool = False,
        refused: tuple[str, str] | None = None,
        **extra: Any,
    ) -> tuple[Row, ...]:
        """One query at once; a failure is a Gap of the section. ``refused``: its reason and remedy when a right is missing."""
        self.tell(section)
        parameters = {"locked": self.locked} | extra.pop("parameters", {})
        try:
            return self.reader.rows(name, row_type, parameters, **extra)
        except QueryFailed as error:
            missing = refused if error.sqlstate == "42501" else None
            reason, remedy = missing or (str(error.message), error.remedy)
            self.gaps.append(Gap(section, reason, remedy, partial))
            return ()

    def read_batches(self, section: str, name: str, row_type: Callable[..., Row], **parameters: Any) -> tuple[Row, ...]:
        """One query over all relations, in batches that fit the time limit. A relation that cannot be read even alone is left out;
        one Gap tells how many were.

        The server works on the next batch, asked for in a thread, while rows are made of this one."""
        self.tell(section)
        found: list[Row] = []
        skipped: list[int] = []
        cause: QueryFailed | None = None
        position, size = 0, BATCH

        def ask() -> Future[Answer]:
            values = {"oids": self.oids[position : position + size], "locked": self.locked} | parameters
            return thread.submit(self.reader.fetch, name, row_type, values, by_index=True)

        with ThreadPoolExecutor(1) as thread:
            asked = ask() if self.oids else None
            while asked:
                batch = self.oids[position : position + size]
                answer: Answer | None = None
                try:
                    answer = asked.result()
                except QueryFailed as error:
                    cause = error
                    if (error.sqlstate or "").startswith(
                        "42"
                    ):  # a right or a name is missing: so it is for every batch
                        break
                    if len(batch) > 1:
                        size = max(1, len(batch) // 4)
                        asked = ask()
                        continue
                    skipped += batch
                    if len(skipped) == SKIPS:
                        position += 1
                        break
                else:
                    size = min(BATCH, size * 2)
                position += len(batch)
                asked = ask() if position < len(self.oids) else None
                if answer:
                    found += answer.rows(row_type)
        skipped += self.oids[position:]
        if cause and skipped:
            names = ", ".join(self.names.get(oid, str(oid)) for oid in skipped[:5])
            more = ", …" if len(skipped) > 5 else ""
            reason = f"{cause.message} ({len(skipped)} of {len(self.oids)} relations left out: {names}{more})"
            self.gaps.append(Gap(section, reason, cause.remedy, len(skipped) < len(self.oids)))
        return tuple(found)

    def read_pages(
        self, section: str, name: str, row_type: Callable[..., Row], key: str, limit: int = 2000
    ) -> tuple[Row, ...]:
        """One query in pages ordered by a numeric key, which shrink when a page does not fit the time limit."""
        self.tell(section)
        found: list[Row] = []
        after = 0
        while True:
            values = {"locked": self.locked, "after": after, "limit": limit}
            try:
                page = self.reader.rows(name, row_type, values)
            except QueryFailed as error:
                if error.sqlstate == "57014" and limit > 10:
                    limit //= 4
                    continue
                self.gaps.append(Gap(section, str(error.message), error.remedy, partial=bool(found)))
                return tuple(found)
            found.extend(page)
            if len(page) < limit:
                return tuple(found)
            after = getattr(page[-1], key)


def collect(
    connection: Connection,
    parameters: dict[str, Any],
    *,
    values: bool = True,
    progressed: Progressed | None = None,
) -> Snapshot:
    """Read a Snapshot of the connection's database.

    ``values``: keep sample values of columns (most common values, histogram bounds), which the planner needs to plan as production
    would; columns whose name tells of a secret never have theirs read. Raises CannotConnect when the server goes away midway.
    """
    began = time.perf_counter()
    reader = Reader(connection)
    (server,) = reader.rows("server", ServerRow)
    work = _Collection(reader, progressed)
    locked = work.find_relations()
    if locked:
        names = ", ".join(sorted({row.name or str(row.oid) for row in locked})[:5])
        work.gaps.append(
            Gap(
                "catalog.columns",
                f"{len(locked)} relations are locked against readers just now ({names})",
                f"Run again when process {locked[0].pid} has ended its transaction.",
                partial=True,
            )
        )
    settings = _settings(work, server)
    extensions = work.read("catalog.extensions", "extensions", Extension)
    catalog = _catalog(work, server, extensions)
    statistics = _statistics(work, server, catalog, values)
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        taken_at=server.taken_at,
        target=_target(server, parameters),
        catalog=catalog,
        statistics=statistics,
        workload=_workload(work, server, extensions, settings),
        activity=_activity(work, server),
        settings=settings,
        replication=_replication(work, server),
        hba=_hba(work, server),
        applied=_applied(work, server, catalog),
        gaps=tuple(work.gaps),
        collection_seconds=round(time.perf_counter() - began, 3),
        server_seconds=round(reader.seconds, 3),
    )


def collect_node(
    connection: Connection, parameters: dict[str, Any]
) -> tuple[ServerRow, NodeStatistics, tuple[Gap, ...]]:
    """Read the counters of a replica. What the server says of itself tells whether it is one."""
    reader = Reader(connection)
    (server,) = reader.rows("server", ServerRow)
    work = _Collection(reader, None)
    work.find_relations()
    databases = work.read("statistics.databases", "database_statistics", DatabaseStatistics)
    tables = work.read_batches("statistics.nodes", "table_statistics", TableStatistics)
    indexes = work.read_batches("statistics.nodes", "index_statistics", IndexStatistics)
    node = NodeStatistics(
        name=address_name(parameters),
        reset_at=next((d.reset_at for d in databases if d.name == server.database), None),
        started_at=server.started_at,
        tables=_with_index_bytes(tables, indexes),
        indexes=indexes,
    )
    return server, node, tuple(work.gaps)


def target_of(connection: Connection, parameters: dict[str, Any]) -> Target:
    """The database behind a connection, without reading more of it."""
    (server,) = Reader(connection).rows("server", ServerRow)
    return _target(server, parameters)


def _target(server: ServerRow, parameters: dict[str, Any]) -> Target:
    where = server.system_identifier or address_name({**parameters, "user": None})
    return Target(
        engine="postgresql",
        name=address_name({**parameters, "dbname": server.database, "user": server.user}),
        identity=sha256(f"postgresql:{where}:{server.database}".encode()).hexdigest()[:16],
        database=server.database,
        version=server.version,
        version_text=server.version_text,
        user=server.user,
        is_superuser=server.is_superuser,
        can_monitor=server.is_superuser or server.can_monitor,
        started_at=server.started_at,
        managed_by=server.managed_by,
    )


def _settings(work: _Collection, server: ServerRow) -> Settings:
    rows = work.read("settings", "settings", Setting)
    if rows and not (server.is_superuser or server.can_read_settings):
        work.gaps.append(
            Gap(
                "settings.hidden",
                "some settings are shown to members of pg_read_all_settings only",
                f"GRANT pg_monitor TO {server.user};",
                partial=True,
            )
        )
    return Settings(tuple(map(_mask_setting, rows)))


def _mask_setting(row: Setting) -> Setting:
    """What is an extension's or the application's own is secret where its name says so; commands and addresses may hold a secret."""
    if "." in row.name and is_secret_name(row.name):
        return replace(
            row,
            value=row.value and "***",
            boot_value=row.boot_value and "***",
            reset_value=row.reset_value and "***",
        )
    if "." in row.name or row.name.endswith(("_conninfo", "_command")):
        return _mask(row, ("value", "boot_value", "reset_value"))
    return row


def _catalog(work: _Collection, server: ServerRow, extensions: tuple[Extension, ...]) -> Catalog:
    sizes = {row.oid: row.bytes for row in work.read("catalog.databases", "database_size", _Size, partial=True)}
    functions = _masked(work.read_pages("catalog.functions", "functions", Function, "oid", 500), "source")
    return Catalog(
        databases=tuple(
            replace(row, settings=_without_secrets(row.settings), bytes=sizes.get(row.oid))
            for row in work.read("catalog.databases", "databases", Database)
        ),
        schemas=work.read("catalog.schemas", "schemas", Schema),
        tables=_masked(work.read_batches("catalog.tables", "tables", Table), "comment", "definition"),
        columns=_masked(work.read_batches("catalog.columns", "columns", Column), "comment"),
        indexes=work.read_batches("catalog.indexes", "indexes", Index),
        constraints=work.read_batches("catalog.constraints", "constraints", Constraint),
        sequences=_sequences(work, server),
        functions=tuple(replace(f, settings=_without_secrets(f.settings)) if f.settings else f for f in functions),
        triggers=_masked(work.read_batches("catalog.triggers", "triggers", Trigger), "definition"),
        policies=work.read("catalog.policies", "policies", Policy),
        types=work.read("catalog.types", "types", Type),
        extended_statistics=work.read("catalog.extended_statistics", "extended_statistics", ExtendedStatistics),
        extensions=extensions,
        roles=_roles(work, server),
        grants=work.read("catalog.grants", "grants", Grant),
        publications=work.read("catalog.publications", "publications", Publication),
        subscriptions=work.read("catalog.subscriptions", "subscriptions", Subscription),
    )


def _sequences(work: _Collection, server: ServerRow) -> tuple[SequenceRow, ...]:
    """Pages are small, since a sequence that is read stays locked, as by any SELECT, until the statement ends."""
    rows = work.read_pages("catalog.sequences", "sequences", SequenceRow, "oid", 500)
    hidden = [row for row in rows if not row.readable and row.persistence == "permanent" and row.oid not in work.locked]
    if hidden and not server.is_superuser:
        schemas = ", ".join(quote_identifier(schema) for schema in sorted({row.schema for row in hidden})[:5])
        work.gaps.append(
            Gap(
                "catalog.sequences",
                f"the last values of {len(hidden)} of {len(rows)} sequences are hidden from {server.user}",
                f"GRANT pg_read_all_data TO {server.user}; (PostgreSQL 14 and later), or "
                f"USAGE ON SCHEMA {schemas} and SELECT ON ALL SEQUENCES in it",
                partial=True,
            )
        )
    return rows


def _without_secrets(settings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text if text.startswith("password_encryption=") else mask_secrets(text) for text in settings)


def _masked(rows: tuple[Row, ...], *names: str) -> tuple[Row, ...]:
    """Free text that people wrote may hold a password; what rebuilds an object is left as it is."""
    return tuple(_mask(row, names) for row in rows)


def _mask(row: Row, names: tuple[str, ...]) -> Row:
    texts = [(name, text) for name in names if (text := getattr(row, name))]
    if not texts:
        return row
    changed = {name: masked for name, text in texts if (masked := mask_secrets(text)) != text}
    return replace(row, **changed) if changed else row  # type: ignore[type-var]


def _roles(work: _Collection, server: ServerRow) -> tuple[Role, ...]:
    roles = tuple(
        replace(role, settings=_without_secrets(role.settings)) for role in work.read("catalog.roles", "roles", Role)
    )
    if not server.is_superuser:
        work.gaps.append(
            Gap(
                "catalog.passwords",
                "how passwords are stored is shown to superusers only",
                "Audit once as a superuser to see it.",
            )
        )
        return roles
    known = {row.oid: row for row in work.read("catalog.passwords", "passwords", _Password)}
    return tuple(
        replace(
            role,
            has_password=known[role.oid].has_password,
            password_method=known[role.oid].method,
            password_equals_name=known[role.oid].equals_name,
        )
        if role.oid in known
        else role
        for role in roles
    )


def _statistics(work: _Collection, server: ServerRow, catalog: Catalog, values: bool) -> Statistics:
    databases = work.read("statistics.databases", "database_statistics", DatabaseStatistics)
    checkpoints = work.read("statistics.checkpoints", "checkpoints", CheckpointStatistics)
    tables = work.read_batches("statistics.tables", "table_statistics", TableStatistics)
    columns = work.read_batches(
        "statistics.columns", "column_statistics", ColumnStatistics, values=values, secret=SECRET_COLUMNS
    )
    _report_hidden_columns(work, server, catalog, tables, columns)
    if server.in_recovery:
        work.gaps.append(
            Gap(
                "statistics.tables",
                "this server is a standby: it counts reads of its own, and no writes",
                "Audit the primary, and give this server as a further --db.",
                partial=True,
            )
        )
    indexes = work.read_batches("statistics.indexes", "index_statistics", IndexStatistics)
    return Statistics(
        tables=_with_index_bytes(tables, indexes),
        indexes=indexes,
        columns=tuple(_with_values(columns)),
        databases=databases,
        checkpoints=checkpoints[0] if checkpoints else None,
        io=work.read("statistics.io", "io", IoStatistics),
        reset_at=next((d.reset_at for d in databases if d.name == server.database), None),
    )


def _with_index_bytes(
    tables: tuple[TableStatistics, ...], indexes: tuple[IndexStatistics, ...]
) -> tuple[TableStatistics, ...]:
    total: Counter[int] = Counter()
    for index in indexes:
        total[index.table_oid] += index.bytes
    return tuple(replace(table, index_bytes=total[table.oid]) for table in tables)


def _with_values(columns: Iterable[ColumnStatistics]) -> Iterable[ColumnStatistics]:
    for row in columns:
        if row.common_values is None or row.histogram is None:
            yield replace(row, common_values=row.common_values or (), histogram=row.histogram or ())
        else:
            yield row


def _report_hidden_columns(
    work: _Collection,
    server: ServerRow,
    catalog: Catalog,
    tables: Sequence[TableStatistics],
    columns: Sequence[ColumnStatistics],
) -> None:
    seen = {row.table_oid for row in columns}
    own = {table.oid for table in catalog.storage_tables}
    hidden = [t for t in tables if t.oid in own and t.rows > 0 and t.oid not in seen]
    never = [t for t in hidden if not (t.last_analyze or t.last_autoanalyze)]
    if hidden and len(never) < len(hidden) and not server.is_superuser:
        work.gaps.append(
            Gap(
                "statistics.columns",
                f"column statistics of {len(hidden)} tables are hidden from {server.user}",
                f"GRANT pg_read_all_data TO {server.user}; (PostgreSQL 14 and later), or SELECT on the tables",
                partial=bool(seen),
            )
        )


_STATEMENTS_VERSIONS = ((1, 12), 18), ((1, 11), 17), ((1, 10), 15), ((1, 9), 14), ((1, 8), 13)


def _workload(work: _Collection, server: ServerRow, extensions: tuple[Extension, ...], settings: Settings) -> Workload:
    extension = next((e for e in extensions if e.name == "pg_stat_statements"), None)
    if extension is None:
        loaded = "pg_stat_statements" in (settings.text("shared_preload_libraries") or "")
        remedy = "CREATE EXTENSION pg_stat_statements;"
        if not loaded:
            remedy = f"Add pg_stat_statements to shared_preload_libraries, restart, then {remedy}"
        work.gaps.append(Gap("workload.statements", "pg_stat_statements is not installed in this database", remedy))
        return Workload()
    installed = tuple(int(part) for part in extension.version.split(".") if part.isdigit())
    major = next((major for least, major in _STATEMENTS_VERSIONS if installed >= least), None)
    if major is None:
        work.gaps.append(
            Gap(
                "workload.statements",
                f"pg_stat_statements is at version {extension.version}, too old to read",
                "ALTER EXTENSION pg_stat_statements UPDATE;",
            )
        )
        return Workload()
    failures = len(work.gaps)
    options: dict[str, Any] = {"version": major * 10000, "schema": extension.schema}
    statements = work.read("workload.statements", "statements", Statement, **options)
    if len(work.gaps) > failures:
        return Workload()
    if hidden := sum(1 for s in statements if s.query == "<insufficient privilege>"):
        work.gaps.append(
            Gap(
                "workload.statements",
                f"the texts of {hidden} of {len(statements)} statements are hidden from {server.user}",
                f"GRANT pg_read_all_stats TO {server.user};",
                partial=hidden < len(statements),
            )
        )
    info = work.read("workload.info", "statements_info", _StatementsInfo, **options) if major >= 14 else ()
    return Workload(
        available=True,
        statements=tuple(
            replace(s, query=mask_secrets(s.query)) for s in statements if s.query != "<insufficient privilege>"
        ),
        evicted=info[0].evicted if info else None,
        collected_from=info[0].collected_from if info else None,
    )


def _activity(work: _Collection, server: ServerRow) -> Activity:
    sessions = work.read("activity.sessions", "sessions", Session)
    if not (server.is_superuser or server.can_read_statistics):
        work.gaps.append(
            Gap(
                "activity.sessions",
                f"what other roles' sessions do is hidden from {server.user}",
                f"GRANT pg_monitor TO {server.user};",
                partial=True,
            )
        )
    return Activity(
        sessions=tuple(replace(s, query=normalize(s.query)) for s in sessions),
        locks=work.read("activity.locks", "locks", Lock),
        prepared_transactions=work.read("activity.prepared_transactions", "prepared_transactions", PreparedTransaction),
        progress=work.read("activity.progress", "progress", Progress),
    )


def _replication(work: _Collection, server: ServerRow) -> Replication:
    recovery = work.read("replication.recovery", "recovery", RecoveryState)
    archiver = work.read("replication.archiver", "archiver", Archiver)
    wal = work.read("replication.wal", "wal", _Wal)
    standbys = work.read("replication.standbys", "standbys", Standby)
    if standbys and not (server.is_superuser or server.can_read_statistics):
        work.gaps.append(
            Gap(
                "replication.standbys",
                "the state of standbys is hidden",
                f"GRANT pg_monitor TO {server.user};",
                partial=True,
            )
        )
    return Replication(
        recovery=recovery[0] if recovery else None,
        slots=work.read("replication.slots", "slots", ReplicationSlot),
        standbys=standbys,
        archiver=archiver[0] if archiver else None,
        wal_bytes=wal[0].wal_bytes if wal else None,
        wal_full_page_images=wal[0].full_page_images if wal else None,
        wal_reset_at=wal[0].reset_at if wal else None,
    )


def _hba(work: _Collection, server: ServerRow) -> tuple[HbaRule, ...]:
    refused = (
        "the client authentication rules are shown to superusers only",
        f"GRANT SELECT ON pg_hba_file_rules TO {server.user}; "
        f"GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO {server.user};",
    )
    return work.read("hba", "hba", HbaRule, refused=refused)


_MOST_VERSION_TABLES = 20
"""A schema for each tenant has its own; some tell enough."""


def _applied(work: _Collection, server: ServerRow, catalog: Catalog) -> tuple[AppliedMigration, ...]:
    """What the tables of Django and Alembic say that was applied. Alembic's may be called as one likes: it is the one with nothing but
    ``version_num``."""
    found: list[AppliedMigration] = []
    for table in [t for t in catalog.tables if _version_query(catalog, t)][:_MOST_VERSION_TABLES]:
        name = quote_identifier(table.schema) + "." + quote_identifier(table.name)
        refused = (f"{server.user} may not read {name}", f"GRANT SELECT ON {name} TO {quote_identifier(server.user)};")
        found += work.read(
            "migrations",
            _version_query(catalog, table),
            AppliedMigration,
            partial=bool(found),
            refused=refused,
            schema=table.schema,
            table=table.name,
            parameters={"schema": table.schema},
        )
    return tuple(found)


def _version_query(catalog: Catalog, table: Table) -> str:
    """The query that reads a table of applied migrations; empty for any other table."""
    names = {column.name for column in catalog.columns_of(table)}
    if names == {"version_num"}:
        return "applied_alembic"
    return "applied_django" if table.name == "django_migrations" and {"id", "app", "name", "applied"} <= names else ""
