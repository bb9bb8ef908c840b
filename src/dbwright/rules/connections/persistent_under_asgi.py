"""Persistent connections are kept under an asynchronous server.

## Why it matters

Under ASGI Django serves requests in threads that come and go, and closes persistent connections only in the thread that opened them.
CONN_MAX_AGE then leaves idle connections behind that nothing uses again; Django's documentation says to turn it off there.

## When to ignore

When the project's views are all synchronous and its server runs them in one thread.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import judged, only_asgi, uses_postgresql, web_services
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import databases, django
from dbwright.model.snapshot import Snapshot
from dbwright.model.surroundings import DatabaseAccess
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("CH-11",)

_ASGI = {"Procfile": "web: uvicorn shop.asgi:application --workers 4\n"}
_KEPT = databases('"CONN_MAX_AGE": 600')
BAD = (
    Sample(source=django(_KEPT, _ASGI)),
    Sample(source=django(_KEPT, {"Procfile": "web: gunicorn shop.asgi -k uvicorn.workers.UvicornWorker\n"})),
)
GOOD = (
    Sample(source=django(databases('"CONN_MAX_AGE": 0'), _ASGI)),
    Sample(source=django(databases(), _ASGI)),
    Sample(source=django(_KEPT, {"Procfile": "web: gunicorn shop.wsgi\n"})),
    Sample(source=django(_KEPT, {"Procfile": "web: gunicorn shop.wsgi\nsockets: daphne shop.asgi:application\n"})),
    Sample(source=django(databases('"CONN_MAX_AGE": int(os.environ["AGE"])'), _ASGI)),
    Sample(source=django(_KEPT)),  # nothing says what serves
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    web = web_services(around)
    if "django" not in snapshot.project.frameworks or not web or not only_asgi(around):
        return
    found = [access for access in judged(around, "django") if uses_postgresql(access, around) and _keeps(access)]
    if not found:
        return
    first = found[0]
    yield Finding(
        title=f"DATABASES[{first.alias!r}] keeps connections under {web[0].server}",
        message=f"{web[0].place} serves asynchronously, and CONN_MAX_AGE keeps connections in threads that do not come back.",
        objects=(ObjectRef("setting", "CONN_MAX_AGE"),),
        impact=Impact(2, "databases", 1, 10, estimated=True),
        evidence={"server": web[0].server, "places": [str(access.place) for access in found]},
        confidence="medium",
        next_step=f'Set "CONN_MAX_AGE": 0 at {first.place} and pool elsewhere: PgBouncer, or OPTIONS: pool of Django 5.1 with psycopg 3.',
        locations=locations([*(access.place for access in found), web[0].place]),
    )


def _keeps(access: DatabaseAccess) -> bool:
    age = access.option("CONN_MAX_AGE")
    return age is not None and isinstance(age.value, int) and age.value > 0
