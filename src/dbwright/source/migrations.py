"""The migrations of a project, whatever framework wrote them: files, graph, the schema that they make, and drift from the models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dbwright.model.migrations import Drift, GraphProblem, MigrationFile, Migrations
from dbwright.model.source import SourceTable
from dbwright.source.interpreter import Framework, Interpreter


def read_migrations(interpreter: Interpreter, tables: Iterable[SourceTable]) -> Migrations:
    """Read, check and replay all migrations. ``tables`` are those of the models."""
    models = list(tables)
    parts = [
        _of_django(framework, models) if _is_django(framework) else _of_alembic(framework, models)
        for framework in interpreter.frameworks
    ]
    files: Sequence[MigrationFile] = [file for part in parts for file in part.files]
    problems: Sequence[GraphProblem] = [problem for part in parts for problem in part.problems]
    drift: Sequence[Drift] = [one for part in parts for one in part.drift]
    return Migrations(
        files=tuple(files),
        problems=tuple(problems),
        tables=tuple(table for part in parts for table in part.tables),
        replayed=frozenset(group for part in parts for group in part.replayed),
        drift=tuple(drift),
        groups={name: group for part in parts for name, group in part.groups.items()},
        unsure=frozenset(name for part in parts for name in part.unsure),
    )


def _is_django(framework: Framework) -> bool:
    return type(framework).__name__ == "Django"


def _of_django(framework: Framework, models: list[SourceTable]) -> Migrations:
    from dbwright.source.django.drift import drift
    from dbwright.source.django.framework import Django
    from dbwright.source.django.migrations import DjangoMigrations

    assert isinstance(framework, Django)
    read = DjangoMigrations(framework)
    if not read.nodes:
        return Migrations()
    problems = read.check_graph()
    if any(problem.fault == "cycle" for problem in problems):
        return Migrations(tuple(read.files()), tuple(problems))
    state = read.replay()
    replayed = list(read.tables(state))
    found = tuple(drift(framework, read, state, [t for t in models if t.framework == "django"], replayed))
    made = tuple(read.with_sql(replayed))
    whole = frozenset({label for label, _ in read.nodes} - read.incomplete - read.unfollowed)
    problems = [*problems, *read.problems]
    return Migrations(tuple(read.files()), tuple(problems), made, whole, found, read.group_of, frozenset(read.unsure))


def _of_alembic(framework: Framework, models: list[SourceTable]) -> Migrations:
    from dbwright.source.sqlalchemy.alembic import Alembic
    from dbwright.source.sqlalchemy.drift import drift
    from dbwright.source.sqlalchemy.framework import SQLAlchemy

    assert isinstance(framework, SQLAlchemy)
    read = Alembic(framework)
    if not read.revisions:
        return Migrations()
    problems = read.check_graph()
    replayed = list(read.replay())
    broken = {problem.group for problem in problems if problem.fault in ("cycle", "missing parent", "duplicate")}
    whole = frozenset({revision.group for revision in read.revisions} - read.incomplete - broken - read.passed_over)
    own = [t for t in models if t.framework == "sqlalchemy" and t.owned and t.managed]
    found = tuple(drift(read, own, replayed, whole)) if whole else ()
    groups = {name: group for (_, name), group in read.group_of.items()}
    problems = [*problems, *read.problems]
    unsure = frozenset(name for _, name in read.unsure)
    return Migrations(tuple(read.files()), tuple(problems), tuple(replayed), whole, found, groups, unsure)
