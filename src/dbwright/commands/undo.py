"""Take back what a run of `dbwright apply` did."""

from __future__ import annotations

import click

from dbwright.options import Patience, Source, apply_options, source_options_beside


@click.command("undo")
@click.argument("run", required=False)
@source_options_beside
@click.option("--list", "list_", is_flag=True, help="List the runs that the journal has.")
@apply_options
def command(source: Source, run: str | None, list_: bool, yes: bool, patience: Patience) -> int:
    """Take back what a run of `dbwright apply` did, the last one unless RUN names another.

    A run that was interrupted is taken back from where it is. What it did is told before, and done once the database's name was typed, or
    with --yes.

    Exit codes: 0 taken back, 1 something stayed, 2 refused before anything was touched, or stopped.
    """
    from dbwright.apply import commanded

    target = commanded.target(source)
    if list_:
        return commanded.list_runs(target)
    with commanded.alone(target):
        return commanded.undo(target, run, patience, yes=yes)
