"""The migrations of a Django or Alembic project as scripts, with the schema before them. Nothing of the project is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dbwright.model.migrations import GraphProblem
from dbwright.safety.statements import Script
from dbwright.source.reader import Reading, on_deep_stack

if TYPE_CHECKING:
    from dbwright.safety.scratch import Scratch

Chooses = Callable[[str, str], bool]
"""Whether a migration is wanted, by its label (``app.name``) and its file."""


@dataclass
class Found:
    """What a project has: the schema before the first script, the scripts, and what could not be rendered."""

    before: list[str] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    has_migrations: bool = False
    problems: list[GraphProblem] = field(default_factory=list)
    """Faults of the histories themselves."""


def read(root: Path, chooses: Chooses | None, scratch: Scratch) -> Found:
    """The chosen migrations, or all, of the project in a folder."""
    reading = Reading(root)
    return on_deep_stack(lambda: _read(reading, chooses, scratch)) if reading.names else Found()


def _read(reading: Reading, chooses: Chooses | None, scratch: Scratch) -> Found:
    found = Found()
    list(reading.tables())
    for framework in reading.interpreter.frameworks:
        if type(framework).__name__ == "Django":
            _django(framework, chooses, scratch, found)
        else:
            _alembic(framework, chooses, found)
    found.gaps += [fault.reason for fault in reading.faults]
    return found


def _django(framework: object, chooses: Chooses | None, scratch: Scratch, found: Found) -> None:
    from dbwright.safety import django
    from dbwright.source.django.framework import Django
    from dbwright.source.django.migrations import DjangoMigrations

    assert isinstance(framework, Django)
    migrations = DjangoMigrations(framework)
    found.has_migrations |= bool(migrations.nodes)
    found.problems += migrations.check_graph()
    wanted = {
        f"{node.label}.{node.name}"
        for node in migrations.nodes.values()
        if chooses is None or chooses(f"{node.label}.{node.name}", node.file)
    }
    if wanted:
        rendered = django.render(migrations, None if chooses is None else wanted, scratch)
        found.before += rendered.before
        found.scripts += rendered.scripts
        found.gaps += rendered.gaps


def _alembic(framework: object, chooses: Chooses | None, found: Found) -> None:
    from dbwright.safety import alembic
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

    assert isinstance(framework, SQLAlchemy)
    rendered = alembic.render(framework, chooses)
    found.has_migrations |= rendered.has_migrations
    found.problems += rendered.problems
    found.before += rendered.before
    found.scripts += rendered.scripts
    found.gaps += rendered.gaps
