"""List the project's migrations: what each does, its risk, whether it can be undone, and whether the database has it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import click

from dbwright.errors import DbwrightError
from dbwright.model import migration_state
from dbwright.model.migrations import OPERATION_RISKS, Drift, GraphProblem, MigrationFile
from dbwright.model.snapshot import Snapshot
from dbwright.model.wording import counted, listed
from dbwright.options import Source, note, source_options

MOST_OPERATIONS = 12
"""Lines for one migration in the text; JSON has all."""


class NoMigrations(DbwrightError):
    """The folder holds no migrations."""


class _Group(click.Group):
    """The listing, unless a subcommand is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args[:1] and (args[0] in self.list_commands(ctx) or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return ["check", "list"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name == "check":
            from dbwright.commands import _migrations_check

            return _migrations_check.command
        return listing if cmd_name == "list" else None


@click.group("migrations", cls=_Group)
def command() -> None:
    """List the project's migrations: what each does, its risk, whether it can be undone, and whether the database has it.

    `dbwright migrations` is `dbwright migrations list`; `dbwright migrations check` runs them on a private server and tells what they lock,
    rewrite and break.
    """


@click.command("list")
@source_options
@click.option("--group", metavar="NAME", help="Only this application, or scripts whose folder contains this.")
@click.option("--pending", is_flag=True, help="Only what the database has not.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def listing(source: Source, group: str | None, pending: bool, format_: str) -> int:
    """List the project's migrations: what each does, its risk, whether it can be undone, and whether the database has it.

    Nothing of the project is run, and nothing in the database is changed. After the list come what is wrong with the graph, and where
    models, migrations and the database disagree, with the text of the migration that closes it.
    """
    from dbwright import config

    snapshot = source.read(config.load(source.path.resolve(), os.environ))
    if not snapshot.source.migrations.files:
        raise NoMigrations(
            f"{source.path.resolve().name} holds no migrations of Django or Alembic.", "Give the project's folder."
        )
    listing = Listing(snapshot, group, pending)
    if format_ == "json":
        click.echo(json.dumps(listing.as_json(), indent=1))
        return 0
    for line in listing.lines():
        click.echo(line)
    _tell(snapshot, listing)
    return 0


class Listing:
    """The migrations chosen, with what the snapshot knows of them."""

    def __init__(self, snapshot: Snapshot, group: str | None = None, only_pending: bool = False) -> None:
        self.snapshot = snapshot
        self.migrations = snapshot.source.migrations
        self.applied = migration_state.applied(snapshot)
        self.has_database = not any(gap.section == "migrations" and not gap.partial for gap in snapshot.gaps)
        self.group = group
        waiting = {file.label for file in migration_state.pending(snapshot)}
        chosen = [file for file in self.migrations.files if self._is_wanted(file.framework, file.group)]
        self.files = [file for file in chosen if file.label in waiting] if only_pending else chosen

    def _is_wanted(self, framework: str, group: str) -> bool:
        return not self.group or (group == self.group if framework == "django" else self.group in group)

    @property
    def problems(self) -> list[GraphProblem]:
        return [problem for problem in self.migrations.problems if self._is_wanted(problem.framework, problem.group)]

    @property
    def drift(self) -> list[Drift]:
        found = (*self.migrations.drift, *(migration_state.database_drift(self.snapshot) if self.has_database else ()))
        return [one for one in found if self._is_wanted(one.framework, one.group)]

    def state(self, file: MigrationFile) -> str:
        """``applied 2024-05-31``, ``not applied``; empty without a database."""
        if not self.has_database:
            return ""
        if file.label not in self.applied:
            return "not applied"
        row = self.applied[file.label]
        return f"applied {row.applied_at:%Y-%m-%d}" if row and row.applied_at else "applied"

    # Text ------------------------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        for (framework, group), files in groupby(self.files, key=lambda file: (file.framework, file.group)):
            yield f"{group} ({framework})"
            for file in files:
                yield from self._of(file)
            yield ""
        yield from self._problems()
        yield from self._drift()

    def _of(self, file: MigrationFile) -> Iterator[str]:
        parts = [file.name, file.date, self.state(file), _kind(file), undo(file)]
        yield "  " + "  ".join(part for part in parts if part)
        for operation in file.operations[:MOST_OPERATIONS]:
            yield f"    {file.place.file}:{operation.line or file.place.line}  {operation.what}  [{operation.risk}]"
        if len(file.operations) > MOST_OPERATIONS:
            yield f"    and {counted(len(file.operations) - MOST_OPERATIONS, 'operation')} more"

    def _problems(self) -> Iterator[str]:
        for problem in self.problems:
            yield f"{problem.place}  {problem.fault}: {problem.message}"
            yield from _indented(problem.change)

    def _drift(self) -> Iterator[str]:
        told: set[str | None] = set()
        for one in self.drift:
            yield f"{one.place}  " if one.place.line else f"{one.group}  "
            yield f"    {one.detail}"
            if one.change not in told:
                told.add(one.change)
                yield from _indented(one.change)

    # JSON ------------------------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "database": self.snapshot.target.name if self.has_database else None,
            "risks": OPERATION_RISKS,
            "migrations": [self._file(file) for file in self.files],
            "problems": [
                {
                    "fault": p.fault,
                    "framework": p.framework,
                    "group": p.group,
                    "migrations": list(p.names),
                    "message": p.message,
                    "places": [{"file": place.file, "line": place.line} for place in p.places or (p.place,)],
                    "change": p.change,
                }
                for p in self.problems
            ],
            "drift": [
                {
                    "have": d.have,
                    "lack": d.lack,
                    "kind": d.kind,
                    "table": d.table,
                    "name": d.name,
                    "differs": d.differs,
                    "detail": d.detail,
                    "file": d.place.file or None,
                    "line": d.place.line or None,
                    "change": d.change,
                }
                for d in self.drift
            ],
            "not_replayed": sorted({f.group for f in self.migrations.files} - self.migrations.replayed),
        }

    def _file(self, file: MigrationFile) -> dict[str, Any]:
        row = self.applied.get(file.label)
        return {
            "framework": file.framework,
            "group": file.group,
            "name": file.name,
            "file": file.place.file,
            "line": file.place.line,
            "date": file.date,
            "parents": list(file.parents),
            "replaces": list(file.replaces),
            "merge": file.merge,
            "atomic": file.atomic,
            "risk": file.risk,
            "reversible": file.irreversible is None,
            "irreversible_because": file.irreversible,
            "loses_data_of": [o.what for o in file.loses_data],
            "rollback": rollback(file),
            "applied": (file.label in self.applied) if self.has_database else None,
            "applied_at": row.applied_at.isoformat() if row and row.applied_at else None,
            "operations": [
                {
                    "kind": o.kind,
                    "what": o.what,
                    "table": o.table,
                    "risk": o.risk,
                    "irreversible_because": o.irreversible,
                    "line": o.line or file.place.line,
                }
                for o in file.operations
            ],
        }


def _kind(file: MigrationFile) -> str:
    if file.merge:
        return "merge"
    if file.replaces:
        return f"replaces {counted(len(file.replaces), 'migration')}"
    return "does nothing" if file.is_empty else ""


def undo(file: MigrationFile) -> str:
    """Whether a migration can be undone, and why not."""
    if file.irreversible:
        return f"cannot be undone: {file.irreversible}"
    if file.loses_data:
        return f"can be undone, without the data of: {listed((o.what for o in file.loses_data), 2)}"
    return "can be undone"


def rollback(file: MigrationFile) -> str:
    """The command that takes a migration back, with what to know before."""
    before = next((parent for parent in file.parents if "." not in parent), None)
    if file.framework == "django":
        command = f"python manage.py migrate {file.group} {before or 'zero'}"
    else:
        command = f"alembic downgrade {before or 'base'}"
    if file.irreversible:
        return f"`{command}` stops: {file.irreversible}. Restore from a backup, or write the reverse first."
    made = [o for o in file.operations if o.effect == "makes" and o.part in ("table", "column")]
    lost = f" What has been written since into {listed(dict.fromkeys(_name(o) for o in made))} is lost." if made else ""
    gone = (
        f" What was in {listed(dict.fromkeys(_name(o) for o in file.loses_data))} does not come back."
        if file.loses_data
        else ""
    )
    return f"`{command}`.{lost}{gone}"


def _name(operation: Any) -> str:
    return (
        f"{operation.table}.{operation.name}" if operation.part == "column" else str(operation.table or operation.what)
    )


def _indented(text: str | None) -> Iterable[str]:
    return (f"    | {line}".rstrip() for line in (text or "").splitlines())


def _tell(snapshot: Snapshot, listing: Listing) -> None:
    files = listing.files
    stuck = sum(1 for file in files if file.irreversible)
    losing = sum(1 for file in files if file.loses_data)
    note(f"{counted(len(files), 'migration')}: {stuck} cannot be undone, {losing} drop data.")
    if listing.has_database:
        waiting = len(migration_state.pending(snapshot))
        note(f"{snapshot.target.name}: {counted(waiting, 'migration')} not applied.")
    left = sorted({file.group for file in files} - snapshot.source.migrations.replayed)
    if left:
        note(f"Not replayed wholly, so not compared with models and database: {listed(left)}.")
    for problem in snapshot.source.problems:
        if problem.reason.startswith(("migration ", "revision ")):
            note(f"  {problem.file}:{problem.line} {problem.reason}")
