"""A database address names no driver that its engine can use.

## Why it matters

postgresql:// without more means psycopg2. An asynchronous engine refuses it when the application starts ("the asyncio extension requires an
async driver"), and +asyncpg given to a synchronous one fails at the first query.
It shows only where that address is used, which is seldom the machine of who wrote it.

## When to ignore

When something outside the project puts the driver in. Code of the project that does so is seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import engine, settings_class
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import Place
from dbwright.model.surroundings import DatabaseAccess, DatabaseUrl
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "outage"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-04",)

_ASYNC = frozenset(("asyncpg", "psycopg", "psycopg_async", "aiopg"))
_SYNC = frozenset((None, "psycopg2", "psycopg", "psycopg2cffi", "pg8000"))
_MADE = "create_async_engine(settings.database_url)"
_PLAIN = {".env": "DATABASE_URL=postgresql://app@db/shop\n"}
_NAMED = {".env": "DATABASE_URL=postgresql+asyncpg://app@db/shop\n"}
_REWRITES = "def asynchronous(url):\n    return url.replace('postgresql://', 'postgresql+asyncpg://')\n"
_ELSEWHERE = {"app/settings.py": settings_class("database_url: str"), "app/load.py": _REWRITES}
BAD = (
    Sample(source=engine(_MADE, _PLAIN | _ELSEWHERE)),
    Sample(source=engine(_MADE, _PLAIN)),
    Sample(source=engine("create_async_engine(os.environ['DATABASE_URL'])", _PLAIN)),
    Sample(
        source=engine(
            _MADE, {"app/settings.py": settings_class('database_url: str = "postgresql://app@localhost/shop"')}
        )
    ),
    Sample(source=engine("create_async_engine('postgresql+psycopg2://app@db/shop')")),
    Sample(source=engine("create_engine(settings.database_url)", _NAMED)),
)
GOOD = (
    Sample(source=engine(_MADE, _NAMED)),
    Sample(
        source=engine("create_engine(settings.database_url)", _PLAIN, requirements="fastapi\nsqlalchemy\npsycopg2\n")
    ),
    Sample(
        source=engine(
            "create_async_engine(settings.database_url.replace('postgresql://', 'postgresql+asyncpg://'))", _PLAIN
        )
    ),
    Sample(
        source=engine(_MADE, _PLAIN | {"app/settings.py": "from app.urls import settings\n", "app/urls.py": _REWRITES})
    ),
    Sample(
        source=engine(
            _MADE, {".env": "SYNC_URL=postgresql://app@db/shop\nDATABASE_URL=postgresql+asyncpg://app@db/shop\n"}
        )
    ),
    Sample(source=engine(_MADE, {".env": "DATABASE_URL=sqlite+aiosqlite:///app.db\n"})),
    Sample(source=engine("create_async_engine('postgresql+psycopg://app@db/shop')")),
    Sample(source=engine("create_async_engine(async_url(settings.database_url))", _PLAIN)),
    Sample(source=engine("(create_async_engine(settings.database_url), create_engine(settings.database_url))", _PLAIN)),
    Sample(source=engine(_MADE, {".env.example": "DATABASE_URL=postgresql+asyncpg://app:<password>@db/shop\n"})),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    engines = [
        a for a in around.accesses if a.framework == "sqlalchemy" and a.alias == "engine" and a.environment != "tests"
    ]
    wrong = [(a, a.place) for a in engines if a.engine == "postgresql" and _misfits(a, a.driver)]
    for access in engines:
        if access.variable and not _both_kinds(access, engines):
            wrong += [
                (access, url.place) for url in around.urls if _is_for(url, access) and _misfits(access, url.driver)
            ]
    if not wrong:
        return
    access = wrong[0][0]
    places: list[Place] = list(dict.fromkeys(place for _, place in wrong))
    fit = "an asynchronous driver" if access.is_async else "a synchronous driver"
    kind = "an asynchronous" if access.is_async else "a synchronous"
    wrong_kind = "names no asynchronous driver" if access.is_async else "names an asynchronous driver"
    right = "postgresql+asyncpg://" if access.is_async else "postgresql://"
    yield Finding(
        title=f"{counted(len(places), 'address', 'addresses')} without {fit} for {access.place}"[:79],
        message=f"{access.place} makes {kind} engine, and the address at {listed(map(str, places))} {wrong_kind}: it fails "
        f"{'when the application starts' if access.is_async else 'at the first query'}.",
        objects=(ObjectRef("setting", access.variable or "url"),),
        impact=Impact(len(places), "addresses", 0.5, 20, estimated=True),
        evidence={
            "engine": str(access.place),
            "addresses": [str(place) for place in places],
            "asynchronous": access.is_async,
        },
        confidence="high" if access.variable is None else "medium",
        next_step=f"Write {right} there, or set the driver where the engine is made at {access.place}.",
        locations=locations(places),
    )


def _misfits(access: DatabaseAccess, driver: str | None) -> bool:
    return driver not in _ASYNC if access.is_async else driver not in _SYNC


def _is_for(url: DatabaseUrl, access: DatabaseAccess) -> bool:
    """``DOCKER_DATABASE_URL`` is the address for the same engine elsewhere."""
    if url.engine != "postgresql" or access.variable is None:
        return False
    return url.name.upper() == access.variable.upper() or (
        url.name.upper().endswith("_" + access.variable.upper()) and "SYNC" not in url.name.upper()
    )


def _both_kinds(access: DatabaseAccess, engines: list[DatabaseAccess]) -> bool:
    """The same address is given to engines of both kinds, so something else must tell them apart."""
    return any(other.variable == access.variable and other.is_async != access.is_async for other in engines)
