"""Alembic's revisions as scripts: each ``upgrade`` is walked (`source/sqlalchemy/alembic.py`), and what it asks of ``op`` is written as
PostgreSQL's SQL by SQLAlchemy.

Alembic itself is not needed: what it sends for these calls is SQLAlchemy's DDL, after `ALTER TABLE`. Where a script branches on what nobody
can tell, both ways are in the list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbwright.model.migrations import GraphProblem
from dbwright.model.source import Source, SourceTable
from dbwright.phantom.schema import steps
from dbwright.safety import alembic_sql
from dbwright.safety.python_steps import habits_of
from dbwright.safety.statements import Opaque, Script, Statement, parsed, runs_alone
from dbwright.source.catalog import catalog_of
from dbwright.source.sqlalchemy.alembic import Alembic, Revision

if TYPE_CHECKING:
    from dbwright.safety.project import Chooses
    from dbwright.source.sqlalchemy.framework import SQLAlchemy


@dataclass
class Rendered:
    """The schema before the first script, the scripts, and what could not be rendered."""

    before: list[str] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    has_migrations: bool = False
    problems: list[GraphProblem] = field(default_factory=list)


def render(framework: SQLAlchemy, chooses: Chooses | None) -> Rendered:
    """The scripts of the revisions that are wanted, or of all, parents first."""
    walk = _Rendering(framework, chooses)
    rendered = Rendered(has_migrations=bool(walk.revisions))
    if not walk.revisions:
        return rendered
    rendered.problems = walk.check_graph()
    for _ in walk.replay():
        pass
    rendered.before = _as_sql(walk.tables_before) if walk.tables_before else []
    rendered.scripts = walk.scripts
    return rendered


def _as_sql(tables: list[SourceTable]) -> list[str]:
    return [step.sql for group in steps(catalog_of(Source(tables=tuple(tables)))) for step in group]


class _Rendering(Alembic):
    """Writes down what the wanted revisions ask for."""

    def __init__(self, framework: SQLAlchemy, chooses: Chooses | None) -> None:
        super().__init__(framework)
        self.chooses = chooses
        self.scripts: list[Script] = []
        self.tables_before: list[SourceTable] = []
        self._begun: set[str] = set()
        self._written: dict[tuple[int, str, str], None] | None = None
        self._opaque: dict[Opaque, None] = {}

    def _walk(self, revision: Revision) -> None:
        label = f"{revision.group}.{revision.revision}"
        if self.chooses is not None and not self.chooses(label, revision.file):
            super()._walk(revision)
            return
        if revision.group not in self._begun:
            self._begun.add(revision.group)
            self.tables_before += self.tables.values()
        self._written, self._opaque = {}, {}
        super()._walk(revision)
        node = revision.function("upgrade")
        if revision.module is not None and node is not None:
            self._opaque |= dict.fromkeys(habits_of(revision.module.tree, "upgrade"))
        self.scripts.append(self._script(revision, node))
        self._written = None

    def _script(self, revision: Revision, node: ast.FunctionDef | None) -> Script:
        assert self._written is not None
        statements = tuple(_numbered(self._written, list(_autocommit(node))))
        text = "one transaction for each revision, except autocommit_block (Alembic's default)"
        return Script(
            revision.revision, revision.file, "alembic", statements, tuple(self._opaque), text, group=revision.group
        )

    def issued(self, name: str, positional: list[Any], named: dict[str, Any], line: int) -> None:
        if self._written is None:
            return
        try:
            written = alembic_sql.render(name, positional, named)
        except Exception as error:  # a name, a type or a whole statement that is not known
            self._opaque[Opaque(name, line, f"put together at run time ({type(error).__name__})")] = None
            return
        self._written |= dict.fromkeys((line, name, sql) for sql in written)


def _autocommit(node: ast.FunctionDef | None) -> Iterator[range]:
    """Lines inside ``with op.get_context().autocommit_block():``."""
    for one in ast.walk(node) if node is not None else ():
        if isinstance(one, ast.With) and any(
            "autocommit_block" in ast.unparse(item.context_expr) for item in one.items
        ):
            yield range(one.lineno, (one.end_lineno or one.lineno) + 1)
        elif isinstance(one, ast.Call) and ast.unparse(one) in ("op.execute('COMMIT')", "op.execute('commit')"):
            yield range(one.lineno, node.end_lineno or one.lineno + 1) if node is not None else range(0)


def _numbered(written: dict[tuple[int, str, str], None], outside: list[range]) -> Iterator[Statement]:
    """The statements with their transactions: an autocommit block ends the one before it."""
    number, was_outside = 0, False
    for line, name, sql in written:
        is_outside = any(line in lines for lines in outside)
        if is_outside or was_outside:
            number += 1
        was_outside = is_outside
        for one in parsed(sql):
            if one.kind == "TransactionStmt":
                continue
            alone = is_outside and runs_alone(one.kind, one.node)
            yield Statement(one.sql, line, one.kind, one.node, None if alone else number, one.error, name)
