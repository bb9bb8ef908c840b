"""From what the user gave, or what the project says, to a Snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbwright import __version__
from dbwright.collect import project as project_reader
from dbwright.collect.project import DeclaredDatabase
from dbwright.errors import DbwrightError
from dbwright.model.attribution import Attribution
from dbwright.model.server import why_no_replica
from dbwright.model.snapshot import (
    NEWEST_VERSION,
    OTHER_DATABASE,
    SCHEMA_VERSION,
    UNKNOWN_VERSION,
    UNREAD,
    Gap,
    Project,
    Snapshot,
    Target,
)
from dbwright.model.source import Source
from dbwright.model.wording import counted

if TYPE_CHECKING:
    from dbwright.collect.postgres import ServerRow
    from dbwright.model.statistics import NodeStatistics
    from dbwright.postgres import Connection

Progressed = Callable[[str, float], None]
DISCOVERED_SECONDS = 2.0
"""How long a database that was found in the project may take to answer."""
GIVEN_SECONDS = 10.0
"""How long a database that the user named may take."""
_SECTIONS = ("server", "catalog", "statistics", "workload", "activity", "settings", "replication", "hba", "migrations")


class NothingToAudit(DbwrightError):
    """Neither a database nor a project was found."""


@dataclass(frozen=True)
class Request:
    """What to read. ``databases`` are addresses or SQLite paths: the first is the target, the others its replicas."""

    root: Path
    databases: tuple[str, ...] = ()
    snapshot: Path | None = None
    use_database: bool = True
    values: bool = True
    imports: bool = False
    """Ask the project's own interpreter (``python``, or one found in the project) for the models: this runs the project's code."""
    python: Path | None = None
    afresh: bool = False
    """Read the project as it is now, also where a saved snapshot has what it was."""
    queries: Source | None = None
    """A reading whose queries are taken over where only models and migrations have changed since: walking the code is most of the work."""


def acquire(request: Request, environment: Mapping[str, str], progressed: Progressed | None = None) -> Snapshot:
    """Read the Snapshot that the request asks for.

    Raises DbwrightError when a database that the user named cannot be read, or nothing was found to read.
    """
    request = replace(request, root=request.root.resolve())
    if not request.root.is_dir():
        raise NothingToAudit(f"{request.root} is not a folder.", "Give the project's folder, or --db ADDRESS.")
    if request.snapshot and (request.databases or not request.use_database):
        raise NothingToAudit("--snapshot goes with neither --db nor --no-db.", "Leave one of them out.")
    if request.databases and not request.use_database:
        raise NothingToAudit("--db and --no-db contradict each other.", "Leave one of them out.")
    if request.snapshot and request.imports:
        raise NothingToAudit("--import asks the project; a saved snapshot has its models.", "Leave one of them out.")
    if request.snapshot:
        from dbwright import snapshots

        snapshot = snapshots.load(request.snapshot)
        if request.afresh and _is_project(request.root):
            return _with_project(_without_project(snapshot), request, environment, progressed)
        known = snapshot.source.tables or not _is_project(request.root)
        return snapshot if known else _with_project(snapshot, request, environment, progressed)
    if request.databases:
        declared = [project_reader.from_url(address, "--db", Path.cwd()) for address in request.databases]
        snapshot = _read_given(declared, request.values, progressed)
    else:
        snapshot = _read_discovered(request, environment, progressed)
    return _with_project(snapshot, request, environment, progressed)


def address(request: Request, environment: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of the PostgreSQL database that the request is about: what was given, else what the project names first.

    Raises NothingToAudit when there is none."""
    if len(request.databases) > 1:
        raise NothingToAudit("More than one --db was given.", "Give the primary alone.")
    root = request.root.resolve()
    if request.databases:
        declared = project_reader.from_url(request.databases[0], "--db", Path.cwd())
    else:
        found = project_reader.find_databases(root, environment)
        if not found:
            raise _nothing(root)
        declared = found[0]
    if declared.engine == "sqlite":
        raise NothingToAudit(
            f"{_shown(declared)} is a SQLite file, and only PostgreSQL is changed.", "Run the SQL that the audit shows."
        )
    return _parameters(declared)


def _without_project(snapshot: Snapshot) -> Snapshot:
    """The database alone, without what was read of a project and without the Gaps of that."""
    of_project = ("source", "project", UNREAD)
    gaps = tuple(gap for gap in snapshot.gaps if gap.section not in of_project)
    return replace(snapshot, project=Project(), source=Source(), attribution=Attribution(), gaps=gaps)


def _with_project(
    snapshot: Snapshot, request: Request, environment: Mapping[str, str], progressed: Progressed | None
) -> Snapshot:
    """The snapshot with what the folder's source tells; without a project in the folder that is a Gap."""
    if not _is_project(request.root):
        reason = f"{request.root.name or request.root} holds no Python project"
        gaps = (Gap(section, reason, "Give the project's folder.") for section in ("source", "project"))
        return replace(snapshot, gaps=(*snapshot.gaps, *gaps))
    from dbwright.source import cache
    from dbwright.source.attribution import attribute

    if progressed:
        progressed("source", 0.0)
    source = cache.read_project(request.root, environment, request.queries)
    if request.imports:
        from dbwright.source.exact import exact

        source = exact(source, request.root, request.python, environment)
    project = project_reader.read_project(request.root)
    found = replace(
        snapshot,
        project=project,
        source=source,
        attribution=attribute(snapshot.workload, source),
        gaps=(*snapshot.gaps, *_unread(source, project)),
    )
    if not (source.tables or source.queries or source.migrations.files):
        gap = Gap("source", "no Django or SQLAlchemy models were found in it", "Give the project's folder.")
        return replace(found, gaps=(*found.gaps, gap))
    return found if snapshot.catalog.tables else _with_catalog_of_source(found)


MOST_TOLD = 5


def _unread(source: Source, project: Project) -> Iterator[Gap]:
    """What of the project could not be read, with its lines."""
    problems = [*source.problems, *project.problems]
    if problems:
        shown = "; ".join(f"{p.file}:{p.line} {p.reason}" if p.file else p.reason for p in problems[:MOST_TOLD])
        more = f"; and {len(problems) - MOST_TOLD:,} more" if len(problems) > MOST_TOLD else ""
        reason = f"{counted(len(problems), 'place')} of the project could not be read: {shown}{more}"
        yield Gap(UNREAD, reason, "dbwright queries --format json lists those of the code.", partial=True)


_NOT_IN_CODE = (
    "roles grants functions triggers sequences extensions policies views types databases passwords publications subscriptions "
    "extended_statistics schemas"
).split()


def _with_catalog_of_source(snapshot: Snapshot) -> Snapshot:
    """Where no database was read, the catalog that the code would make stands in; what code does not tell stays a Gap."""
    from dbwright.source.catalog import catalog_of

    whole = next((gap for gap in snapshot.gaps if gap.section == "catalog"), None)
    if whole is None:
        return snapshot
    gaps = [gap for gap in snapshot.gaps if gap is not whole]
    gaps += [replace(whole, section=f"catalog.{section}") for section in _NOT_IN_CODE]
    return replace(snapshot, catalog=catalog_of(snapshot.source), gaps=tuple(gaps))


def _is_project(root: Path) -> bool:
    """A folder that holds Python source; the home folder or the root of the disk is none."""
    if root in (Path.home(), Path(root.anchor)):
        return False
    return any(any(root.glob(pattern)) for pattern in ("*.py", "*/*.py", "*/*/*.py", "pyproject.toml", "alembic.ini"))


def _read_given(declared: list[DeclaredDatabase], values: bool, progressed: Progressed | None) -> Snapshot:
    first, *others = declared
    snapshot = _read(first, values, progressed, GIVEN_SECONDS)
    nodes = []
    gaps = list(snapshot.gaps)
    for other in others:
        server, node, node_gaps = _read_node(other)
        if reason := why_no_replica(snapshot, server.system_identifier, server.database, server.in_recovery):
            raise NothingToAudit(
                f"{node.name} is not a replica of {snapshot.target.name}: {reason}.",
                "Give --db the primary first, then its replicas; audit other databases one at a time.",
            )
        nodes.append(node)
        gaps += node_gaps
    return replace(snapshot, statistics=replace(snapshot.statistics, nodes=tuple(nodes)), gaps=tuple(gaps))


def _read(declared: DeclaredDatabase, values: bool, progressed: Progressed | None, seconds: float) -> Snapshot:
    if declared.engine == "sqlite":
        from dbwright.collect import sqlite

        return sqlite.collect(declared.path or Path(), progressed=progressed)
    from dbwright.collect import postgres as collector

    parameters = _parameters(declared)
    with connect_within(parameters, seconds) as connection:
        return collector.collect(connection, parameters, values=values, progressed=progressed)


def _read_node(declared: DeclaredDatabase) -> tuple[ServerRow, NodeStatistics, tuple[Gap, ...]]:
    from dbwright.collect import postgres as collector

    if declared.engine == "sqlite":
        raise NothingToAudit("A SQLite file cannot be a replica.", "Audit other databases one at a time.")
    parameters = _parameters(declared)
    with connect_within(parameters, GIVEN_SECONDS) as connection:
        return collector.collect_node(connection, parameters)


def _parameters(declared: DeclaredDatabase) -> dict[str, Any]:
    from dbwright.postgres import parse_address

    return parse_address(declared.address)


def connect_within(parameters: dict[str, Any], seconds: float) -> Connection:
    """Connect, giving up after ``seconds`` whatever the resolver or the network does. Raises CannotConnect."""
    from dbwright.postgres import CannotConnect, address_name, connect

    outcome: list[Connection | BaseException] = []
    expired = threading.Event()

    def attempt() -> None:
        try:
            connection = connect(parameters, timeout=seconds)
        except BaseException as error:
            outcome.append(error)
            return
        outcome.append(connection)
        if expired.is_set():
            connection.close()

    thread = threading.Thread(target=attempt, daemon=True, name="dbwright-connect")
    thread.start()
    thread.join(seconds)
    if not outcome:
        expired.set()
        name = address_name(parameters)
        raise CannotConnect(f"{name} did not answer within {seconds:g} seconds.", "Check host, port and firewall.")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _read_discovered(request: Request, environment: Mapping[str, str], progressed: Progressed | None) -> Snapshot:
    """The database that comes first is the one that counts. Another is read in its place only where the same settings file gives both
    and the choice between them could not be told; the report then says so."""
    declared = project_reader.find_databases(request.root, environment)
    if not _is_project(request.root) and not declared:
        raise _nothing(request.root)
    if not request.use_database:
        return _unreached("not asked", "--no-db was given", "Run without --no-db.", declared[0] if declared else None)
    if not declared:
        return _unreached(
            "none", "no database was found in this project", "Give --db ADDRESS or set DATABASE_URL.", None
        )
    first = declared[0]
    failures: list[DbwrightError] = []
    for database in (d for d in declared if d.source.rsplit(":", 1)[0] == first.source.rsplit(":", 1)[0]):
        try:
            snapshot = _read(database, request.values, progressed, DISCOVERED_SECONDS)
        except DbwrightError as error:
            failures.append(error)
            continue
        if failures:
            reason = (
                f"{failures[0].message} {snapshot.target.name} was read instead (both are named in {first.source})."
            )
            snapshot = replace(
                snapshot, gaps=(*snapshot.gaps, Gap(OTHER_DATABASE, reason, failures[0].remedy, partial=True))
            )
        return snapshot
    if not _is_project(request.root):
        raise failures[0]
    message = failures[0].message.rstrip(".")
    return _unreached(first.source, f"{message} (named in {first.source})", failures[0].remedy, first)


def _nothing(root: Path) -> NothingToAudit:
    return NothingToAudit(
        f"No database and no project found in {root}.",
        "Give --db postgresql://user@host/name, set DATABASE_URL, or run `dbwright demo`.",
    )


def _shown(declared: DeclaredDatabase) -> str:
    """A declared database for people, also when its address cannot be read."""
    if declared.path:
        return declared.path.name
    from dbwright.postgres import address_name

    try:
        return address_name(_parameters(declared))
    except DbwrightError:
        return f"the database in {declared.source}"


def _unreached(source: str, reason: str, remedy: str, declared: DeclaredDatabase | None) -> Snapshot:
    """A snapshot of nothing but Gaps: what the project's own files say is still worth reading."""
    name = _shown(declared) if declared else "no database"
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        taken_at=datetime.now(UTC),
        target=Target(
            engine=declared.engine if declared and declared.engine == "sqlite" else "postgresql",  # type: ignore[arg-type]
            name=name,
            identity=sha256(f"unreached:{source}:{name}".encode()).hexdigest()[:16],
            database="",
            version=NEWEST_VERSION,
            version_text=UNKNOWN_VERSION,
            user="",
            is_superuser=False,
            can_monitor=False,
        ),
        gaps=tuple(Gap(section, reason, remedy) for section in _SECTIONS),
    )
