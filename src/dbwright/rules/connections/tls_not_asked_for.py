"""The application reaches a database on another machine and does not ask for TLS.

## Why it matters

libpq's default is sslmode=prefer: it takes TLS when the server offers it and goes on in clear when it does not, and it believes any
certificate. Whoever stands in between can read and change everything, the password included.

## When to ignore

When the way to the server is protected otherwise (a private network that you trust, a tunnel, a sidecar).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import WORDS, judged
from dbwright.model.finding import Finding, Impact, ObjectRef, Risk
from dbwright.model.sample import Sample
from dbwright.model.sample_projects import databases, django
from dbwright.model.snapshot import Snapshot
from dbwright.model.surroundings import DatabaseAccess
from dbwright.rules import Limits

RISK: Risk = "security"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("project",)
LIMITS: dict[str, float] = {}
COVERS = ("BP-31",)

_WEAK = ("disable", "allow", "prefer")
_REMOTE = '"HOST": "shop.c1abcd.eu-west-1.rds.amazonaws.com"'
BAD = (
    Sample(source=django(databases(_REMOTE))),
    Sample(source=django(databases(_REMOTE + ', "OPTIONS": {"sslmode": "disable"}'))),
)
GOOD = (
    Sample(source=django(databases(_REMOTE + ', "OPTIONS": {"sslmode": "require"}'))),
    Sample(source=django(databases(_REMOTE + ', "OPTIONS": {"sslmode": os.environ["DB_TLS"]}'))),
    Sample(source=django(databases(_REMOTE + ', "OPTIONS": options()'))),
    Sample(source=django(databases('"HOST": "localhost"'))),
    Sample(source=django(databases('"HOST": "db"'))),
    Sample(source=django(databases('"HOST": os.environ["DB_HOST"]'))),
    Sample(source=django(databases('"HOST": "db.prod.svc.cluster.local"'))),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    found = [access for access in judged(snapshot.project.surroundings, "django") if _is_open(access)]
    if not found:
        return
    first = found[0]
    yield Finding(
        title=f"DATABASES[{first.alias!r}] does not ask for TLS",
        message=f"The settings {WORDS[first.environment]} name a server on another machine and leave it to that server whether the "
        "connection is encrypted.",
        objects=(ObjectRef("setting", "sslmode"),),
        impact=Impact(2, "databases", 1, 10, estimated=True),
        evidence={"environment": first.environment, "places": [str(access.place) for access in found]},
        confidence="medium",
        next_step=f'Set "OPTIONS": {{"sslmode": "verify-full", "sslrootcert": …}} at {first.place}, or at least "require".',
        locations=locations(access.place for access in found),
    )


def _is_open(access: DatabaseAccess) -> bool:
    mode = access.option("sslmode")
    if access.host != "remote" or access.engine != "postgresql" or not access.is_complete or access.option("OPTIONS"):
        return False
    if access.option("service"):
        return False
    return mode is None or mode.value in _WEAK
