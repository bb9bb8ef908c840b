"""Migrations of generators as text: statements as they are read by people, in Django's migrations and Alembic's revisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbwright.fixes.django import ONLINE, import_lines
from dbwright.fixes.spelling import spread, text


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: ``operations`` of Django's own first (Python), then statements. ``backward`` is None for what cannot be taken back;
    ``outside``: not in a transaction."""

    title: str
    reason: str
    forward: tuple[str, ...] = ()
    backward: tuple[str, ...] | None = ()
    outside: bool = False
    operations: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()


def django(step: Step, parents: Sequence[tuple[str, str]], on_sqlite: bool) -> str:
    """A migration of Django's. ``on_sqlite``: some environment runs it on SQLite, where statements are passed over."""
    imports = {"from django.db import migrations", *step.imports}
    run = ""
    if step.forward:
        back = "" if step.backward is None else ", reverse_sql=BACKWARD"
        if step.backward == ():
            back = ", reverse_sql=migrations.RunSQL.noop"
        run = f"migrations.RunSQL(FORWARD{back})"
        if on_sqlite:
            run = f"Online(database_operations=[{run}])"
    operations = [*step.operations, *([run] if run else [])]
    body = "".join(f"        {spread(one, 8) if chr(10) not in one else one},\n" for one in operations)
    if re.search(r"(?<![\w.])models\.", body):
        imports.add("from django.db import models")
    constants = _constant("FORWARD", step.forward)
    if step.backward:
        constants += _constant("BACKWARD", step.backward)
    online = f"\n\n{ONLINE}" if any(one.startswith("Online(") for one in operations) else ""
    atomic = "    atomic = False\n\n" if step.outside else ""
    depends = "".join(f"        ({text(label)}, {text(name)}),\n" for label, name in parents)
    return (
        f'"""{step.reason}"""\n\n{import_lines(imports)}\n{constants}{online}\n\nclass Migration(migrations.Migration):\n{atomic}'
        f"    dependencies = [\n{depends}    ]\n\n    operations = [\n{body}    ]\n"
    )


def revision(step: Step, identifier: str, parent: str, date: str, on_sqlite: bool) -> str:
    """A revision of Alembic's; one that cannot be taken back raises when it is asked to."""
    forward = _run("FORWARD", step.outside, on_sqlite)
    backward = _run("BACKWARD", step.outside, on_sqlite) if step.backward else "    pass\n"
    if step.backward is None:
        backward = '    raise RuntimeError("This revision cannot be taken back.")\n'
    constants = _constant("FORWARD", step.forward)
    constants += _constant("BACKWARD", step.backward) if step.backward else ""
    return f'''\
"""{step.reason}

Revision ID: {identifier}
Revises: {parent}
Create Date: {date}
"""

from alembic import op

revision = {text(identifier)}
down_revision = {text(parent)}
branch_labels = None
depends_on = None
{constants}

def upgrade() -> None:
{forward}

def downgrade() -> None:
{backward}'''


def _run(name: str, outside: bool, on_sqlite: bool) -> str:
    lines = [f"for statement in {name}:", r'    op.execute(statement.replace(":", r"\:"))']
    if outside:
        lines = ["with op.get_context().autocommit_block():", *(f"    {line}" for line in lines)]
    if on_sqlite:
        lines = ['if op.get_context().dialect.name == "postgresql":', *(f"    {line}" for line in lines)]
    return "".join(f"    {line}\n" for line in lines)


def _constant(name: str, statements: Sequence[str]) -> str:
    if not statements:
        return ""
    return f"\n{name} = [\n" + "".join(f"{_written(one)},\n" for one in statements) + "]\n"


def _written(statement: str) -> str:
    if "\n" not in statement:
        return f"    {text(statement)}"
    raw = "r" if "\\" in statement else ""
    if '"""' in statement or statement.endswith(("\\", '"')):
        return f"    {text(statement)}"
    return f'    {raw}"""\n{statement}\n"""'
