"""The audit as a gate for CI: exit code 1 when something new is severe enough."""

from __future__ import annotations

from pathlib import Path

import click

from dbwright.model.finding import SEVERITIES
from dbwright.options import (
    Look,
    Source,
    audit_options,
    failing,
    note,
    plans_option,
    require_checked,
    run,
    show,
    source_options,
)

DEFAULT_FAIL_ON = "high"


@click.command("check")
@source_options
@audit_options
@plans_option
@click.option(
    "--captured",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --plans: plan what `python -m dbwright.capture` wrote down instead of what the code can send.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    help=f"Exit with 1 when a finding is at least this severe (configured, else {DEFAULT_FAIL_ON}).",
)
@click.option("--since", metavar="REV", help="Only findings on lines that differ from this git revision.")
@click.option("--strict", is_flag=True, help="Exit with 3 when some checks could not run.")
def command(
    source: Source,
    look: Look,
    format_: str,
    output: Path | None,
    plans: bool,
    captured: tuple[Path, ...],
    fail_on: str | None,
    since: str | None,
    strict: bool,
) -> int:
    """The audit as a gate for CI: exit code 1 when something new is severe enough.

    With --plans and a snapshot of production (--snapshot, --db) each query of the code is planned as production would plan it, on a
    private PostgreSQL without rows, whatever database development uses.

    Exit codes: 0 clean, 1 findings at or above the threshold, 2 could not run, 3 some checks could not run (with --strict).
    """
    import os

    from dbwright import config
    from dbwright.changed import changed_lines, touched

    fail_on = fail_on or config.load(source.path.resolve(), os.environ).fail_on or DEFAULT_FAIL_ON
    lines = changed_lines(source.path.resolve(), since) if since else None
    report = run(source, look, plans=plans or bool(captured), captured=captured)
    if lines is not None:
        report = touched(report, lines)
    show(report, format_, output, fail_on, look)
    require_checked(report, source)
    count = failing(report, fail_on)
    if format_ != "text" or output:
        note(f"{count} findings at or above {fail_on}; {len(report.not_checked)} rules not fully checked.")
    if count:
        return 1
    return 3 if strict and report.not_checked else 0
