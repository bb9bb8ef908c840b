"""What needs a session of its own goes through a pooler that gives each transaction another one.

## Why it matters

In transaction mode the next transaction runs on another server connection.
Cursors that outlive a transaction, prepared statements kept by the driver, session advisory locks and LISTEN are then elsewhere:
"cursor does not exist", "prepared statement already exists", locks that nobody releases.

## When to ignore

When PgBouncer 1.21 or later tracks prepared statements (max_prepared_statements) and the code holds no cursors open.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import judged, uses_postgresql
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import databases, django, engine
from dbwright.model.snapshot import Snapshot
from dbwright.model.source_table import Place
from dbwright.model.surroundings import DatabaseAccess
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "outage"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("CH-11", "BP-31")

_SESSION = ("pg_advisory_lock(", "pg_try_advisory_lock(", "LISTEN ")
_MODE = {"deploy/pgbouncer.ini": "[databases]\nshop = host=db\n\n[pgbouncer]\npool_mode = transaction\n"}
_SESSIONS = {"deploy/pgbouncer.ini": "[pgbouncer]\npool_mode = session\n"}
_OFF = "create_async_engine(settings.database_url, connect_args={'statement_cache_size': 0, 'prepared_statement_cache_size': 0})"
BAD = (
    Sample(source=django(databases('"HOST": "pgbouncer"'), _MODE)),
    Sample(source=engine("create_async_engine('postgresql+asyncpg://app@pgbouncer/shop')", _MODE)),
)
GOOD = (
    Sample(source=django(databases('"HOST": "pgbouncer", "DISABLE_SERVER_SIDE_CURSORS": True'), _MODE)),
    Sample(source=django(databases('"HOST": "pgbouncer", "DISABLE_SERVER_SIDE_CURSORS": env("CURSORS")'), _MODE)),
    Sample(source=django(databases('"HOST": "pgbouncer"'), _SESSIONS)),
    Sample(source=django(databases('"HOST": "pgbouncer"'))),  # its mode is not known
    Sample(source=django(databases('"HOST": "db"'))),
    Sample(source=engine(_OFF, _MODE)),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    if around.pool_mode != "transaction" or around.pool_mode_place is None:
        return
    reasons: dict[str, list[Place]] = {}
    for access in judged(around, "django"):
        if (
            uses_postgresql(access, around)
            and access.is_complete
            and access.option("DISABLE_SERVER_SIDE_CURSORS") is None
        ):
            reasons.setdefault("server-side cursors are not turned off (DISABLE_SERVER_SIDE_CURSORS)", []).append(
                access.place
            )
    for access in judged(around, "sqlalchemy"):
        if _prepares(access) or (
            access.is_async and access.driver is None and around.requires("asyncpg") and _has_caches(access)
        ):
            reasons.setdefault("asyncpg keeps prepared statements (statement_cache_size=0 turns them off)", []).append(
                access.place
            )
    for query in snapshot.source.queries:
        for word in _SESSION:
            if query.sql and word.lower() in query.sql.lower():
                reasons.setdefault(f"{word.strip('( ')} belongs to a session", []).append(query.issued)
    if not reasons:
        return
    places = [place for found in reasons.values() for place in found]
    yield Finding(
        title="The pooler's transaction mode breaks what needs a session",
        message=f"{around.pool_mode_place} pools by transaction, and {listed(reasons)}.",
        objects=(ObjectRef("setting", "pool_mode"),),
        impact=Impact(len(places), "places", 1, 30, estimated=True),
        evidence={"pool_mode": "transaction", "why": {why: [str(p) for p in found] for why, found in reasons.items()}},
        confidence="medium",
        next_step=f"Begin at {places[0]}; what cannot do without a session goes to the server directly, past the pooler.",
        locations=locations([*places, around.pool_mode_place]),
    )


def _prepares(access: DatabaseAccess) -> bool:
    return access.driver == "asyncpg" and _has_caches(access)


def _has_caches(access: DatabaseAccess) -> bool:
    if not access.is_complete or access.option("connect_args"):
        return False
    names = ("connect_args.statement_cache_size", "connect_args.prepared_statement_cache_size")
    return not any(access.option(name) for name in names)
