"""The database's password is one that anybody guesses, written into files of the project.

## Why it matters

A password such as the tool's own example is tried first by everything that scans networks, and it stands in the repository for all who can
read it. One forgotten firewall rule is then the whole database.

## When to ignore

When the file never leaves the developers' machines and its server is not reachable.
Files for development and tests are left alone, unless a deployment is started with them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import WORDS
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import WEB, compose, databases, django, engine, settings_class
from dbwright.model.snapshot import Snapshot
from dbwright.model.surroundings import WeakPassword
from dbwright.model.wording import listed
from dbwright.rules import Limits

RISK: Risk = "security"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-13",)

_DB = "db:\n  image: postgres:17\n  environment:\n    POSTGRES_PASSWORD: {}"
_FIELD = {"app/settings.py": settings_class('database_url: str = "postgresql://app:postgres@localhost/shop"')}


def _deployed(password: str, more: dict[str, str] | None = None) -> dict[str, str]:
    return django(databases(), {"docker-compose.yml": compose(_DB.format(password), WEB)} | (more or {}))


BAD = (
    Sample(source=_deployed("postgres")),
    Sample(source=_deployed("${DB_PASSWORD:-change_me}")),
    Sample(source=django(databases(), {".env.production": "DB_USER=shop\nDB_PASSWORD=shop\n"})),
    Sample(source=django(databases(), {"deploy/.env": "DATABASE_URL=postgres://app:secret@db/shop\n"})),
    Sample(source=django(databases('"PASSWORD": "12345"'))),
)
GOOD = (
    Sample(source=_deployed("${DB_PASSWORD:?set it}")),
    Sample(source=_deployed("${DB_PASSWORD}")),
    Sample(source=_deployed("kD93hf-Qmz71xLp0")),
    Sample(source=django(databases(), {"docker-compose.yml": compose(_DB.format("postgres"))})),  # a developer's server
    Sample(source=django(databases(), {"docker-compose.dev.yml": compose(_DB.format("postgres"), WEB)})),
    Sample(
        source=django(databases(), {".env.example": "DB_PASSWORD=changeme\n", "template.env": "DB_PASSWORD=shop\n"})
    ),
    Sample(
        source=django(databases(), {".env.production": "DB_PASSWORD=<a long random text>\nREDIS_PASSWORD=secret\n"})
    ),
    Sample(source=django(databases(), {".env.test": "DB_PASSWORD=postgres\n"})),
    Sample(source=django(databases(), {".env": "DEBUG=true\nDB_PASSWORD=postgres\n"})),
    Sample(
        source=django(databases('"PASSWORD": os.environ.get("DB_PASSWORD", "postgres")'))
    ),  # counts on a developer's machine only
    Sample(source=engine("create_engine(settings.database_url)", _FIELD)),
    Sample(source=django(databases('"PASSWORD": os.environ["DB_PASSWORD"]'))),
    Sample(
        source=django(
            databases('"PASSWORD": "password"') + "vars().update(yaml.safe_load(open(os.environ['CONFIG'])))\n"
        )
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    every = [p for p in snapshot.project.surroundings.passwords if p.environment in ("production", "any")]
    found = [password for password in every if _counts(password)]
    if not found:
        return
    first = max(found, key=lambda password: password.environment == "production")
    places = list(dict.fromkeys(str(password.place) for password in found))
    yield Finding(
        title=f"A database password at {first.place} that anybody guesses"[:79],
        message=f"What {first.name} holds {WORDS[first.environment]} is no secret: {first.why}. It stands at {listed(places)}.",
        objects=(ObjectRef("setting", first.name),),
        impact=Impact(len(places) + 1, "places", 1, 30, estimated=True),
        evidence={
            "names": sorted({password.name for password in found}),
            "places": places,
            "environment": first.environment,
        },
        confidence="high" if first.environment == "production" else "medium",
        next_step="Make one of 48 characters (openssl rand -base64 36), set it in psql with \\password, keep it in the deployment's "
        f"secrets, and take it out of {listed(places)}: without a value there, what forgets it fails at once.",
        locations=locations(password.place for password in found),
    )


def _counts(password: WeakPassword) -> bool:
    """One that is in use; a fallback in code counts where a deployment has the same, one of a deployment by itself."""
    return not password.is_fallback or password.in_use
