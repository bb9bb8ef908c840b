"""From a SQLite file to a Snapshot. The file is opened read-only, and nothing is left beside it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dbwright import __version__
from dbwright.errors import DbwrightError
from dbwright.model.activity import IntegrityProblem, Setting, Settings
from dbwright.model.catalog import Catalog, Column, Constraint, Index, OnDelete, Table, Trigger
from dbwright.model.migrations import AppliedMigration
from dbwright.model.quoting import quote_identifier
from dbwright.model.snapshot import SCHEMA_VERSION, Gap, Snapshot, Target
from dbwright.model.statistics import ColumnStatistics, IndexStatistics, Statistics, TableStatistics

Progressed = Callable[[str, float], None]

MAGIC = b"SQLite format 3\0"
LOCK_SECONDS = 2.0
STATEMENT_SECONDS = 2.0
"""A check that reads the whole file is given up after this long and becomes a Gap."""
COUNT_SECONDS = 5.0
"""Rows are counted for this long in all; then they are estimated."""
SAMPLED_VIOLATIONS = 1000

_PRAGMAS = (
    "journal_mode page_size page_count freelist_count auto_vacuum encoding user_version application_id schema_version "
    "synchronous foreign_keys busy_timeout"
).split()
_ON_DELETE: dict[str, OnDelete] = {
    "NO ACTION": "no action",
    "RESTRICT": "restrict",
    "CASCADE": "cascade",
    "SET NULL": "set null",
    "SET DEFAULT": "set default",
}
_BASE_TYPES = (
    (r"bool", "bool"),
    (r"bigint|^integer$|unsigned big|int8", "int8"),
    (r"smallint|tinyint|int2", "int2"),
    (r"int", "int4"),
    (r"^char|nchar", "bpchar"),
    (r"char|clob", "varchar"),
    (r"text", "text"),
    (r"decimal|numeric", "numeric"),
    (r"real|floa|doub", "float8"),
    (r"datetime|timestamp", "timestamptz"),
    (r"date", "date"),
    (r"time", "time"),
    (r"json", "jsonb"),
    (r"uuid", "uuid"),
    (r"blob", "bytea"),
)


class SqliteUnreadable(DbwrightError):
    """The file is missing, locked, damaged, or not SQLite."""


@dataclass
class _Reading:
    """One pass over a file. Tables and indexes get numbers in the order they are met."""

    connection: sqlite3.Connection
    gaps: list[Gap] = field(default_factory=list)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, kind: str, name: str) -> int:
        return self.numbers.setdefault((kind, name), len(self.numbers) + 1)

    def rows(self, statement: str) -> list[Any]:
        return self.connection.execute(statement).fetchall()

    def timed(self, statement: str, seconds: float | None = None) -> list[Any]:
        """A statement that may read everything. Raises OperationalError when it takes too long or is not possible here."""
        deadline = time.monotonic() + (STATEMENT_SECONDS if seconds is None else seconds)
        self.connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            return self.rows(statement)
        finally:
            self.connection.set_progress_handler(None, 0)

    def checked(self, section: str, pragma: str, statement: str) -> list[Any]:
        """The answer of a check of the whole file; nothing, and a Gap, when it could not be made."""
        try:
            return self.timed(statement)
        except sqlite3.OperationalError as error:
            late = "interrupted" in str(error)
            reason = f"takes longer than {STATEMENT_SECONDS:g} seconds" if late else f"failed: {error}"
            self.gaps.append(Gap(section, f"PRAGMA {pragma} {reason}", f"Run PRAGMA {pragma}; by hand."))
            return []


def collect(path: Path, *, progressed: Progressed | None = None) -> Snapshot:
    """Read a Snapshot of a SQLite file. Raises SqliteUnreadable with what is wrong with the file."""
    began = time.perf_counter()
    _require_sqlite(path)
    tell = progressed or (lambda _what, _share: None)
    try:
        with closing(_open(path)) as connection:
            reading = _Reading(connection)
            tell("catalog", 0.1)
            settings = _settings(reading, path)
            catalog = _catalog(reading)
            applied = tuple(_applied(reading, catalog))
            tell("statistics", 0.4)
            statistics = _statistics(reading, catalog)
            tell("integrity", 0.7)
            integrity = tuple(_integrity(reading))
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        taken_at=datetime.now(UTC),
        target=Target(
            engine="sqlite",
            name=path.name,
            identity=sha256(f"sqlite:{path.resolve()}".encode()).hexdigest()[:16],
            database=path.stem,
            version=sqlite3.sqlite_version_info[0] * 1_000_000 + sqlite3.sqlite_version_info[1] * 1000,
            version_text=sqlite3.sqlite_version,
            user="",
            is_superuser=True,
            can_monitor=True,
        ),
        catalog=catalog,
        statistics=statistics,
        settings=settings,
        integrity=integrity,
        applied=applied,
        gaps=tuple(reading.gaps),
        collection_seconds=round(time.perf_counter() - began, 3),
        server_seconds=round(time.perf_counter() - began, 3),
    )


def _require_sqlite(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise SqliteUnreadable(f"{path} does not exist.", "Run the migrations first, or give another file.") from None
    except OSError as error:
        raise SqliteUnreadable(f"{path}: {error.strerror}.", "Give the path of a SQLite file.") from None
    if not head:
        raise SqliteUnreadable(f"{path} is empty.", "Run the migrations first, or give another file.")
    if head != MAGIC:
        raise SqliteUnreadable(
            f"{path} is not a SQLite database.", "Give the path of a SQLite file, or a postgresql:// address."
        )


def _open(path: Path) -> sqlite3.Connection:
    """Open for reading. A WAL-mode file that nobody has open is read as immutable: otherwise SQLite would leave its
    -wal and -shm files behind."""
    immutable = _in_wal_mode(path) and not path.with_name(path.name + "-wal").exists()
    address = f"file:{quote(str(path.resolve()))}?mode=ro" + ("&immutable=1" if immutable else "")
    connection = sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.text_factory = lambda data: data.decode(errors="replace")
    return connection


def _in_wal_mode(path: Path) -> bool:
    """By the file's header: a connection that reads it as immutable does not tell."""
    with path.open("rb") as file:
        return file.read(20)[18:] == b"\x02\x02"


def _unreadable(path: Path, error: sqlite3.Error) -> SqliteUnreadable:
    text = str(error)
    if "locked" in text or "busy" in text:
        return SqliteUnreadable(f"{path} is locked by another process.", "Try again when its transaction has ended.")
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return SqliteUnreadable(
            f"{path} is damaged: {text}.", "Restore it from a backup, or save what is left with sqlite3's .recover."
        )
    return SqliteUnreadable(f"{path}: {text}.", "Check that sqlite3 can open it.")


def _settings(reading: _Reading, path: Path) -> Settings:
    found = {name: rows[0][0] for name in _PRAGMAS if (rows := reading.rows(f"PRAGMA {name}"))}
    if _in_wal_mode(path):
        found["journal_mode"] = "wal"
    return Settings(
        tuple(
            Setting(name, str(value), None, "string", "pragma", "file", None, None, None, None, False)
            for name, value in found.items()
        )
    )


def _catalog(reading: _Reading) -> Catalog:
    tables: list[Table] = []
    columns: list[Column] = []
    indexes: list[Index] = []
    constraints: list[Constraint] = []
    triggers: list[Trigger] = []
    schema = reading.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid")
    definitions = {name: text for kind, name, _, text in schema if kind == "index" and text}
    for kind, name, table_name, text in schema:
        if name.startswith("sqlite_") or (kind == "table" and (text or "").upper().startswith("CREATE VIRTUAL")):
            continue
        if kind in ("table", "view"):
            table = _table(reading, kind, name, text)
            tables.append(table)
            columns += _columns(reading, table)
            if kind == "table":
                indexes += _indexes(reading, table, definitions)
                constraints += _constraints(reading, table, text or "")
        elif kind == "trigger":
            number = reading.number("trigger", name)
            triggers.append(
                Trigger(number, reading.number("table", table_name), name, 0, name, "origin", False, True, text or "")
            )
    by_name = {t.name.lower(): t.oid for t in tables}
    keys = {c.table_oid: c.columns for c in constraints if c.kind == "primary key"}
    resolved = (_resolve(constraint, by_name, keys) for constraint in constraints)
    return Catalog(
        tables=tuple(tables),
        columns=tuple(columns),
        indexes=tuple(indexes),
        constraints=tuple(resolved),
        triggers=tuple(triggers),
    )


def _table(reading: _Reading, kind: str, name: str, text: str | None) -> Table:
    ending = (text or "").rsplit(")", 1)[-1].upper()
    options = [f"{word.lower().replace(' ', '_')}=on" for word in ("STRICT", "WITHOUT ROWID") if word in ending]
    return Table(
        oid=reading.number("table", name),
        schema="main",
        name=name,
        kind="view" if kind == "view" else "table",
        owner="",
        persistence="permanent",
        access_method=None,
        tablespace=None,
        options=tuple(options),
        is_partition=False,
        parents=(),
        partition_key=None,
        partition_strategy=None,
        partition_bound=None,
        row_security=False,
        force_row_security=False,
        replica_identity="default",
        is_populated=True,
        definition=text if kind == "view" else None,
        comment=None,
        extension=None,
        frozen_xid_age=None,
        multixact_age=None,
        dropped_columns=0,
    )


def base_type(declared: str) -> str:
    """The PostgreSQL name for what a declared SQLite type stands for."""
    lowered = declared.lower()
    return next(
        (name for pattern, name in _BASE_TYPES if re.search(pattern, lowered)), "text" if not lowered else "numeric"
    )


def _columns(reading: _Reading, table: Table) -> Iterator[Column]:
    for number, name, declared, not_null, default, key, hidden in reading.rows(
        f"PRAGMA table_xinfo({quote_identifier(table.name)})"
    ):
        if hidden == 1:
            continue
        length = re.search(r"\(\s*(\d+)\s*\)", declared or "")
        base = base_type(declared or "")
        yield Column(
            table_oid=table.oid,
            number=number + 1,
            name=name,
            type=declared or "",
            base_type=base,
            type_kind="base",
            type_length=-1,
            max_length=int(length[1]) if length and base in ("varchar", "bpchar") else None,
            not_null=bool(not_null) or bool(key),
            default=default,
            identity="by default" if key and base == "int8" and declared.lower() == "integer" else "",
            generated={2: "virtual", 3: "stored"}.get(hidden, ""),  # type: ignore[arg-type]
            collation=None,
            storage="plain",
            compression="",
            statistics_target=None,
            comment=None,
        )


def _indexes(reading: _Reading, table: Table, definitions: dict[str, str]) -> Iterator[Index]:
    for _, name, unique, origin, partial in reading.rows(f"PRAGMA index_list({quote_identifier(table.name)})"):
        entries = [row for row in reading.rows(f"PRAGMA index_xinfo({quote_identifier(name)})") if row[5]]
        definition = definitions.get(name, "")
        predicate = re.search(r"\bWHERE\b(.*)$", definition, re.I | re.S) if partial else None
        yield Index(
            oid=reading.number("index", name),
            table_oid=table.oid,
            schema="main",
            name=name,
            access_method="btree",
            is_unique=bool(unique),
            is_primary=origin == "pk",
            is_exclusion=False,
            is_valid=True,
            is_ready=True,
            is_live=True,
            is_clustered=False,
            is_replica_identity=False,
            nulls_not_distinct=False,
            keys=tuple(row[2] if row[2] is not None else "expression" for row in entries),
            is_expression=tuple(row[2] is None for row in entries),
            descending=tuple(bool(row[3]) for row in entries),
            nulls_first=tuple(not row[3] for row in entries),
            opclasses=tuple("" for _ in entries),
            default_opclass=tuple(True for _ in entries),
            collations=tuple(None if row[4] == "BINARY" else row[4] for row in entries),
            include=(),
            predicate=predicate[1].strip() if predicate else None,
            referenced_columns=(),
            options=(),
            tablespace=None,
            constraint=name if origin in ("pk", "u") else None,
            parent_oid=None,
            extension=None,
            definition=definition,
        )


def _constraint(reading: _Reading, table: Table, name: str, **values: Any) -> Constraint:
    defaults: dict[str, Any] = {
        "is_validated": True,
        "is_enforced": True,
        "is_deferrable": False,
        "is_deferred": False,
        "is_inherited": False,
        "no_inherit": False,
        "index_oid": None,
        "foreign_table_oid": None,
        "foreign_columns": (),
        "on_delete": None,
        "on_update": None,
        "match_full": False,
    }
    number = reading.number("constraint", f"{table.name}.{name}")
    return Constraint(oid=number, table_oid=table.oid, name=name, **(defaults | values))


def _constraints(reading: _Reading, table: Table, text: str) -> Iterator[Constraint]:
    info = reading.rows(f"PRAGMA table_xinfo({quote_identifier(table.name)})")
    key = tuple(row[1] for row in sorted((row for row in info if row[5]), key=lambda row: row[5]))
    if key:
        yield _constraint(
            reading,
            table,
            f"{table.name}_pkey",
            kind="primary key",
            columns=key,
            definition=f"PRIMARY KEY ({', '.join(key)})",
        )
    for _, name, unique, origin, _partial in reading.rows(f"PRAGMA index_list({quote_identifier(table.name)})"):
        if unique and origin == "u":
            columns = tuple(row[2] for row in reading.rows(f"PRAGMA index_info({quote_identifier(name)})"))
            yield _constraint(
                reading,
                table,
                name,
                kind="unique",
                columns=columns,
                definition=f"UNIQUE ({', '.join(map(str, columns))})",
            )
    yield from _foreign_keys(reading, table, text)
    for number, check in enumerate(_checks(text)):
        columns = tuple(row[1] for row in info if re.search(rf"\b{re.escape(row[1])}\b", check))
        yield _constraint(
            reading, table, f"check_{number}", kind="check", columns=columns, definition=f"CHECK ({check})"
        )


_DEFERRED = re.compile(r"(?<!\bNOT\s)\bDEFERRABLE\s+INITIALLY\s+DEFERRED\b", re.I)


def _foreign_keys(reading: _Reading, table: Table, text: str) -> Iterator[Constraint]:
    groups: dict[int, list[Any]] = {}
    for row in reading.rows(f"PRAGMA foreign_key_list({quote_identifier(table.name)})"):
        groups.setdefault(row[0], []).append(row)
    # SQLite does not tell which of them are deferred, only how many: Django's are all of them, other tools' none.
    deferred = len(_DEFERRED.findall(text)) >= len(groups)
    for number, rows in sorted(groups.items()):
        ordered = sorted(rows, key=lambda row: row[1])
        columns = tuple(row[3] for row in ordered)
        yield _constraint(
            reading,
            table,
            f"{table.name}_{'_'.join(columns)}_fkey{number}",
            kind="foreign key",
            columns=columns,
            # The referenced table's name stands here until all tables are known.
            definition=ordered[0][2],
            foreign_columns=tuple(row[4] for row in ordered if row[4]),
            on_update=_ON_DELETE.get(ordered[0][5], "no action"),
            on_delete=_ON_DELETE.get(ordered[0][6], "no action"),
            is_deferrable=deferred,
            is_deferred=deferred,
        )


def _resolve(constraint: Constraint, by_name: dict[str, int], keys: dict[int, tuple[str, ...]]) -> Constraint:
    """A foreign key with the table that it references, and with that table's primary key where it names no columns."""
    if constraint.kind != "foreign key":
        return constraint
    referenced = constraint.definition
    oid = by_name.get(referenced.lower())
    columns = constraint.foreign_columns or keys.get(oid or 0, ())
    text = f"FOREIGN KEY ({', '.join(constraint.columns)}) REFERENCES {referenced} ({', '.join(columns)})"
    return replace(constraint, foreign_table_oid=oid, foreign_columns=columns, definition=text)


def _checks(text: str) -> Iterator[str]:
    """The conditions of CHECK clauses, by balanced parentheses."""
    for match in re.finditer(r"\bCHECK\s*\(", text, re.I):
        depth, start = 1, match.end()
        for position in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[position], 0)
            if depth == 0:
                yield text[start:position].strip()
                break


def _applied(reading: _Reading, catalog: Catalog) -> Iterator[AppliedMigration]:
    """What the tables of Django and Alembic say that was applied."""
    for table in catalog.tables:
        names = {column.name for column in catalog.columns_of(table)}
        if names == {"version_num"}:
            for (name,) in reading.rows(f"SELECT version_num FROM {quote_identifier(table.name)}"):  # noqa: S608 (quoted)
                yield AppliedMigration("alembic", "", str(name))
        elif table.name == "django_migrations" and {"app", "name", "applied"} <= names:
            for app, name, moment in reading.rows("SELECT app, name, applied FROM django_migrations"):
                yield AppliedMigration("django", str(app), str(name), _moment(moment))


def _moment(text: Any) -> datetime | None:
    """Django writes UTC without saying so."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return None


def _statistics(reading: _Reading, catalog: Catalog) -> Statistics:
    sizes = _sizes(reading)
    analyzed = _analyzed(reading)
    tables, columns = [], []
    deadline = time.monotonic() + COUNT_SECONDS
    for table in catalog.tables:
        if table.kind != "table":
            continue
        rows, known = _rows(reading, table.name, analyzed, deadline - time.monotonic())
        own = catalog.indexes_of(table)
        tables.append(_table_statistics(table, rows, sizes, tuple(i.name for i in own)))
        columns += list(_column_statistics(table, own, known))
    indexes = tuple(
        IndexStatistics(
            i.oid, i.table_oid, sizes.get(i.name, 0), sizes.get(i.name, 0) // 4096, 0.0, 0, 0, 0, None, 0, 0
        )
        for i in catalog.indexes
    )
    return Statistics(tables=tuple(tables), indexes=indexes, columns=tuple(columns))


def _sizes(reading: _Reading) -> dict[str, int]:
    """Bytes by table and index, where this build of SQLite can tell."""
    try:
        found = reading.timed("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE")
    except sqlite3.OperationalError:
        # Rules estimate sizes from rows then.
        return {}
    return {name: int(count) for name, count in found}


def _analyzed(reading: _Reading) -> dict[str, list[tuple[str | None, str]]]:
    if not reading.rows("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"):
        return {}
    found: dict[str, list[tuple[str | None, str]]] = {}
    for table, index, text in reading.rows("SELECT tbl, idx, stat FROM sqlite_stat1"):
        found.setdefault(str(table), []).append((index, str(text)))
    return found


def _rows(
    reading: _Reading, name: str, analyzed: dict[str, list[tuple[str | None, str]]], seconds: float
) -> tuple[int, dict[str, int]]:
    """Rows of a table, and for each analyzed index the rows for one value of its first key. Rows are counted unless that takes too
    long; then they are what ANALYZE found, or as many as the highest row number says."""
    known: dict[str, int] = {}
    estimate = -1
    for index, text in analyzed.get(name, ()):
        numbers = [int(part) for part in text.split() if part.isdigit()]
        estimate = max(estimate, numbers[0] if numbers else -1)
        if index and len(numbers) > 1:
            known[index] = numbers[1]
    table = quote_identifier(name)
    try:
        counted = reading.timed(f"SELECT count(*) FROM {table}", min(seconds, STATEMENT_SECONDS))  # noqa: S608 - quoted
        return int(counted[0][0]), known
    except sqlite3.OperationalError:
        if estimate < 0:
            estimate = _highest(reading, table)
        if estimate < 0:
            reason = f"counting the rows of {name} takes longer than {STATEMENT_SECONDS:g} seconds"
            reading.gaps.append(Gap("statistics.tables", reason, "Run ANALYZE; once.", partial=True))
    return estimate, known


def _highest(reading: _Reading, table: str) -> int:
    """The highest row number; -1 in a table that has none (WITHOUT ROWID)."""
    try:
        return int(reading.rows(f"SELECT coalesce(max(rowid), 0) FROM {table}")[0][0])  # noqa: S608 - quoted
    except sqlite3.OperationalError:
        return -1


def _table_statistics(table: Table, rows: int, sizes: dict[str, int], indexes: tuple[str, ...]) -> TableStatistics:
    names = TableStatistics.__dataclass_fields__
    values: dict[str, Any] = {name: None if name.startswith("last_") else 0 for name in names}
    heap = sizes.get(table.name, 0)
    values |= {
        "oid": table.oid,
        "rows": float(rows),
        "pages": heap // 4096,
        "heap_bytes": heap,
        "table_bytes": heap,
        "index_bytes": sum(sizes.get(name, 0) for name in indexes),
        "live_rows": max(rows, 0),
    }
    return TableStatistics(**values)


def _column_statistics(table: Table, indexes: tuple[Index, ...], known: dict[str, int]) -> Iterator[ColumnStatistics]:
    """What ANALYZE knows of the first key of each index: how many rows share a value."""
    seen: set[str] = set()
    for index in indexes:
        column = index.columns[0] if index.columns else None
        if index.name in known and column and column not in seen and index.predicate is None:
            seen.add(column)
            yield ColumnStatistics(table.oid, column, False, 0.0, 0, -1.0 / max(known[index.name], 1), None, (), (), ())


def _integrity(reading: _Reading) -> Iterator[IntegrityProblem]:
    for row in reading.checked("integrity.content", "integrity_check", "PRAGMA integrity_check(100)"):
        if row[0] != "ok":
            yield IntegrityProblem("integrity_check", None, str(row[0]))
    violations: dict[tuple[str, str], int] = {}
    found = reading.checked(
        "integrity.foreign_keys",
        "foreign_key_check",
        f'SELECT "table", parent FROM pragma_foreign_key_check LIMIT {SAMPLED_VIOLATIONS}',  # noqa: S608 - a number
    )
    for table, parent in found:
        violations[table, parent] = violations.get((table, parent), 0) + 1
    for (table, parent), count in violations.items():
        yield IntegrityProblem(
            "foreign_key_check", table, f"rows of {table} point at rows of {parent} that do not exist", count
        )
