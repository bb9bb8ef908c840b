"""SQLAlchemy's pool hands out connections without a look whether they still live.

## Why it matters

A pooled connection dies with a failover, a restart, or a firewall or proxy that closes idle ones.
Without pool_pre_ping the request that gets the dead one fails; after a restart that is each connection of each process.

## When to ignore

When every statement is tried again after a lost connection, or pool_recycle is shorter than whatever closes idle connections.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import serves, uses_postgresql
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import engine
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import Place
from dbwright.model.surroundings import DatabaseAccess, Surroundings
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-02",)

_FLASK = {
    "app/__init__.py": "from flask_sqlalchemy import SQLAlchemy\n\ndb = SQLAlchemy()\n",
    "app/config.py": 'SQLALCHEMY_DATABASE_URI = "postgresql://app@db/shop"\n',
    "requirements.txt": "flask\nflask-sqlalchemy\npsycopg2\n",
}
_CONFIG = {
    "app/__init__.py": "from sqlalchemy import engine_from_config\n\n\ndef start(config):\n    return engine_from_config(config)\n",
    "requirements.txt": "pyramid\nsqlalchemy\npsycopg2\n",
}
BAD = (
    Sample(source=engine("create_engine(settings.database_url, pool_size=10)")),
    Sample(source=engine("create_async_engine(os.environ['DATABASE_URL'], pool_size=10, pool_pre_ping=False)")),
    Sample(source=_FLASK),
    Sample(source=_CONFIG),
)
GOOD = (
    Sample(source=engine("create_engine(settings.database_url, pool_pre_ping=True)")),
    Sample(source=engine("create_engine(settings.database_url, pool_pre_ping=settings.ping)")),
    Sample(source=engine("create_engine(settings.database_url, poolclass=pool.NullPool)")),
    Sample(source=engine("create_engine(settings.database_url, **settings.engine_options)")),
    Sample(source=engine("create_engine(settings.database_url, pool_recycle=300)")),
    Sample(source=engine("create_engine('sqlite:///app.db')")),
    Sample(source=engine("(create_engine(settings.url, pool_pre_ping=True), create_engine(settings.url))")),
    Sample(
        source=engine("create_engine(settings.database_url)", requirements="sqlalchemy\npsycopg\nclick\n")
    ),  # a tool
    Sample(
        source={
            "tests/conftest.py": engine("create_engine(settings.url)")["app/db.py"],
            "requirements.txt": "fastapi\npsycopg\n",
        }
    ),
    Sample(
        source=_FLASK
        | {"app/config.py": _FLASK["app/config.py"] + 'SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True}\n'}
    ),
    Sample(source=_CONFIG | {"production.ini": "[app:main]\nsqlalchemy.url = x\nsqlalchemy.pool_pre_ping = true\n"}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    if not serves(around):
        return
    found = [access for access in around.accesses if access.framework == "sqlalchemy" and _is_unpinged(access, around)]
    if not found:
        return
    first = found[0]
    yield Finding(
        title=f"Engine at {first.place} without pool_pre_ping"[:79],
        message="Its pool hands out connections that a failover, a restart or an idle timeout has ended; the requests that get them fail.",
        objects=(ObjectRef("setting", "pool_pre_ping"),),
        impact=Impact(1 + len(found), "engines", 1, 10, estimated=True),
        evidence={"engines": [str(access.place) for access in found], "environment": first.environment},
        confidence="medium",
        next_step=f"Pass pool_pre_ping=True{_and_recycle(first)} where the engine is made at {first.place}.",
        locations=locations(place for access in found for place in _lines(access)),
    )


def _lines(access: DatabaseAccess) -> Iterator[Place]:
    """Where the engine is made and where its pool is told what to do."""
    yield access.place
    yield from (option.place for option in access.options if option.name.startswith("pool_"))


def _and_recycle(access: DatabaseAccess) -> str:
    return "" if access.option("pool_recycle") else " and a pool_recycle below what closes idle connections (1800)"


def _is_unpinged(access: DatabaseAccess, around: Surroundings) -> bool:
    if access.environment not in ("production", "any") or not access.is_pooled or not uses_postgresql(access, around):
        return False
    if access.from_url or access.alias == "flask":  # options may come from anywhere
        if around.hints_of("pool ping") or (access.alias == "flask" and not around.requires("flask-sqlalchemy")):
            return False
    elif not access.is_complete or (around.hints_of("pool ping") and not access.options):
        return False  # made elsewhere, or an engine aside in a project that looks before use where it matters
    ping, recycle = access.option("pool_pre_ping"), access.option("pool_recycle")
    if recycle is not None and isinstance(recycle.value, int) and recycle.value > 0:
        return False
    return ping is None or ping.value is False
