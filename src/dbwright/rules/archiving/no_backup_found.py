"""The project runs its own database server, and nothing in it makes backups.

## Why it matters

A container's volume goes with its disk, with a wrong command, with a deleted table.
What no file of the project does is either done by hand, elsewhere, or not at all.

## When to ignore

When backups are made outside the repository. This is said once, and not where a platform hosts the database.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import DATABASE, WEB, compose, databases, django
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "data loss"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("BP-25",)

_OWN = {"docker-compose.yml": compose(DATABASE, WEB)}
BAD = (Sample(source=django(databases(), _OWN)),)
GOOD = (
    Sample(source=django(databases(), _OWN | {"scripts/nightly.sh": "pg_dump -Fc shop > /backups/shop.dump\n"})),
    Sample(
        source=django(
            databases(),
            {"docker-compose.yml": compose(DATABASE, WEB, "keep:\n  image: prodrigestivill/postgres-backup-local")},
        )
    ),
    Sample(source=django(databases(), _OWN, requirements="django\npsycopg\ndjango-dbbackup\n")),
    Sample(source=django(databases(), _OWN | {"Procfile": "web: gunicorn shop.wsgi\n"})),  # a platform's database
    Sample(source=django(databases(), _OWN | {"infra/main.tf": 'resource "aws_db_instance" "shop" {}\n'})),
    Sample(source=django(databases(), {"docker-compose.yml": compose(DATABASE)})),  # a developer's server
    Sample(source=django(databases(), {"docker-compose.yml": compose(WEB)})),  # the server is elsewhere
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    own = [s for s in around.services if s.runs == "database" and s.environment in ("production", "any")]
    if not own or around.hints_of("backup") or around.hints_of("hosted") or snapshot.target.managed_by:
        return
    yield Finding(
        title=f"Nothing in the project backs up {own[0].name}",
        message=f"{own[0].place} runs the database, and no script, schedule or service of the project mentions a backup.",
        objects=(ObjectRef("setting", "backup"),),
        impact=Impact(1, "servers", 1, 10, estimated=True),
        evidence={
            "server": str(own[0].place),
            "looked_for": ["pg_dump", "pg_basebackup", "pgBackRest", "Barman", "WAL-G", "services"],
        },
        confidence="low",
        next_step="If they are made elsewhere, ignore this and note where. Else begin with a nightly pg_dump -Fc to another machine, "
        "and restore one now and then: a backup counts from its first restore.",
        locations=locations(service.place for service in own),
    )
