"""What rules on a project's surroundings share: which settings count, what serves, whether a pooler stands in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dbwright.model.source_table import Place
from dbwright.model.surroundings import Amount, DatabaseAccess, Environment, Option, Service, Surroundings

DEFAULT_MAX_CONNECTIONS = 100
"""PostgreSQL's default of ``max_connections``."""
RESERVED = 3
"""PostgreSQL's default of ``superuser_reserved_connections``."""
SQLALCHEMY_POOL = {"pool_size": 5, "max_overflow": 10}
"""The defaults of SQLAlchemy's QueuePool."""
THREADPOOL = 40
"""Threads that Starlette and FastAPI run synchronous code in, for each process."""
_DRIVERS = ("psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "asyncpg", "psycopg2cffi")
_SERVERS = frozenset(
    "django flask fastapi starlette aiohttp sanic litestar pyramid celery dramatiq arq gunicorn uvicorn quart falcon bottle tornado "
    "flask-sqlalchemy connexion robyn taskiq huey rq".split()
)
WORDS: dict[Environment, str] = {
    "production": "for production",
    "any": "for every environment",
    "development": "for development",
    "tests": "for tests",
}
"""The environment judged, in words."""


def judged(surroundings: Surroundings, framework: str) -> list[DatabaseAccess]:
    """The accesses that production uses: those told to be its own, else those of no environment; for each line that with most options."""
    own = [a for a in surroundings.accesses if a.framework == framework and a.environment in ("production", "any")]
    told = {a.alias for a in own if a.environment == "production"}
    found: dict[tuple[str, int], DatabaseAccess] = {}
    for access in own:
        if access.environment == "any" and access.alias in told and framework == "django":
            continue
        key = (access.place.file, access.place.line)
        if key not in found or len(access.options) > len(found[key].options):
            found[key] = access
    return list(found.values())


def uses_postgresql(access: DatabaseAccess, surroundings: Surroundings) -> bool:
    """PostgreSQL by name, or by the driver that is required where a variable decides."""
    return access.engine == "postgresql" or (access.engine == "unknown" and surroundings.requires(*_DRIVERS))


def serves(surroundings: Surroundings) -> bool:
    """Whether the project is an application that keeps running, rather than a library or a tool."""
    return bool(web_services(surroundings)) or surroundings.requires(*_SERVERS)


def web_services(surroundings: Surroundings) -> list[Service]:
    """What serves requests outside of development. A container's own command counts where nothing else starts it."""
    found = [s for s in surroundings.services if s.runs == "web" and s.environment in ("production", "any")]
    started = [s for s in found if not s.group.endswith(" alone")]
    return started or found


def only_asgi(surroundings: Surroundings) -> bool:
    """Whether every server of requests is asynchronous; by what is required where no command says."""
    web = web_services(surroundings)
    if web:
        return all(service.is_async for service in web)
    return surroundings.requires("uvicorn", "daphne", "hypercorn", "granian") and not surroundings.requires(
        "gunicorn", "uwsgi", "waitress"
    )


def behind_pooler(surroundings: Surroundings) -> bool:
    """Whether a connection pooler stands before the database."""
    return (
        surroundings.pool_mode is not None
        or any(service.runs == "pooler" and service.environment != "development" for service in surroundings.services)
        or any(access.host == "pooler" for access in surroundings.accesses)
        or any(o.value is True for a in surroundings.accesses if (o := a.option("DISABLE_SERVER_SIDE_CURSORS")))
    )


@dataclass(frozen=True, slots=True)
class Share:
    """The connections that a service may hold at once. ``how`` is the reckoning in words."""

    service: Service
    connections: int
    how: str


@dataclass(frozen=True, slots=True)
class Pool:
    """The size of a process' pool in one environment, and the lines that say so."""

    size: int
    environment: Environment
    places: tuple[Place, ...]
    text: str


def pools(access: DatabaseAccess) -> Iterator[Pool]:
    """The pool of an engine in each environment that sets it."""
    numbers = {name: access.option(name) for name in SQLALCHEMY_POOL}
    if any(option is not None and not option.amounts for option in numbers.values()):
        return  # a number that nobody knows here
    files = dict.fromkeys((a.place.file, a.environment) for o in numbers.values() if o for a in o.amounts)
    for file, environment in files or {(access.place.file, access.environment): None}:
        parts = [_amount(option, file, access, name) for name, option in numbers.items()]
        size = sum(part.value for part in parts)
        if parts[1].value < 0 or parts[0].value == 0:  # without a limit
            continue
        places = tuple(dict.fromkeys(part.place for part in parts))
        yield Pool(size, environment, places, f"{parts[0].value} + {parts[1].value}")


def _amount(option: Option | None, file: str, access: DatabaseAccess, name: str) -> Amount:
    if option is None:
        return Amount(SQLALCHEMY_POOL[name], access.place)
    return next((a for a in option.amounts if a.place.file == file), option.amounts[-1])


def groups(surroundings: Surroundings) -> dict[str, list[Service]]:
    """What is started together outside of development, by the file that starts it."""
    found: dict[str, list[Service]] = {}
    for service in surroundings.services:
        if service.environment in ("production", "any") and not service.group.endswith(" alone"):
            found.setdefault(service.group, []).append(service)
    return found


def shares(services: Iterable[Service], pool: int | None, *, is_async: bool) -> list[Share] | None:
    """What each service may hold, with pools of that size or (None) a connection for each thread, as Django keeps them.

    None when the number of some service's processes is not said."""
    found = []
    for service in services:
        if service.runs not in ("web", "worker", "other") or not service.shares_database:
            continue
        if service.runs == "other" and service.processes is None:
            continue
        if service.processes is None:
            return None
        threads = service.threads.value if service.threads else None
        each = _each(service, threads, pool, is_async=is_async)
        if each is None:
            return None
        processes = service.processes.value * service.replicas
        found.append(Share(service, processes * each, f"{service.name} {processes} x {each}"))
    return found


def _each(service: Service, threads: int | None, pool: int | None, *, is_async: bool) -> int | None:
    """The connections of one process."""
    if pool is None:
        return threads if not service.is_async else None
    if is_async:
        return pool
    return min(pool, THREADPOOL if service.is_async else threads if threads is not None else pool)
