"""All services together may open more connections than the server admits.

## Why it matters

Each process has a pool of its own: what one engine's pool_size looks like is multiplied by the processes of every service.
When the sum is above max_connections, a busy minute ends in "too many connections already" for whoever comes last, and that may be the
administrator or the backup.

## When to ignore

When a pooler bounds what reaches the server, or the services are never busy at the same time.
The sum is what the pools allow at most, not what was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbwright.model.asked import locations
from dbwright.model.deployments import (
    DEFAULT_MAX_CONNECTIONS,
    RESERVED,
    WORDS,
    Pool,
    Share,
    behind_pooler,
    groups,
    judged,
    pools,
    shares,
    uses_postgresql,
)
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import ASYNC, DATABASE, compose, databases, django, engine, settings_class
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import Place
from dbwright.model.surroundings import DatabaseAccess, Service
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "outage"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-02", "CH-11")

_API = "api:\n  build: .\n  command: uvicorn app:app --workers {}\n  environment:\n    DATABASE_URL: postgresql+asyncpg://app@db/shop"
_WORKER = "worker:\n  build: .\n  command: celery -A app worker --concurrency {}\n  depends_on: [db]"
_SETTINGS = {"app/settings.py": settings_class("database_url: str", "db_pool_size: int = 5", "db_overflow: int = 10")}
_ENGINE = (
    "create_async_engine(settings.database_url, pool_size=settings.db_pool_size, max_overflow=settings.db_overflow)"
)


def _service(*services: str, call: str = _ENGINE, **more: str) -> dict[str, str]:
    return engine(call, {"docker-compose.yml": compose(*services)} | _SETTINGS | more)


_ENV = {".env.production": "DB_POOL_SIZE=20\nDB_OVERFLOW=30\n"}
_LARGER = DATABASE + "\n  command: postgres -c max_connections=400"
_DJANGO = "web:\n  build: .\n  command: gunicorn shop.wsgi --workers {} --threads {}\n  depends_on: [db]"
BAD = (
    Sample(source=_service(DATABASE, _API.format(4), _WORKER.format(8))),
    Sample(source=_service(DATABASE, _API.format(3)) | _ENV),
    Sample(source=_service(DATABASE, _API.format(8), call="create_async_engine(settings.database_url)")),
    Sample(source=django(databases(), {"docker-compose.yml": compose(DATABASE, _DJANGO.format(8, 16))})),
)
GOOD = (
    Sample(source=_service(DATABASE, _API.format(4))),  # 60
    Sample(source=_service(_LARGER, _API.format(4), _WORKER.format(8))),
    Sample(source=_service(DATABASE, "pgbouncer:\n  image: edoburu/pgbouncer", _API.format(4), _WORKER.format(8))),
    Sample(
        source=_service(
            DATABASE, _API.format(8), call="create_async_engine(settings.database_url, poolclass=pool.NullPool)"
        )
    ),
    Sample(
        source=_service(
            DATABASE, _API.format(8), call="create_async_engine(settings.database_url, pool_size=settings.unheard_of)"
        )
    ),
    Sample(source=_service(DATABASE, _API.format(8), call="create_async_engine(settings.database_url, **options)")),
    Sample(source=_service(DATABASE, _API.format("${WORKERS}"))),  # nobody says how many
    Sample(
        source=_service(DATABASE, _WORKER.format(50), call="create_engine(settings.database_url)")
    ),  # a task at a time: 50
    Sample(source=django(databases(), {"docker-compose.yml": compose(DATABASE, _DJANGO.format(8, 4))})),
    Sample(source=_service(DATABASE, _API.format(8) + "\n  volumes: ['.:/app']")),  # a developer's machine
    Sample(source={k: v for k, v in _service(DATABASE, _API.format(8)).items() if k != "app/db.py"}),
    Sample(
        source=engine(
            _ENGINE, _SETTINGS | {"docker-compose.dev.yml": compose(DATABASE, _API.format(9))}, requirements=ASYNC
        )
    ),
)


@dataclass(frozen=True, slots=True)
class _Sum:
    total: int
    shares: list[Share]
    access: DatabaseAccess
    pool: Pool | None


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    if behind_pooler(around):
        return
    live = snapshot.settings.number("max_connections")
    written = around.max_connections
    allowed = int(live) if live else written.value if written else DEFAULT_MAX_CONNECTIONS
    said = (
        "the server's max_connections"
        if live
        else str(written.place)
        if written
        else "PostgreSQL's default; no file says otherwise"
    )
    for group, services in groups(around).items():
        sums = [one for one in _sums(snapshot, services) if one.total > allowed - RESERVED]
        if not sums:
            continue
        worst = max(sums, key=lambda one: (one.pool is not None and one.pool.environment == "production", one.total))
        environment = worst.pool.environment if worst.pool else worst.access.environment
        size = f"Pools of {worst.pool.text} connections" if worst.pool else "One connection for each thread"
        places: list[Place] = list(worst.pool.places) if worst.pool else []
        for other in sums:
            places += other.pool.places if other.pool else []
        places += [worst.access.place, *(share.service.place for share in worst.shares)]
        if written and not live:
            places.append(written.place)
        yield Finding(
            title=f"{group}: up to {worst.total:,} connections for {allowed:,} that there are"[:79],
            message=f"{size} {WORDS[environment]}, times the processes ({listed(share.how for share in worst.shares)}), make "
            f"{worst.total:,}; the server admits {allowed:,} ({said}), {RESERVED} of them for superusers only.",
            objects=(ObjectRef("setting", "max_connections"),),
            impact=Impact(worst.total, "connections", allowed / 2, allowed * 20, estimated=True),
            evidence={
                "environment": environment,
                "connections": worst.total,
                "max_connections": allowed,
                "services": [share.how for share in worst.shares],
                "each": {str(one.pool.places[0]): one.total for one in sums if one.pool},
            },
            confidence="medium" if live or written else "low",
            next_step=f"Make the sum fit: smaller pools for {worst.shares[0].service.name} first, fewer processes, or PgBouncer in front. "
            "A larger max_connections only moves the limit to memory and processors.",
            identity=group,
            locations=locations(places),
        )


def _sums(snapshot: Snapshot, services: list[Service]) -> Iterator[_Sum]:
    around = snapshot.project.surroundings
    engines = [a for a in judged(around, "sqlalchemy") if a.alias == "engine" and uses_postgresql(a, around)]
    if engines:
        access = engines[0]
        if len(engines) > 1 or not access.is_pooled or not access.is_complete:
            return
        for pool in pools(access):
            found = shares(services, pool.size, is_async=access.is_async)
            if found:
                yield _Sum(sum(share.connections for share in found), found, access, pool)
        return
    django = [a for a in judged(around, "django") if uses_postgresql(a, around) and not a.is_pooled]
    found = shares(services, None, is_async=False) if django else None
    if found:
        yield _Sum(sum(share.connections for share in found), found, django[0], None)
