"""Persistent connections are used again without a look whether they still live.

## Why it matters

A connection that is kept between requests dies with a failover, a restart or a firewall that forgot it.
Without CONN_HEALTH_CHECKS the next request in each process meets the dead one and fails; with it Django looks once at the beginning of a
request and connects anew.

## When to ignore

When errors for a moment after each failover are no harm. Django knows the setting since 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.asked import locations
from dbwright.model.deployments import WORDS, judged, uses_postgresql
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
COVERS = ("CH-11", "BP-31")

_SINCE = (4, 1)
_URL = "import dj_database_url, os\n\nDATABASES = {'default': dj_database_url.parse(os.environ['DATABASE_URL'], conn_max_age=600)}\n"
BAD = (
    Sample(source=django(databases('"CONN_MAX_AGE": 600'))),
    Sample(source=django(databases('"CONN_MAX_AGE": None'))),
    Sample(source=django(_URL)),
    Sample(source=django(databases('"CONN_MAX_AGE": int(os.environ.get("AGE", "60"))'))),
)
GOOD = (
    Sample(source=django(databases('"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True'))),
    Sample(source=django(databases('"CONN_MAX_AGE": 0'))),
    Sample(source=django(databases('"CONN_MAX_AGE": int(os.environ.get("AGE", "0"))'))),
    Sample(source=django(databases())),
    Sample(source=django(databases('"CONN_MAX_AGE": 600'), requirements="django==3.2.25\npsycopg2\n")),
    Sample(source=django(_URL.replace("conn_max_age=600", "conn_max_age=600, conn_health_checks=True"))),
    Sample(source=django(databases('"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": env.bool("CHECKS")'))),
    Sample(source=django("", {"shop/settings_dev.py": databases('"CONN_MAX_AGE": 600')})),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    around = snapshot.project.surroundings
    version = around.django_version
    if "django" not in snapshot.project.frameworks or (version is not None and version < _SINCE):
        return
    found = [a for a in judged(around, "django") if uses_postgresql(a, around) and a.is_complete and _is_unchecked(a)]
    if not found:
        return
    first = found[0]
    yield Finding(
        title=f"DATABASES[{first.alias!r}] keeps connections without health checks",
        message=f"The settings {WORDS[first.environment]} keep connections open (CONN_MAX_AGE) and leave CONN_HEALTH_CHECKS off: after a "
        "failover or a restart of the server each process fails once.",
        objects=(ObjectRef("setting", "CONN_HEALTH_CHECKS"),),
        impact=Impact(2, "databases", 1, 10, estimated=True),
        evidence={"environment": first.environment, "places": [str(access.place) for access in found]},
        confidence="high" if version is not None else "medium",
        next_step=f'Add "CONN_HEALTH_CHECKS": True (conn_health_checks=True of dj_database_url) at {first.place}.',
        locations=locations(access.place for access in found),
    )


def _is_unchecked(access: DatabaseAccess) -> bool:
    age = access.option("CONN_MAX_AGE")
    if age is None or access.is_pooled or str(age.value) in ("0", "False"):
        return False
    return access.option("CONN_HEALTH_CHECKS") is None
