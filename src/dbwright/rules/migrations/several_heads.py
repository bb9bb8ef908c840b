"""Two or more migrations stand at the end of one history, so that none is the last.

## Why it matters

Two branches each added a migration to the same parent and were merged as text.
`manage.py migrate` then stops with "Conflicting migrations detected", and `alembic upgrade head` with "Multiple head revisions are
present": the deployment ends halfway, with the new code and the old schema.

## When to ignore

When Alembic's branches are meant to stay apart and are upgraded one by one (`branch_labels`, `alembic upgrade heads`).
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.migration_graph import changed_twice, faults, group_name, locations_of, migration_ref
from dbwright.model.migrations import GraphProblem
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.rules import Limits

RISK: Risk = "outage"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-01", "migration-branches")

_DJANGO = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [{0}]

    operations = [{1}]
"""
_MAKE = 'migrations.CreateModel("Order", [("id", models.AutoField(primary_key=True))])'
_ADD = 'migrations.AddField("order", "{0}", models.IntegerField(null=True))'
_SCRIPT = """\
\"\"\"{0}\"\"\"
import sqlalchemy as sa
from alembic import op

revision = "{0}"
down_revision = {1}
branch_labels = {2}
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("{0}", sa.Integer()))


def downgrade():
    op.drop_column("orders", "{0}")
"""


def _django(**files: tuple[str, str]) -> dict[str, str]:
    made = {f"shop/migrations/{name[1:]}.py": _DJANGO.format(*parts) for name, parts in files.items()}
    return {
        "shop/__init__.py": "",
        "shop/models.py": "from django.db import models\n",
        "shop/migrations/__init__.py": "",
        **made,
    }


def _alembic(*scripts: tuple[str, str, str]) -> dict[str, str]:
    return {f"versions/{one[0]}_x.py": _SCRIPT.format(*one) for one in scripts}


_FIRST = {"_0001_initial": ("", _MAKE)}
_NOTE = {"_0002_note": ('("shop", "0001_initial")', _ADD.format("note"))}
_SIZE = {"_0002_size": ('("shop", "0001_initial")', _ADD.format("size"))}
_MERGE = {"_0003_merge": ('("shop", "0002_note"), ("shop", "0002_size")', "")}
_OLD = '"""Python 2."""\nprint "made"\nrevision = "c3"\ndown_revision = "b2"\n'

BAD = (
    Sample(source=_django(**_FIRST, **_NOTE, **_SIZE)),
    Sample(source=_alembic(("a1", "None", "None"), ("b2", '"a1"', "None"), ("c3", '"a1"', "None"))),
    # Type annotations, as newer templates write them; three ends.
    Sample(source=_alembic(("a1", "None", "None"), *((name, '"a1"', "None") for name in ("b2", "c3", "d4")))),
)
GOOD = (
    Sample(source=_django(**_FIRST, **_NOTE, **_SIZE, **_MERGE)),
    # The same number twice, one after the other.
    Sample(source=_django(**_FIRST, **_NOTE, _0002_size=('("shop", "0002_note")', _ADD.format("size")))),
    # A squashed migration stands beside what it replaces.
    Sample(
        source={
            **_django(**_FIRST, **_NOTE),
            "shop/migrations/0001_squashed_0002_note.py": _DJANGO.format("", _MAKE).replace(
                "    operations", '    replaces = [("shop", "0001_initial"), ("shop", "0002_note")]\n    operations'
            ),
        }
    ),
    # Branches that are meant to stay apart.
    Sample(source=_alembic(("a1", "None", "None"), ("b2", '"a1"', '("left",)'), ("c3", '"a1"', '("right",)'))),
    Sample(
        source=_alembic(
            ("a1", "None", "None"), ("b2", '"a1"', "None"), ("c3", '"a1"', "None"), ("d4", '("b2", "c3")', "None")
        )
    ),
    # The file between is no Python of today: its place in the graph is known all the same.
    Sample(
        source={
            **_alembic(("a1", "None", "None"), ("b2", '"a1"', "None"), ("d4", '"c3"', "None")),
            "versions/c3_x.py": _OLD,
        }
    ),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for problem in faults(snapshot, "heads"):
        yield _finding(snapshot, problem)


def _finding(snapshot: Snapshot, problem: GraphProblem) -> Finding:
    where = group_name(problem.framework, problem.group)
    files = {file.name: file for file in snapshot.source.migrations.files if file.group == problem.group}
    twice = changed_twice(snapshot.source.migrations, problem.group, problem.names)
    both = f" More than one of them changes {listed(twice)}: look at what is left of it." if twice else ""
    refuses = (
        "`migrate` stops with a conflict"
        if problem.framework == "django"
        else "`alembic upgrade head` refuses to choose"
    )
    return Finding(
        title=f"{len(problem.names)} last migrations in {where}",
        message=f"{listed(problem.names)} of {where} all come last; {refuses}, and a deployment ends halfway.{both}",
        objects=tuple(migration_ref(problem.group, name) for name in problem.names),
        impact=Impact(len(problem.names), "last migrations", 1, 8),
        evidence={
            "heads": {name: {"date": files[name].date if name in files else None} for name in problem.names},
            "changed_by_several": list(twice),
            "merge_migration": problem.change,
        },
        next_step=_step(problem),
        identity=problem.group,
        locations=locations_of(problem),
    )


def _step(problem: GraphProblem) -> str:
    if problem.framework == "django":
        label = problem.group.partition("@")[0]
        parents = ", ".join(f'("{label}", "{name}")' for name in problem.names)
        return (
            f"Run `python manage.py makemigrations --merge {label}`, which writes a migration with dependencies = [{parents}]; or, where "
            f"{problem.names[-1]} has run nowhere yet, make it depend on {problem.names[0]}."
        )
    return (
        f"Run `alembic merge heads`, which writes a script that follows {counted(len(problem.names), 'revision')}; or, where "
        f'{problem.names[-1]} has run nowhere yet, write down_revision = "{problem.names[0]}" in it.'
    )
