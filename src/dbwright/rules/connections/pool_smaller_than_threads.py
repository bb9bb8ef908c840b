"""A process serves more at once than its pool has connections.

## Why it matters

Threads beyond the pool wait for a connection of another thread, at most pool_timeout seconds, and then fail with an error of the pool while
the database has nothing to do.

## When to ignore

When most of the threads never touch the database.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import WORDS, judged, pools, uses_postgresql
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import DATABASE, compose, engine
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-02",)

_WEB = "web:\n  build: .\n  command: gunicorn app:app --workers 2 --threads {}\n  depends_on: [db]"
_GREEN = "worker:\n  build: .\n  command: celery -A app worker -P gevent -c {}\n  depends_on: [db]"


def _project(service: str, call: str = "create_engine(settings.database_url)") -> dict[str, str]:
    return engine(call, {"docker-compose.yml": compose(DATABASE, service)})


BAD = (
    Sample(source=_project(_WEB.format(32))),
    Sample(source=_project(_GREEN.format(100), "create_engine(settings.database_url, pool_size=20, max_overflow=0)")),
)
GOOD = (
    Sample(source=_project(_WEB.format(15))),
    Sample(source=_project(_WEB.format(32), "create_engine(settings.database_url, pool_size=30)")),
    Sample(source=_project(_WEB.format(32), "create_engine(settings.database_url, max_overflow=-1)")),
    Sample(source=_project(_WEB.format(32), "create_engine(settings.database_url, poolclass=pool.NullPool)")),
    Sample(source=_project(_WEB.format(32), "create_engine(settings.database_url, pool_size=settings.size)")),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    engines = [
        access
        for access in judged(around, "sqlalchemy")
        if access.alias == "engine" and access.is_pooled and access.is_complete and uses_postgresql(access, around)
    ]
    if len(engines) != 1 or engines[0].is_async:
        return
    access = engines[0]
    for service in around.services:
        if service.environment not in ("production", "any") or service.threads is None or service.is_async:
            continue
        small = [pool for pool in pools(access) if pool.size < service.threads.value]
        if service.runs not in ("web", "worker") or not small:
            continue
        pool = small[0]
        yield Finding(
            title=f"{service.name}: {service.threads.value} threads share {pool.size} connections",
            message=f"Each process of {service.name} runs {service.threads.value} threads on a pool of {pool.text} "
            f"{WORDS[pool.environment]}: {service.threads.value - pool.size} of them wait, and fail after pool_timeout.",
            objects=(ObjectRef("setting", "pool_size", table=service.name),),
            impact=Impact(
                service.threads.value / max(pool.size, 1), "threads for each connection", 1, 20, estimated=True
            ),
            evidence={"threads": service.threads.value, "pool": pool.size, "environment": pool.environment},
            confidence="medium",
            next_step=f"Raise pool_size at {pool.places[0]} to the number of threads, or lower the threads at {service.place}; "
            "then see that the sum over all processes stays below max_connections.",
            identity=service.name,
            locations=locations([*pool.places, access.place, service.place]),
        )
