"""Accept today's findings: from now on only new ones fail a check."""

from __future__ import annotations

from pathlib import Path

import click

from dbwright.options import Look, Source, note, plans_option, require_checked, run, source_options


@click.command("baseline")
@source_options
@plans_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file [default: PATH/.dbwright-baseline.json].",
)
def command(source: Source, plans: bool, output: Path | None) -> int:
    """Accept today's findings: from now on only new ones fail a check.

    Findings that get mended leave the file by themselves at the next audit, so it only ever shrinks.
    """

    from dbwright import config
    from dbwright.snapshots import write_private

    report = run(source, Look((), (), None, True), plans=plans)
    require_checked(report, source)
    known = {f.id: config.baseline_line(f) for f in report.findings}
    known |= {
        held.finding.id: config.baseline_line(held.finding)
        for held in report.ignored
        if held.reason == "in the baseline"
    }
    target = output or source.path / config.BASELINE_NAME
    write_private(target, config.encode_baseline(report.snapshot.target.identity, known))
    note(f"{target}: {len(known)} findings accepted. Commit it; `dbwright check` now fails on new ones only.")
    return 0
