"""What stands around a project's code: how it reaches its databases, what runs it and where, and who keeps its backups.

No value of a secret, no host name and no address is ever kept here: only what a rule judges by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dbwright.model.source_table import Place

Environment = Literal["production", "development", "tests", "any"]
"""Which deployment a place speaks of, by its name and the conditions around it; ``any`` where nothing says which."""

AccessEngine = Literal["postgresql", "sqlite", "other", "unknown"]
"""``unknown``: a variable decides."""

Host = Literal["local", "service", "remote", "pooler", "unknown"]
"""Where the server is: this machine or a socket, a service of the same compose file, another machine, a connection pooler."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and where it is written."""

    value: int
    place: Place
    environment: Environment = "any"


@dataclass(frozen=True, slots=True)
class Option:
    """A connection option. ``value`` is None when only the running program knows it; ``variable`` names the environment variable or
    setting that it comes from, and ``amounts`` what that variable is set to, each with its place."""

    name: str
    value: Scalar
    place: Place
    variable: str | None = None
    amounts: tuple[Amount, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """One place that says how a database is reached: an alias of ``DATABASES``, a call of ``create_engine``, ``SQLALCHEMY_DATABASE_URI``.

    ``is_complete``: all options stand in the source; else some are made elsewhere. ``from_url``: an address tells the rest, which may hold
    options as well. ``variable``: the name that the address is configured under, if it is used as it is.
    ``is_pooled``: connections are kept by a pool.
    """

    framework: Literal["django", "sqlalchemy"]
    place: Place
    end_line: int
    environment: Environment
    engine: AccessEngine
    alias: str = "default"
    driver: str | None = None
    host: Host = "unknown"
    options: tuple[Option, ...] = ()
    is_complete: bool = True
    from_url: bool = False
    is_async: bool = False
    is_pooled: bool = True
    variable: str | None = None
    condition: Place | None = None
    """The line of the ``if`` that chooses it."""

    def option(self, name: str) -> Option | None:
        """The option of that name, if it is given."""
        return next((option for option in self.options if option.name == name), None)


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A database address by the name it is configured under. ``driver`` is what stands behind the ``+``."""

    name: str
    engine: AccessEngine
    driver: str | None
    place: Place
    environment: Environment
    is_example: bool = False


Role = Literal["web", "worker", "scheduler", "once", "database", "pooler", "other"]


@dataclass(frozen=True, slots=True)
class Service:
    """Something that is kept running: a service of a compose file, a line of a Procfile, a container's command.

    ``runs``: ``web`` and ``worker`` serve, ``scheduler`` only sends tasks, ``once`` ends by itself, ``other`` is a program nobody knows
    here. ``processes`` and ``threads`` are None when they are not said. ``group``: the file that starts it together with others.
    ``shares_database``: it is given the database's address or waits for the database.
    """

    name: str
    place: Place
    environment: Environment
    runs: Role
    server: str = ""
    group: str = ""
    is_async: bool = False
    processes: Amount | None = None
    threads: Amount | None = None
    replicas: int = 1
    shares_database: bool = False


@dataclass(frozen=True, slots=True)
class WeakPassword:
    """A database password that is no secret. ``why`` says so without telling it; ``is_fallback``: it counts only where a variable is
    missing; ``in_use``: the same password also stands where it is no fallback."""

    name: str
    place: Place
    environment: Environment
    why: str
    is_fallback: bool = False
    in_use: bool = False


HintKind = Literal["backup", "hosted", "ci database", "sqlite file", "pool ping"]


@dataclass(frozen=True, slots=True)
class Hint:
    """A trace of something: backups that are made, a platform that hosts the database (``what`` names it), a server that the tests of
    the CI reach, a deployment that names a SQLite file, a pool told to look at connections."""

    kind: HintKind
    what: str
    place: Place
    environment: Environment = "any"


@dataclass(frozen=True)
class Surroundings:
    """Everything of the above. ``packages``: the names of required packages in lower case; ``django_version``: the
    lowest that is allowed. ``pool_mode``: of the pooler in front of the
    database (``transaction``, ``session``, ``statement``), where a file says so."""

    accesses: tuple[DatabaseAccess, ...] = ()
    urls: tuple[DatabaseUrl, ...] = ()
    services: tuple[Service, ...] = ()
    passwords: tuple[WeakPassword, ...] = ()
    hints: tuple[Hint, ...] = ()
    packages: tuple[str, ...] = ()
    django_version: tuple[int, int] | None = None
    max_connections: Amount | None = None
    pool_mode: str | None = None
    pool_mode_place: Place | None = None

    @property
    def names_postgresql(self) -> bool:
        """Whether something says that the application reaches a PostgreSQL outside of tests and development."""
        found: list[DatabaseAccess | DatabaseUrl] = [*self.accesses, *self.urls]
        return any(at.engine == "postgresql" and at.environment in ("production", "any") for at in found)

    def hints_of(self, kind: HintKind) -> tuple[Hint, ...]:
        """The traces of one kind."""
        return tuple(hint for hint in self.hints if hint.kind == kind)

    def requires(self, *names: str) -> bool:
        """Whether one of these packages is required."""
        return not set(names).isdisjoint(self.packages)
