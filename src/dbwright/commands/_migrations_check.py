"""Run the migrations on a private server under readers and writers, and tell what they lock, rewrite and break."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dbwright.errors import DbwrightError
from dbwright.options import note, progress

if TYPE_CHECKING:
    from dbwright.model.snapshot import Snapshot
    from dbwright.safety.code import Code
    from dbwright.safety.judged import Severity

_THRESHOLDS: dict[str, Severity] = {"error": "error", "warning": "warning", "info": "info", "never": "info"}


class MissingPath(DbwrightError):
    """A file or folder that was named does not exist."""


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option(
    "--schema", "schemas", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="What exists before: SQL (pg_dump --schema-only) or a snapshot. Repeatable.",
)  # fmt: skip
@click.option(
    "--snapshot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Schema, version and row counts of a saved snapshot.",
)
@click.option(
    "--db",
    "database",
    metavar="ADDRESS",
    help="Read schema, version and row counts of this database, and what it has applied.",
)
@click.option(
    "--postgres",
    "major",
    type=click.IntRange(10, 99),
    metavar="MAJOR",
    help="The version that the migrations will run on.",
)
@click.option("--count", is_flag=True, help="With --db: count the rows that would break a statement, read only.")
@click.option(
    "--code",
    is_flag=True,
    help="Try the project's queries on the schema before and after; with --since those of REV, too.",
)
@click.option("--since", metavar="REV", help="Only migrations whose file differs from this git revision.")
@click.option(
    "--fail-on",
    type=click.Choice(list(_THRESHOLDS)),
    default="warning",
    show_default=True,
    help="Exit with 1 from this severity on.",
)
@click.option("--hints", is_flag=True, help="List what is only info, too.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[Path, ...],
    schemas: tuple[Path, ...],
    snapshot: Path | None,
    database: str | None,
    major: int | None,
    count: bool,
    code: bool,
    since: str | None,
    fail_on: str,
    hints: bool,
    format_: str,
) -> int:
    """Run migrations on a private server under readers and writers, and tell what they lock, rewrite and break.

    PATH is a project (Django, Alembic), one of its migration files, a folder of SQL, or SQL files; this folder without one. Of a
    project whose database is known the pending migrations are judged, else all. Nothing is run anywhere else, and nothing of the project's
    Python is run at all.

    Exit codes: 0 clean, 1 findings at or above the threshold, 2 could not run.
    """
    from dbwright.safety import report as reports
    from dbwright.safety.check import Asked, check

    for path in (*paths, *schemas):
        if not path.exists():
            raise MissingPath(f"{path} does not exist.", "Check the path.")
    known = _snapshot(paths, snapshot, database)
    asked = Asked(
        paths or (Path(),),
        schemas,
        known,
        major,
        _codes(paths, since) if code else (),
        database if count else None,
        _changed(paths, since),
    )
    with progress("Running the migrations") as progressed:
        report = check(asked, _THRESHOLDS[fail_on], progressed)
    if format_ == "json":
        click.echo(json.dumps(reports.as_json(report), indent=1))
    else:
        for line in reports.lines(report, hints=hints):
            click.echo(line)
        for text in report.notes:
            note(text)
        note(reports.summary(report))
    return 1 if report.failing and fail_on != "never" else 0


def _snapshot(paths: tuple[Path, ...], snapshot: Path | None, database: str | None) -> Snapshot | None:
    """Of the database that the migrations are for, where one is named."""
    if snapshot is None and database is None:
        return None
    from dbwright.acquire import Request, acquire

    root = next((path for path in paths if path.is_dir()), Path())
    request = Request(root, (database,) if database else (), snapshot, use_database=True, values=False)
    with progress("Reading the database") as progressed:
        return acquire(request, os.environ, progressed)


def _codes(paths: tuple[Path, ...], since: str | None) -> tuple[Code, ...]:
    """What the project sends, and what it sent at a revision."""
    from dbwright import source
    from dbwright.changed import tree_at
    from dbwright.safety.code import code_of

    root = next((path for path in paths if path.is_dir()), Path()).resolve()
    with progress("Reading the code"):
        found = [code_of(source.read(root), "the code")]
        if since is not None:
            with tree_at(root, since) as old:
                found.append(code_of(source.read(old), f"the code at {since}", is_old=True))
    return tuple(found)


def _changed(paths: tuple[Path, ...], since: str | None) -> frozenset[Path] | None:
    """The files that differ from a revision."""
    if since is None:
        return None
    from dbwright.changed import changed_lines

    root = next((path for path in paths if path.is_dir()), Path()).resolve()
    return frozenset((root / file).resolve() for file in changed_lines(root, since))
