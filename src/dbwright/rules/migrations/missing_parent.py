"""A migration depends on one that does not exist.

## Why it matters

Django raises NodeNotFoundError and Alembic "Can't locate revision" before anything runs: no command on migrations works any more, on
no server. It happens when a file was renamed, deleted or left out of a commit.

## When to ignore

When the missing file is generated at build time.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.migration_graph import faults, group_name, locations_of, migration_ref
from dbwright.model.migrations import GraphProblem
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


def _django(second: str) -> dict[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_initial.py": _DJANGO.format("", _SQL),
        "shop/migrations/0002_more.py": _DJANGO.format(second, _SQL),
    }


BAD = (
    Sample(source=_django('("shop", "0001_intial")')),
    Sample(
        source={"versions/a.py": _SCRIPT.format("a1b2", "None"), "versions/b.py": _SCRIPT.format("b2c3", '"gone1"')}
    ),
)
GOOD = (
    Sample(source=_django('("shop", "0001_initial")')),
    # Of an application that is installed, not the project's own.
    Sample(source=_django('("shop", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")')),
    Sample(source=_django('("shop", "__first__")')),
    # What a squashed migration replaces may be gone.
    Sample(
        source=_django('("shop", "0001_initial")')
        | {
            "shop/migrations/0001_initial.py": _DJANGO.format("", _SQL)
            + '    replaces = [("shop", "0001_old"), ("shop", "0002_old")]\n'
        }
        | {"shop/migrations/0003_last.py": _DJANGO.format('("shop", "0002_old"), ("shop", "0002_more")', _SQL)}
    ),
    # Alembic takes the beginning of an id.
    Sample(
        source={
            "versions/a.py": _SCRIPT.format("a1b2c3d4", "None"),
            "versions/b.py": _SCRIPT.format("b2c3", '"a1b2c3"'),
        }
    ),
    # The first script says so with an empty text.
    Sample(source={"versions/a.py": _SCRIPT.format("a1b2", '""'), "versions/b.py": _SCRIPT.format("b2c3", '"a1b2"')}),
    # A parent that is no Python of today.
    Sample(
        source={
            "versions/a.py": 'print "x"\nrevision = "a1b2"\ndown_revision = None\n',
            "versions/b.py": _SCRIPT.format("b2c3", '"a1b2"'),
        }
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for problem in faults(snapshot, "missing parent"):
        yield _finding(snapshot, problem)


def _finding(snapshot: Snapshot, problem: GraphProblem) -> Finding:
    name, parent = problem.names
    bare = parent.rpartition(".")[2]
    others = [f.name for f in snapshot.source.migrations.files if f.group == problem.group and f.name != name]
    before = [other for other in sorted(others) if other < name] or sorted(others)
    nearest = before[-1] if before and problem.framework == "django" else None
    return Finding(
        title=f"{name} follows {bare}, which does not exist"[:79],
        message=f"{name} of {group_name(problem.framework, problem.group)} depends on {parent}, of which there is no file: every "
        "command on migrations stops before it begins.",
        objects=(migration_ref(problem.group, name),),
        impact=Impact.certain(),
        evidence={"migration": name, "missing": parent},
        next_step=f"Bring the file of {bare} back from history (`git log --diff-filter=D -- '*{bare}*'`), or name the migration that comes "
        f"before it{f', {nearest} by its number' if nearest else ''}.",
        locations=locations_of(problem),
    )
