"""Write what a project lacks beyond single changes: partitions, row security, an audit trail, and more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dbwright import generate
from dbwright.commands.fix import agreed, require_somebody
from dbwright.errors import DbwrightError
from dbwright.model.wording import counted
from dbwright.options import note, progress

if TYPE_CHECKING:
    from dbwright.fixes.drafts import FileText
    from dbwright.fixes.project import Project
    from dbwright.generate.generated import Generated, Option


class Disagreement(DbwrightError):
    """With what was generated, models and migrations would not agree."""


class _Generators(click.Group):
    """A group whose commands are the generators."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return generate.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return _command(cmd_name) if cmd_name in generate.names() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Generators"):
            formatter.write_dl([(name, generate.title(name)) for name in generate.names()])


@click.group("generate", cls=_Generators, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Write what a project lacks beyond single changes: partitions, row security, an audit trail, and more.

    Without NAME the generators are listed. What a generator leaves is shown as a difference first and written on confirmation; models and
    migrations must then agree. The database is not touched: migrate as always. docs/generate.md tells how each is taken back.

    Exit codes: 0 done, 2 refused before anything was written.
    """
    if context.invoked_subcommand is None:
        width = max(map(len, generate.names()))
        for name in generate.names():
            click.echo(f"{name:{width}}  {generate.title(name)}")


def _command(name: str) -> click.Command:
    module = generate.load(name)
    help_ = f"{inspect.cleandoc(module.__doc__ or '')}\n\n{module.LIBRARIES}"

    def callback(project: Path | None, dry_run: bool, dirty: bool, yes: bool, **given: Any) -> int:
        return _run(module.generate, project, given, dry_run=dry_run, take_dirty=dirty, yes=yes)

    return click.Command(name, callback=callback, params=[*map(_parameter, module.OPTIONS), *_shared()], help=help_)


def _parameter(option: Option) -> click.Parameter:
    name = option.name.replace("_", "-")
    if option.is_argument:
        return click.Argument([option.name], required=option.required, nargs=-1 if option.several else 1)
    if option.default is False:
        return click.Option([f"--{name}", option.name], is_flag=True, help=option.help)
    kind = click.IntRange(min=1) if isinstance(option.default, int) else None
    return click.Option(
        [f"--{name}", option.name],
        required=option.required,
        default=option.default,
        show_default=option.default is not None,
        multiple=option.several,
        type=kind,
        help=option.help,
        metavar="NUMBER" if kind else "NAME",
    )


def _shared() -> list[click.Parameter]:
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    return [
        click.Option(["--project"], type=folder, metavar="PATH", help="The project's folder; else this one."),
        click.Option(["--dry-run"], is_flag=True, help="Show the difference, write nothing."),
        click.Option(["--dirty"], is_flag=True, help="Edit files that hold uncommitted changes, too."),
        click.Option(["--yes"], is_flag=True, help="Do not ask."),
    ]


def _run(
    generator: Callable[..., Generated],
    folder: Path | None,
    given: dict[str, Any],
    *,
    dry_run: bool,
    take_dirty: bool,
    yes: bool,
) -> int:
    from dbwright.collect import surroundings
    from dbwright.fixes.project import Project
    from dbwright.generate.workspace import Workspace

    require_somebody(dry_run, yes)
    root = (folder or Path()).resolve()
    with progress("Writing") as progressed:
        progressed("reading the models", 0.1)
        project = Project(root, surroundings.read(root)[0])
        made = generator(Workspace(project, datetime.now(UTC).strftime("%Y-%m-%d")), given)
        progressed("reading them again", 0.6)
        _require_agreement(project, made)
    if not agreed(root, made.files, f"Write {counted(len(made.files), 'file')}?", dry_run, take_dirty, yes):
        return 0
    _write(root, made.files)
    _tell(made)
    return 0


def _require_agreement(project: Project, made: Generated) -> None:
    against = project.unlike({file.file: file.new for file in made.files if file.file.endswith(".py")})
    if against:
        raise Disagreement(f"Models and migrations would not agree: {against[0]}.", "Nothing was written.")


def _write(root: Path, files: tuple[FileText, ...]) -> None:
    """All or none; folders that are missing are made, and go again with what was to be in them."""
    from dbwright.fixes import writing

    missing = {parent for file in files for parent in (root / file.file).parents if not parent.exists()}
    ordered = sorted(missing)
    try:
        for path in ordered:
            path.mkdir(exist_ok=True)
        writing.write(root, files)
    except BaseException:
        for path in reversed(ordered):
            if path.is_dir():
                path.rmdir()
        raise


def _tell(made: Generated) -> None:
    for file in made.files:
        note(f"{'Written' if file.old is None else 'Edited'}: {file.file}")
    for line in made.notes:
        note(line)
    if made.steps:
        note(f"Next: {' && '.join(made.steps)}")
    note(f"To take it back: {made.back}")
