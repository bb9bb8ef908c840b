"""Django opens a connection for each request and closes it afterwards.

## Why it matters

Without CONN_MAX_AGE each request pays for a connection: a process on the server, authentication and, with TLS, a handshake of several round
trips, which takes longer than most of the queries it is made for.
Under load the server forks as often as it answers.

## When to ignore

When a pooler stands in front that keeps the connections, or the application runs under ASGI, where Django advises against persistent ones.
Neither is reported where it can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import WORDS, behind_pooler, judged, only_asgi, uses_postgresql
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import DATABASE, MANAGE, SERVER, compose, databases, django
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "performance"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("CH-11", "BP-31")

_URL = "import dj_database_url\n\nDATABASES = {'default': dj_database_url.config(default='sqlite:///dev.sqlite')}\n"
_SPLIT = {
    "manage.py": MANAGE,
    "shop/__init__.py": "",
    "shop/settings/__init__.py": "",
    "shop/settings/base.py": databases(),
    "shop/settings/production.py": "from .base import *\n\nDEBUG = False\n",
    "requirements.txt": SERVER,
}
_POOLER = compose(DATABASE, "pgbouncer:\n  image: edoburu/pgbouncer", "web:\n  build: .\n  command: gunicorn shop.wsgi")
BAD = (
    Sample(source=django(databases())),
    Sample(source=django(_URL)),
    Sample(source=_SPLIT),
    Sample(source=django(databases() + 'if "test" in sys.argv:\n    DATABASES["default"]["ENGINE"] = "sqlite3"\n')),
)
GOOD = (
    Sample(source=django(databases('"CONN_MAX_AGE": 60'))),
    Sample(source=django(databases('"CONN_MAX_AGE": 0'))),  # deliberate
    Sample(source=django(databases('"CONN_MAX_AGE": int(os.environ["AGE"])'))),
    Sample(source=django(databases() + "DATABASES['default']['CONN_MAX_AGE'] = 60\n")),
    Sample(source=django(databases() + "for db in DATABASES.values():\n    db['CONN_MAX_AGE'] = 60\n")),
    Sample(source=django(_URL.replace("default=", "conn_max_age=600, default="))),
    Sample(source=django(databases('"OPTIONS": {"pool": True}'))),
    Sample(source=django(databases(), requirements="django\npsycopg\nuvicorn\n")),
    Sample(source=django(databases(), {"docker-compose.yml": _POOLER})),
    Sample(source=django(databases('"HOST": "pgbouncer"'))),
    Sample(source=django(databases(entry='"ENGINE": "django.db.backends.sqlite3", "NAME": "x"'))),
    Sample(
        source=_SPLIT
        | {"shop/settings/production.py": "from .base import *\n\nDATABASES['default']['CONN_MAX_AGE'] = 60\n"}
    ),
    Sample(source=django("", {"shop/dev_settings.py": databases()})),  # a developer's machine
    Sample(source=django("", {"tests/settings.py": databases()})),
    Sample(source=django(databases() + "try:\n    from .local_settings import *\nexcept ImportError:\n    pass\n")),
    Sample(source={k: v for k, v in django(databases()).items() if k != "manage.py"}),  # a library
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    if "django" not in snapshot.project.frameworks or only_asgi(around) or behind_pooler(around):
        return
    found = [
        access
        for access in judged(around, "django")
        if uses_postgresql(access, around)
        and access.is_complete
        and not access.is_pooled
        and access.option("CONN_MAX_AGE") is None
    ]
    if not found:
        return
    first = found[0]
    yield Finding(
        title=f"DATABASES[{first.alias!r}] has no CONN_MAX_AGE",
        message=f"The settings {WORDS[first.environment]} leave CONN_MAX_AGE at 0: every request opens a connection and closes it again.",
        objects=(ObjectRef("setting", "CONN_MAX_AGE"),),
        impact=Impact(len(found), "databases", 1, 20, estimated=True),
        evidence={"environment": first.environment, "places": [str(access.place) for access in found]},
        confidence="low" if not snapshot.was_read else "high" if first.engine == "postgresql" else "medium",
        next_step=f'Add "CONN_MAX_AGE": 60 and "CONN_HEALTH_CHECKS": True at {first.place}; first see that processes x threads stay below '
        "max_connections. With Django 5.1 and psycopg 3 a pool is the other way (OPTIONS: pool).",
        locations=locations(access.place for access in found),
    )
