"""Carry out the changes that findings propose, without downtime and with a way back."""

from __future__ import annotations

from pathlib import Path

import click

from dbwright.model.finding import SEVERITIES, Severity
from dbwright.options import Patience, Source, apply_options, source_options_beside


@click.command("apply")
@click.argument("findings", nargs=-1, metavar="[FINDING]...")
@source_options_beside
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="medium",
    show_default=True,
    help="Without FINDING: the changes of all findings at least so severe.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan, change nothing.")
@click.option(
    "--may-block",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Take changes that make writers wait for about so long.",
)
@click.option(
    "--via",
    type=click.Choice(["django", "alembic"]),
    help="Let the project's own migrate carry out what `dbwright fix` wrote. This runs the project's code.",
)
@click.option(
    "--advice",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Build the indexes that `dbwright advise --format json` advised, instead of what findings propose.",
)
@click.option("--stop", is_flag=True, help="Have a run that goes on elsewhere stop before its next step.")
@apply_options
def command(
    source: Source,
    findings: tuple[str, ...],
    severity: Severity,
    dry_run: bool,
    may_block: float,
    via: str | None,
    advice: Path | None,
    stop: bool,
    yes: bool,
    patience: Patience,
) -> int:
    """Carry out the changes that findings propose, without downtime and with a way back.

    FINDING is the id of a finding or the name of a rule. The plan is shown with its locks, times and sizes, and is carried out once the
    database's name was typed, or with --yes. Each step is journaled: after any interruption the same command goes on, and `dbwright undo`
    takes back.

    Exit codes: 0 done, 1 a change was taken back or its finding is still there, 2 refused before anything was touched, or stopped.
    """
    from dbwright.apply import commanded

    target = commanded.target(source)
    if stop:
        return commanded.stop(target)
    with commanded.alone(target):
        unfinished = commanded.go_on(target, patience, dry_run=dry_run)
        if unfinished is not None:
            return unfinished
        if via:
            return commanded.migrate(target, source, via, patience, yes=yes, dry_run=dry_run)
        wanted = commanded.Wanted(findings, severity, may_block, advice)
        return commanded.apply(target, source, wanted, patience, yes=yes, dry_run=dry_run)
