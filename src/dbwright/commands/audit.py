"""Read the database and the project, and tell what matters most."""

from __future__ import annotations

from pathlib import Path

import click

from dbwright.model.finding import SEVERITIES
from dbwright.options import Look, Source, audit_options, failing, require_checked, run, show, source_options


@click.command("audit")
@source_options
@audit_options
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default="never",
    show_default=True,
    help="Exit with 1 when a finding is at least this severe.",
)
def command(source: Source, look: Look, format_: str, output: Path | None, fail_on: str) -> int:
    """Read the database and the project, and tell what matters most.

    With no arguments the database is found in the environment, the Django settings, .env or alembic.ini.
    Nothing is written to it. Exit code 0; 1 with --fail-on; 2 when it could not run.
    """
    report = run(source, look)
    show(report, format_, output, fail_on, look)
    if fail_on != "never":
        require_checked(report, source)
    return 1 if failing(report, fail_on) else 0
