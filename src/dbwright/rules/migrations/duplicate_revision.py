"""Two scripts of one Alembic history carry the same revision id.

## Why it matters

Alembic keeps one of them and warns about the other, which then never runs; which one depends on the order in which the folder is read.
A copied script whose id was not changed makes a database that differs from server to server.

## When to ignore

Never: give one of them an id of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbwright.model.finding import Finding, Impact, Risk
from dbwright.model.migration_graph import faults, group_name, locations_of, migration_ref
from dbwright.model.sample import Sample
from dbwright.model.snapshot import Snapshot
from dbwright.rules import Limits

RISK: Risk = "outage"
ENGINES = ("postgresql", "sqlite")
NEEDS = ("source",)
LIMITS: dict[str, float] = {}
COVERS = ("AB-01",)

_SCRIPT = (
    'from alembic import op\n\nrevision = "{0}"\ndown_revision = {1}\n\n\ndef upgrade():\n    op.drop_table("{2}")\n'
)


def _scripts(*scripts: tuple[str, str, str], folder: str = "versions") -> dict[str, str]:
    return {f"{folder}/{number}.py": _SCRIPT.format(*script) for number, script in enumerate(scripts)}


BAD = (
    Sample(source=_scripts(("a1", "None", "t"), ("b2", '"a1"', "u"), ("b2", '"a1"', "v"))),
    Sample(source=_scripts(("a1", "None", "t"), ("a1", "None", "u"))),
)
GOOD = (
    Sample(source=_scripts(("a1", "None", "t"), ("b2", '"a1"', "u"), ("c3", '"b2"', "v"))),
    # Two histories of their own.
    Sample(source={**_scripts(("a1", "None", "t")), **_scripts(("a1", "None", "t"), folder="other")}),
    # A module that only speaks of revisions.
    Sample(source={**_scripts(("a1", "None", "t")), "versions/helper.py": 'revision = "a1"\n'}),
)


def check(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    for problem in faults(snapshot, "duplicate"):
        (name,) = problem.names
        count = len(problem.places)
        yield Finding(
            title=f"Revision {name} stands in {count} files"[:79],
            message=f"{count} of {group_name(problem.framework, problem.group)} call themselves {name}; Alembic runs one of them and "
            "passes over the rest.",
            objects=(migration_ref(problem.group, name),),
            impact=Impact(count, "scripts", 1, 8),
            evidence={"files": [place.file for place in problem.places]},
            next_step=f"Give the younger script ({problem.places[-1].file}) a revision id of its own and let it follow the other: "
            f'down_revision = "{name}"; then read what each of your databases has of the two.',
            locations=locations_of(problem),
        )
