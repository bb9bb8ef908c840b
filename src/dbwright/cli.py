"""The command line: one thin door for each verb in ``commands``. The folder is the list.

Only what the chosen verb needs is imported, so that ``--help`` answers at once.
"""

from __future__ import annotations

import ast
import gc
import importlib
import os
import sys
from pathlib import Path

import click

from dbwright import __version__
from dbwright.errors import DbwrightError
from dbwright.plaintext import one_line

_FOLDER = Path(__file__).parent / "commands"


class Verbs(click.Group):
    """A group whose commands are the files of the folder, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(path.stem for path in _FOLDER.glob("[a-z]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"dbwright.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])


def _summary(name: str) -> str:
    """The first line of the command's docstring, read without importing it."""
    tree = ast.parse((_FOLDER / f"{name}.py").read_bytes())
    return (ast.get_docstring(tree) or "").split("\n")[0]


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, message="dbwright %(version)s")
@click.pass_context
def dbwright(ctx: click.Context) -> None:
    """The database engineer that your Django or SQLAlchemy team does not have.

    Run `dbwright audit` in your project: it finds the database, reads it without writing, and tells what matters most.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Entry point. Errors that a user can mend are two lines and exit code 2; nothing of them is a traceback."""
    # A short process whose data lives to its end: looking for garbage among a million rows takes a fifth of its time and finds none.
    gc.disable()
    try:
        code = dbwright(standalone_mode=False)
    except DbwrightError as error:
        click.echo(f"dbwright: {one_line(error.message)}\n  {one_line(error.remedy)}", err=True)
        code = 2
    except click.exceptions.Abort:
        click.echo("dbwright: interrupted.", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except BrokenPipeError:
        # The reader of our output went away (| head); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
