"""The application sets no time limit, neither for connecting nor for statements.

## Why it matters

Without connect_timeout a process waits minutes for a server that does not answer, and every worker hangs in the same place.
Without statement_timeout one query that goes wrong runs until somebody ends it, with its locks and its share of the disk.

## When to ignore

When the role or the database carries statement_timeout (ALTER ROLE … SET), or a pooler sets the limits; the live settings are looked at
where there are some. PgBouncer refuses options at the start of a connection unless it is told to ignore them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import WORDS, behind_pooler, judged, serves
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import databases, django, engine
from dbwright.model.snapshot import Snapshot
from dbwright.model.surroundings import DatabaseAccess
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("BP-31", "CH-11")

_CONNECT = ("connect_timeout", "connect_args.connect_timeout", "connect_args.timeout")
_STATEMENT = (
    "statement_timeout",
    "connect_args.options",
    "connect_args.command_timeout",
    "connect_args.server_settings",
)
_UNKNOWN = ("OPTIONS", "service", "connect_args")
_URL = "'postgresql+asyncpg://app@db/shop'"
BAD = (
    Sample(source=django(databases())),
    Sample(source=django(databases('"OPTIONS": {"sslmode": "require"}'))),
    Sample(source=engine(f"create_async_engine({_URL}, pool_pre_ping=True)")),
)
GOOD = (
    Sample(source=django(databases('"OPTIONS": {"connect_timeout": 5, "options": "-c statement_timeout=30000"}'))),
    Sample(source=django(databases('"OPTIONS": {"connect_timeout": 5}'))),  # one of them is a choice
    Sample(source=django(databases('"OPTIONS": {"options": "-c statement_timeout=30s"}'))),
    Sample(source=django(databases('"OPTIONS": env.dict("DB_OPTIONS")'))),
    Sample(source=django(databases('"OPTIONS": {"service": "shop"}'))),
    Sample(source=django(databases('"HOST": "pgbouncer"'))),
    Sample(source=django("import dj_database_url\n\nDATABASES = {'default': dj_database_url.config()}\n")),
    Sample(source=engine(f"create_async_engine({_URL}, connect_args={{'timeout': 5, 'command_timeout': 30}})")),
    Sample(source=engine("create_engine(settings.database_url)")),  # the address may hold them
    Sample(source=django("", {"shop/local_settings.py": databases()})),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    if behind_pooler(around) or not serves(around) or snapshot.settings.number("statement_timeout"):
        return
    every = [
        *(judged(around, "django") if "django" in snapshot.project.frameworks else ()),
        *judged(around, "sqlalchemy"),
    ]
    found = [access for access in every if access.engine == "postgresql" and access.is_complete and _has_none(access)]
    if not found:
        return
    first = found[0]
    how = (
        '"OPTIONS": {"connect_timeout": 5, "options": "-c statement_timeout=30000"}'
        if first.framework == "django"
        else 'connect_args={"timeout": 5, "server_settings": {"statement_timeout": "30000"}}'
        if first.is_async
        else 'connect_args={"connect_timeout": 5, "options": "-c statement_timeout=30000"}'
    )
    yield Finding(
        title="No time limit for connecting and for statements",
        message=f"The settings {WORDS[first.environment]} set neither connect_timeout nor statement_timeout: a server that does not "
        "answer or a query that goes wrong holds a worker as long as it likes.",
        objects=(ObjectRef("setting", "statement_timeout"),),
        impact=Impact(1, "places", 1, 20, estimated=True),
        evidence={"environment": first.environment, "places": [str(access.place) for access in found]},
        confidence="medium",
        next_step=f"Add {how} at {first.place}, with limits that your longest right query keeps; migrations need a longer one.",
        locations=locations(access.place for access in found),
    )


def _has_none(access: DatabaseAccess) -> bool:
    if access.from_url or access.host == "pooler":
        return False
    return not any(access.option(name) for name in (*_CONNECT, *_STATEMENT, *_UNKNOWN))
