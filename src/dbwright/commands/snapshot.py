"""Save everything that an audit reads as one file, to audit it elsewhere or later."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from dbwright.model.wording import bytes_text, counted
from dbwright.options import Source, note, source_options


@click.command("snapshot")
@source_options
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="The file; - for standard output."
)
def command(source: Source, output: Path | None) -> int:
    """Save everything that an audit reads as one file, to audit it elsewhere or later.

    The file holds structure and statistics. Sample values of columns are in it unless --no-values is given (columns whose name tells of
    a secret never have theirs). It is readable by you alone.
    """
    from dbwright import config
    from dbwright.acquire import NothingToAudit
    from dbwright.snapshots import encode, write_private

    taken = source.read(config.load(source.path.resolve(), os.environ))
    if not taken.collection_seconds:
        raise NothingToAudit(f"There is nothing to save: {taken.gaps[0].reason}.", taken.gaps[0].remedy)
    data = encode(taken)
    if output == Path("-"):
        sys.stdout.buffer.write(data + b"\n")
        return 0
    stamp = taken.taken_at.strftime("%Y%m%dT%H%M%SZ")
    output = output or Path(f"dbwright-{_file_name(taken.target.database)}-{stamp}.json")
    write_private(output, data)
    relations = counted(len(taken.catalog.tables), "relation")
    note(f"{output}: {bytes_text(len(data))}, {relations}, {counted(len(taken.gaps), 'gap')}.")
    if any(row.common_values or row.histogram for row in taken.statistics.columns):
        note("It holds sample values of columns, which the planner keeps; --no-values leaves them out.")
    return 0


def _file_name(name: str) -> str:
    """A database's name may hold anything; a file's may not."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)[:60] or "database"
