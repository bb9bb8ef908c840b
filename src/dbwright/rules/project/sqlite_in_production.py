"""Production runs on SQLite.

## Why it matters

SQLite lets one writer in at a time: with several processes, writes wait for each other and fail with "database is locked" after the
timeout. The file cannot be shared between machines, has no roles, and is backed up only by those who think of its journal.

## When to ignore

When one process writes and the data fit on one machine: then SQLite is a good choice, best with WAL.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import groups, judged
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import DATABASE, compose, databases, django
from dbwright.model.snapshot import Snapshot
from dbwright.model.surroundings import DatabaseAccess, Hint, Service
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "operations"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS = {"writers": 2}
COVERS = ("WB-12",)

_FILE = '"ENGINE": "django.db.backends.sqlite3", "NAME": os.getenv("SQLITE_PATH", "db.sqlite3")'
_ALONE = "web:\n  build: .\n  command: gunicorn shop.wsgi --workers 4\n  environment:\n    DJANGO_ENV: production"
_WEB = _ALONE.replace("4", "{}") + "\n    SQLITE_PATH: /data/db.sqlite3"
_CHOICE = """\
if os.getenv("DB_HOST"):
    DATABASES["default"] = {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["DB_HOST"]}
"""
BAD = (
    Sample(source=django(databases(entry=_FILE), {"docker-compose.prod.yml": compose(_WEB.format(4))})),
    Sample(source=django(databases(entry=_FILE) + _CHOICE, {"docker-compose.prod.yml": compose(_WEB.format(4))})),
    Sample(source=django(databases(entry=_FILE), {"docker-compose.prod.yml": compose(_ALONE)})),
)
GOOD = (
    Sample(source=django(databases(entry=_FILE), {"docker-compose.prod.yml": compose(_WEB.format(1))})),  # one writer
    Sample(source=django(databases(entry=_FILE))),  # nothing says where it runs
    Sample(source=django(databases(entry=_FILE) + _CHOICE, {"docker-compose.prod.yml": compose(_ALONE)})),
    Sample(source=django(databases(entry=_FILE), {"docker-compose.dev.yml": compose(_WEB.format(4))})),
    Sample(
        source=django(
            databases(),
            {
                "docker-compose.prod.yml": compose(
                    _WEB.format(4).replace("SQLITE_PATH: /data/db.sqlite3", "DB_HOST: db"), DATABASE
                )
            },
        )
    ),
    Sample(
        source=django(
            "import dj_database_url\n\nDATABASES = {'default': dj_database_url.config(default='sqlite:///db.sqlite3')}\n",
            {"Procfile": "web: gunicorn shop.wsgi --workers 4\n"},
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    accesses = [access for access in judged(around, "django") if access.alias == "default"]
    files = [access for access in accesses if access.engine == "sqlite"]
    for services in groups(around).values():
        writers = [
            s
            for s in services
            if s.runs in ("web", "worker", "other")
            and not s.server.startswith(("redis", "nginx", "rabbit", "memcached"))
        ]
        if any(service.runs == "database" for service in services) or not any(s.runs == "web" for s in writers):
            continue
        count = sum((s.processes.value if s.processes else 1) * s.replicas for s in writers)
        named = [hint for hint in around.hints_of("sqlite file") if hint.environment == "production"]
        chosen = named or (len(files) == len(accesses) and _is_fixed(files))
        if files and chosen and count >= limits["writers"]:
            yield _finding(files, writers, named, count)
            return


def _is_fixed(files: list[DatabaseAccess]) -> bool:
    """No address of a variable decides: SQLite is all that the settings know."""
    return bool(files) and not any(access.from_url for access in files)


def _finding(files: list[DatabaseAccess], writers: list[Service], named: list[Hint], count: int) -> Finding:
    who = listed(
        f"{service.name} x {(service.processes.value if service.processes else 1) * service.replicas}"
        for service in writers
    )
    return Finding(
        title=f"Production runs on SQLite with {count} processes",
        message=f"{files[0].place} uses SQLite in production too, and {who} write to one file: only one of them can at a time.",
        objects=(ObjectRef("setting", "DATABASES"),),
        impact=Impact(count, "processes", 1, 64),
        evidence={
            "processes": count,
            "settings": [str(access.place) for access in files],
            "deployment": [str(hint.place) for hint in named] or [str(service.place) for service in writers],
        },
        confidence="high" if named else "medium",
        next_step="Move to PostgreSQL: a server, settings with its address, migrate, then copy table by table (types, sequences, "
        "constraints and row counts compared). Until then turn on WAL and a timeout.",
        locations=locations([*(a.place for a in files), *(h.place for h in named), *(s.place for s in writers)]),
    )
