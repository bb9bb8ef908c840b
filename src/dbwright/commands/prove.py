"""Measure what a change does to the workload, on a throw-away copy: before and after, with the interval of every figure."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dbwright.errors import DbwrightError
from dbwright.options import (
    INTERRUPTED,
    GivenWorkload,
    Source,
    interruptible,
    note,
    progress,
    source_options_beside,
    workload_options,
    write_or_show,
)

if TYPE_CHECKING:
    from dbwright.model.proved import Proof
    from dbwright.model.snapshot import Snapshot
    from dbwright.prove.changes import Proposal
    from dbwright.prove.copies import Copies
    from dbwright.prove.measuring import Effort
    from dbwright.prove.proving import Workload
    from dbwright.prove.record import Record

FILE = click.Path(path_type=Path)
_DIFFERS = 1
"""Exit code when answers differ: such a change must not be made."""


class NotConfirmed(DbwrightError):
    """The database that was given was not confirmed to be a throw-away one."""


class TwoPlaces(DbwrightError):
    """More than one place to measure on was given."""


@dataclass(frozen=True)
class Asked:
    """What to prove and where, after ``--again`` has had its say."""

    findings: tuple[str, ...]
    advice: Path | None
    sql: Path | None
    undo: Path | None
    rewritten: Path | None
    on: str | None
    dump: Path | None
    fraction: float
    seed: int
    effort: Effort
    given: GivenWorkload
    source: Source


@click.command("prove")
@click.argument("findings", nargs=-1, metavar="[FINDING]…")
@click.option("--advice", type=FILE, metavar="FILE", help="Prove what `dbwright advise --format json` wrote.")
@click.option("--sql", type=FILE, metavar="FILE", help="Prove SQL of your own.")
@click.option("--undo", type=FILE, metavar="FILE", help="The SQL that takes --sql back.")
@click.option(
    "--rewritten",
    type=FILE,
    metavar="DIR",
    help="Statements of --sql-dir written otherwise, in files of the same names.",
)
@click.option("--on", metavar="ADDRESS", help="A throw-away database: two copies of it are made beside it.")
@click.option("--dump", type=FILE, metavar="FILE", help="A backup, restored on a private server.")
@click.option(
    "--fraction", type=click.FloatRange(0.0001, 100), default=1.0, show_default=True, help="Rows made from statistics."
)
@click.option("--repeats", type=click.IntRange(6, 99), default=9, show_default=True, help="Runs of each statement.")
@click.option(
    "--draws", type=click.IntRange(1, 50), default=3, show_default=True, help="Parameters for each statement."
)
@click.option("--seconds", type=click.FloatRange(0.1), default=20.0, show_default=True, help="Time for each statement.")
@click.option(
    "--limit", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Seconds that a run may take."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Another seed makes other rows and other parameters."
)
@click.option("--no-cold", is_flag=True, help="Do not measure after restarts of the private server.")
@click.option("--yes", is_flag=True, help="Do not ask whether the database is a throw-away one.")
@click.option(
    "--record", type=FILE, metavar="FILE.json", help="Keep all of it, to be measured again; with a page beside it."
)
@click.option("--again", type=FILE, metavar="FILE.json", help="Measure a record again and compare.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "markdown", "html", "json"]), default="text", show_default=True
)
@click.option("--output", "-o", type=FILE, metavar="FILE", help="Write it to a file.")
@source_options_beside
@workload_options
def command(
    source: Source,
    given: GivenWorkload,
    again: Path | None,
    yes: bool,
    record: Path | None,
    format_: str,
    output: Path | None,
    **options: Any,
) -> int:
    """Measure what a change does to the workload, on a throw-away copy: before and after, with the interval of every figure.

    The change is that of findings (by id or rule; all that have one when none is named), of --advice, or --sql. The workload is given as
    for `dbwright advise`. The copy is made of --on, of --dump, or else of the snapshot's statistics, with as many rows, on a private
    PostgreSQL. Production is read at most, and never changed.

    Exit code 0; 1 when a statement answers otherwise than before; 2 when it could not run; 130 after Ctrl-C, with what was measured.
    """
    asked, earlier = _asked(source, given, again, options)
    if asked.on and not yes:
        _confirm(asked.on)
    with progress("Proving") as progressed, interruptible() as interrupted:
        snapshot = _snapshot(asked)
        with _copies(asked, snapshot, progressed) as copies:
            proof = _proved(asked, snapshot, copies, progressed, interrupted)
    _show(proof, asked, snapshot, record, earlier, format_, output)
    if proof.interrupted:
        return INTERRUPTED
    return _DIFFERS if proof.differing else 0


def _asked(
    source: Source, given: GivenWorkload, again: Path | None, options: dict[str, Any]
) -> tuple[Asked, Record | None]:
    from dbwright.prove import record as records
    from dbwright.prove.measuring import Effort

    effort = Effort(
        options.pop("repeats"),
        options.pop("draws"),
        options.pop("seconds"),
        options.pop("limit"),
        not options.pop("no_cold"),
    )
    asked = Asked(**options, effort=effort, given=given, source=source)
    if asked.on and asked.dump:
        raise TwoPlaces("--on and --dump name two places to measure on.", "Give one of them.")
    if again is None:
        return asked, None
    earlier = records.load(again)
    files, inputs = records.files_of(earlier, again), earlier.inputs
    if inputs.on and not asked.on:
        raise NotConfirmed(
            f"The record was made on a database named {inputs.on}, whose address it does not hold.",
            "Give it with --on ADDRESS.",
        )
    one = {name: paths[0] for name, paths in files.items()}
    return (
        Asked(
            inputs.findings,
            one.get("advice"),
            one.get("sql"),
            one.get("undo"),
            one.get("rewritten"),
            asked.on if inputs.on else None,
            one.get("dump"),
            inputs.fraction,
            inputs.seed,
            Effort(inputs.repeats, inputs.draws, inputs.seconds, inputs.limit, inputs.cold),
            GivenWorkload(one.get("sql_dir"), files.get("logs", ()), files.get("captured", ()), one.get("since")),
            replace(source, snapshot=one.get("snapshot", source.snapshot)),
        ),
        earlier,
    )


def _confirm(address: str) -> None:
    """Raises NotConfirmed unless a person types the database's name."""
    from dbwright.postgres import address_name, parse_address

    parameters = parse_address(address)
    if not sys.stdin.isatty():
        raise NotConfirmed(
            f"{address_name(parameters)} must be a database that may be copied and loaded.", "Say so with --yes."
        )
    name = str(parameters.get("dbname") or parameters.get("user") or "")
    question = f"Two copies of {address_name(parameters)} will be made beside it and loaded. Type {name} to go on"
    if click.prompt(question, default="", show_default=False, err=True) != name:
        raise NotConfirmed("It was not confirmed.", "Type the database's name, or give --yes.")


def _snapshot(asked: Asked) -> Snapshot | None:
    """What is known of production: from the options, else of the database or backup that was given."""
    from dbwright import config
    from dbwright.prove.reversing import snapshot_of

    source = asked.source
    if asked.on and not (source.databases or source.snapshot):
        return snapshot_of(asked.on)
    if asked.dump and not (source.databases or source.snapshot):
        return None
    return source.read(config.load(source.path.resolve(), os.environ))


@contextmanager
def _copies(asked: Asked, snapshot: Snapshot | None, progressed: Any) -> Iterator[Copies]:
    from dbwright.prove import copies, filler

    major = snapshot.target.major if snapshot else None
    if asked.on:
        with copies.of_database(asked.on) as made:
            yield made
    elif asked.dump:
        with copies.of_dump(asked.dump, major) as made:
            yield made
    elif snapshot is not None:
        with filler.of_statistics(snapshot, asked.fraction, asked.seed, progressed) as made:
            yield made


def _proved(asked: Asked, snapshot: Snapshot | None, copies: Copies, progressed: Any, interrupted: Any) -> Proof:
    from dbwright.prove.proving import prove
    from dbwright.prove.reversing import snapshot_of

    known = snapshot or snapshot_of(copies.superuser or copies.before)
    proposal = _proposal(asked, known)
    return prove(
        copies,
        proposal,
        _workload(asked, known),
        effort=asked.effort,
        seed=asked.seed,
        progressed=progressed,
        interrupted=interrupted,
        like=snapshot,
    )


def _proposal(asked: Asked, snapshot: Snapshot) -> Proposal:
    from dbwright.audit import audit
    from dbwright.prove import changes

    if asked.advice:
        return changes.of_advice(asked.advice)
    if asked.sql:
        return changes.of_file(asked.sql, asked.undo)
    if asked.rewritten and not asked.findings:
        return changes.Proposal(f"the statements of {asked.rewritten.name}, written otherwise")
    return changes.of_findings(audit(snapshot), asked.findings)


def _workload(asked: Asked, snapshot: Snapshot) -> Workload:
    from dbwright.prove import changes
    from dbwright.prove.proving import NothingRuns, Workload
    from dbwright.workload.captured import read_calls

    read = asked.given.read(snapshot)
    if not read.statements:
        reasons = "; ".join(f"{p.origin}: {p.reason}" for p in read.problems[:3]) or "nothing was recorded"
        raise NothingRuns(
            f"There is no workload to run ({reasons}).",
            "Give --sql-dir, --captured or --logs, or a project with queries.",
        )
    calls = read_calls(asked.given.captured)[0] if asked.given.captured else ()
    rewritten = changes.of_folder(asked.rewritten) if asked.rewritten else {}
    return Workload(read.statements, {row.sql: row.values for row in calls}, read.problems, rewritten)


def _show(
    proof: Proof,
    asked: Asked,
    snapshot: Snapshot | None,
    record: Path | None,
    earlier: Record | None,
    format_: str,
    output: Path | None,
) -> None:
    from dbwright.prove import record as records
    from dbwright.report import proved

    again = ""
    if record is not None:
        kept = _keep(proof, asked, snapshot, record)
        again = records.command(record, kept.inputs)
        note(f"Record written to {record}; measure it again with: {again}")
    if format_ == "json":
        text = records.encode(_record(proof, asked, snapshot, record or Path("proof.json"), keep=False)).decode()
    else:
        text = getattr(proved, format_)(proof, again)
    write_or_show(text, output)
    if earlier is not None:
        for line in records.compared(earlier, proof):
            note(line)


def _keep(proof: Proof, asked: Asked, snapshot: Snapshot | None, path: Path) -> Record:
    """Write the record, its page, and the snapshot where it was read from a database that another person may not reach."""
    from dbwright.prove import record as records
    from dbwright.report import proved
    from dbwright.snapshots import write_private

    kept = _record(proof, asked, snapshot, path, keep=True)
    write_private(path, records.encode(kept))
    page = proved.markdown(proof, records.command(path, kept.inputs))
    write_private(path.with_suffix(".md"), page.encode())
    return kept


def _record(proof: Proof, asked: Asked, snapshot: Snapshot | None, path: Path, *, keep: bool) -> Record:
    from dbwright import __version__
    from dbwright.postgres import parse_address
    from dbwright.prove import record as records

    one: dict[str, Path | None] = {
        "snapshot": asked.source.snapshot,
        "dump": asked.dump,
        "advice": asked.advice,
        "sql": asked.sql,
        "undo": asked.undo,
        "rewritten": asked.rewritten,
        "sql_dir": asked.given.sql_dir,
        "since": asked.given.since,
    }
    if one["snapshot"] is None and snapshot is not None and asked.on is None and keep:
        from dbwright.snapshots import encode, write_private

        beside = one["snapshot"] = path.with_suffix(".snapshot.json")
        write_private(beside, encode(snapshot))
    files: dict[str, tuple[records.Input, ...]] = {
        name: (records.input_of(file, path),) for name, file in one.items() if file
    }
    several = {"logs": asked.given.logs, "captured": asked.given.captured}
    files |= {name: tuple(records.input_of(file, path) for file in some) for name, some in several.items() if some}
    effort = asked.effort
    inputs = records.Inputs(
        asked.findings,
        str(parse_address(asked.on).get("dbname") or "") if asked.on else None,
        asked.fraction,
        effort.draws,
        effort.repeats,
        effort.seconds,
        effort.limit_seconds,
        effort.cold,
        asked.seed,
        files,
    )
    return records.Record(records.FORMAT, __version__, inputs, proof)
