"""Migrations wait for each other in a circle.

## Why it matters

Django raises CircularDependencyError and Alembic a CycleDetected error for every command: there is no order in which they could run.
It comes from two applications that each refer to the other's newest model, or from a parent that was changed by hand.

## When to ignore

Never: nothing can be migrated.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.migration_graph import faults, locations_of, migration_ref
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-01",)

_DJANGO = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [{0}]\n    operations = [{1}]\n"
_SCRIPT = (
    'from alembic import op\n\nrevision = "{0}"\ndown_revision = {1}\n\n\ndef upgrade():\n    op.drop_table("{0}")\n'
)
_SQL = 'migrations.RunSQL("SELECT 1", "SELECT 1")'


def _two(first: str, second: str) -> dict[str, str]:
    files = {f"{app}/{name}": "" for app in ("shop", "stock") for name in ("__init__.py", "migrations/__init__.py")}
    return files | {
        "shop/migrations/0001_initial.py": _DJANGO.format(first, _SQL),
        "stock/migrations/0001_initial.py": _DJANGO.format(second, _SQL),
    }


BAD = (
    Sample(source=_two('("stock", "0001_initial")', '("shop", "0001_initial")')),
    Sample(
        source={
            "versions/a.py": _SCRIPT.format("a1", '"c3"'),
            "versions/b.py": _SCRIPT.format("b2", '"a1"'),
            "versions/c.py": _SCRIPT.format("c3", '"b2"'),
            "versions/d.py": _SCRIPT.format("d4", '"c3"'),
        }
    ),
)
GOOD = (
    Sample(source=_two("", '("shop", "0001_initial")')),
    # Two applications that follow each other, each by another migration: no circle.
    Sample(
        source=_two("", '("shop", "0001_initial")')
        | {"shop/migrations/0002_more.py": _DJANGO.format('("shop", "0001_initial"), ("stock", "0001_initial")', _SQL)}
    ),
    Sample(source={"versions/a.py": _SCRIPT.format("a1", "None"), "versions/b.py": _SCRIPT.format("b2", '"a1"')}),
    # Through a squashed migration: which way is taken depends on what has been applied.
    Sample(
        source={
            **_two("", '("shop", "0002_more")'),
            "shop/migrations/0002_more.py": _DJANGO.format('("shop", "0001_initial")', _SQL),
            "shop/migrations/0003_last.py": _DJANGO.format('("shop", "0002_more"), ("stock", "0001_initial")', _SQL),
            "shop/migrations/0002_squashed.py": _DJANGO.format('("shop", "0001_initial")', _SQL).replace(
                "    dependencies", '    replaces = [("shop", "0002_more"), ("shop", "0003_last")]\n    dependencies'
            ),
        }
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for problem in faults(snapshot, "cycle"):
        circle = " → ".join([*problem.names, problem.names[0]])
        groups = {name.partition(".")[0] for name in problem.names} if problem.framework == "django" else set()
        how = (
            "Move the foreign keys that point across into a migration of their own that depends on both models' migrations"
            if len(groups) > 1
            else "Read in the history of the files which parent was changed, and set it back"
        )
        yield Finding(
            title=f"{len(problem.names)} migrations wait for each other"[:79],
            message=f"No order exists in which {circle} could run; every command on migrations stops.",
            objects=tuple(migration_ref(problem.group, name) for name in problem.names),
            impact=Impact.certain(),
            evidence={"circle": list(problem.names)},
            next_step=f"{how}: {locations_of(problem)[0].file} is where the circle was met first.",
            identity=problem.group,
            locations=locations_of(problem),
        )
