"""Advise the indexes that help the whole workload most, within a budget, with proof of how near that is to the best."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import click

from dbwright.errors import DbwrightError
from dbwright.options import (
    INTERRUPTED,
    GivenWorkload,
    Source,
    interruptible,
    progress,
    source_options,
    workload_options,
    write_or_show,
)
from dbwright.report.advice import FORMATS, render

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\Z", re.I)


class NoWorkload(DbwrightError):
    """There is no statement to advise on."""


class NoBudget(DbwrightError):
    """The budget is no number of bytes."""


@click.command("advise")
@source_options
@workload_options
@click.option(
    "--replica-snapshot",
    "replicas",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Count what a replica reads too, from a snapshot of it; may be repeated.",
)
@click.option("--budget", metavar="BYTES", help="Disk that the indexes may take: 500MB, 1GB (1,024s).")
@click.option("--count", type=click.IntRange(min=0), metavar="N", help="At most so many indexes.")
@click.option(
    "--least-gain",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Only indexes that save so much of the workload's cost beyond what writing them adds. [default: 0.2 without other limits]",
)
@click.option(
    "--consider",
    "asked",
    multiple=True,
    metavar="SQL",
    help="Look at this CREATE INDEX too and tell why not; may be repeated.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file.")
def command(
    source: Source,
    given: GivenWorkload,
    replicas: tuple[Path, ...],
    budget: str | None,
    count: int | None,
    least_gain: float | None,
    asked: tuple[str, ...],
    format_: str,
    output: Path | None,
) -> int:
    """Advise the indexes that help the whole workload most, within a budget, with proof of how near that is to the best.

    The workload is what the server recorded (pg_stat_statements), or else the queries of the project's code, a folder of SQL files, or
    logs. Everything is planned on a private PostgreSQL with production's schema, sizes and statistics and no row of it: nothing is
    written, and production needs no extension. Ctrl-C ends the search and shows the best found so far (exit code 130).

    Beside indexes it says what else the same evidence speaks for, or against: statements written otherwise, statistics, kept aggregates,
    partitions, searches in texts, settings.
    """
    from dbwright import config
    from dbwright.advise.advice import advise
    from dbwright.advise.selection import Limits
    from dbwright.advise.sizing import definition_of
    from dbwright.phantom import Phantom
    from dbwright.phantom.server import require_sizes
    from dbwright.replicas import with_replicas

    limits = Limits(_bytes(budget), count, None if least_gain is None else least_gain / 100)
    snapshot = with_replicas(source.read(config.load(source.path.resolve(), os.environ)), replicas)
    considered = [definition_of(snapshot, text) for text in asked]
    require_sizes(snapshot)
    read = given.read(snapshot)
    if not read.statements:
        reasons = "; ".join(f"{p.origin}: {p.reason}" for p in read.problems[:3]) or "nothing was recorded"
        raise NoWorkload(
            f"There is no statement to advise on ({reasons}).",
            "Give --sql-dir or --logs, or let pg_stat_statements record some (see `dbwright audit`).",
        )
    with Phantom.of(snapshot) as phantom, progress("Advising") as progressed, interruptible() as interrupted:
        advice = advise(phantom, read.statements, limits, progressed, interrupted, considered)
        if advice.interrupted and not advice.effects:
            raise click.Abort
        advice = replace(advice, problems=(*read.problems, *advice.problems))
        text = render(advice, snapshot, phantom.gaps, phantom.server.version, format_, _for_plan(source, given.sql_dir))
    write_or_show(text, output)
    return INTERRUPTED if advice.interrupted else 0


def _for_plan(source: Source, sql_dir: Path | None) -> list[str]:
    """The options by which `dbwright plan` reads the same."""
    # An address may hold a password.
    given = ["--db", "ADDRESS"] if source.databases else []
    given += ["--snapshot", str(source.snapshot)] if source.snapshot else []
    given += ["--sql-dir", str(sql_dir)] if sql_dir else []
    return given + (["--project", str(source.path)] if str(source.path) != "." else [])


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    match = _BYTES.match(text.strip())
    if match is None:
        raise NoBudget(f"{text!r} is no amount of bytes.", "Give --budget 500MB or --budget 2GB.")
    return int(float(match[1]) * _UNITS[match[2].lower()])
