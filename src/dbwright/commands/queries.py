"""List every query that the project's source can issue, as SQL, with file and line."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from dbwright.errors import DbwrightError
from dbwright.model.source import Source, SourceQuery
from dbwright.model.wording import counted
from dbwright.options import note, with_import_options


class NoSource(DbwrightError):
    """The folder holds nothing that could be read."""


@click.command("queries")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--table", metavar="NAME", help="Only queries on this table.")
@click.option("--file", "file", metavar="PATH", help="Only queries of files whose path contains this.")
@click.option("--unknown", is_flag=True, help="Only what could not be written as SQL, with the reason.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_import_options
def command(
    path: Path | None,
    table: str | None,
    file: str | None,
    unknown: bool,
    format_: str,
    imports: bool,
    python: Path | None,
) -> int:
    """List every query that the project's source can issue, as SQL, with file and line.

    Nothing of the project is run (--import would): its models, querysets and statements are read, and the framework itself writes the
    SQL. Placeholders tell where their values come from. What could not be told is listed with the reason.
    """
    from dbwright.source import cache

    root = (path or Path()).resolve()
    if not root.is_dir():
        raise NoSource(f"{root} is not a folder.", "Give the project's folder.")
    source = cache.read_project(root, os.environ)
    if imports or python is not None:
        from dbwright.source.exact import exact

        source = exact(source, root, python, os.environ)
    if not source.files:
        raise NoSource(f"{root.name} holds no Python source.", "Give the project's folder.")
    chosen = [query for query in source.queries if _is_wanted(query, table, file, unknown)]
    if format_ == "json":
        click.echo(
            json.dumps(
                {"schema_version": 1, "summary": summary(source), "queries": [as_json(q) for q in chosen]}, indent=1
            )
        )
        return 0
    for line in lines(chosen):
        click.echo(line)
    _tell(source)
    return 0


def _is_wanted(query: SourceQuery, table: str | None, file: str | None, unknown: bool) -> bool:
    if unknown and query.sql is not None:
        return False
    if file and file not in query.issued.file and file not in query.made.file:
        return False
    names = {t.name for t in query.query.tables} if query.query else {query.table}
    return table is None or table in names


def lines(queries: Iterable[SourceQuery]) -> Iterable[str]:
    """The listing: a line of place and kind, then the SQL."""
    for query in sorted(queries, key=lambda q: (q.issued.file, q.issued.line)):
        made = f", made at {query.made}" if query.made != query.issued else ""
        loops = "".join(
            f", once for each row of {loop.table} ({loop.place})" if loop.table else f", in a loop ({loop.place})"
            for loop in query.loops
        )
        yield f"{query.issued}  {query.issued_by}{made}{loops}"
        yield f"    {query.sql or f'not known: {query.unknown}'}"
        if query.parameters:
            yield "    " + ", ".join(
                f"${n} {p.origin if p.value is None else repr(p.value)}{' or None' if p.or_none else ''}"
                for n, p in enumerate(query.parameters, 1)
            )
        if query.optional and query.sql:
            yield "    not always: " + " · ".join(query.sql[begin:end] for begin, end in query.optional)
        if query.partial:
            yield f"    and possibly more: {query.partial}"


def summary(source: Source) -> dict[str, Any]:
    """How much was understood, and why the rest was not."""
    written = [query for query in source.queries if query.sql]
    reasons = Counter(" ".join((query.unknown or "").split())[:60] for query in source.queries if not query.sql)
    return {
        "files": source.files,
        "lines": source.lines,
        "tables": len(source.tables),
        "tables_by_import": source.exact,
        "queries": len(source.queries),
        "as_sql": len(written),
        "lines_that_issue": len({query.issued for query in source.queries}),
        "partial": sum(1 for query in written if query.partial),
        "not_as_sql": dict(reasons.most_common(10)),
        "not_read": [{"file": p.file, "line": p.line, "reason": p.reason} for p in source.problems],
    }


def as_json(query: SourceQuery) -> dict[str, Any]:
    return {
        "file": query.issued.file,
        "line": query.issued.line,
        "function": query.issued.function,
        "made": {"file": query.made.file, "line": query.made.line},
        "kind": query.issued_by,
        "sql": query.sql,
        "unknown": query.unknown,
        "partial": query.partial,
        "table": query.table,
        "relation": query.relation,
        "parameters": [{"origin": p.origin, "value": p.value, "or_none": p.or_none} for p in query.parameters],
        "optional": [list(span) for span in query.optional],
        "loops": [
            {"file": loop.place.file, "line": loop.place.line, "rows_of": loop.table, "times": loop.count}
            for loop in query.loops
        ],
    }


def _tell(source: Source) -> None:
    found = summary(source)
    issuing = counted(found["lines_that_issue"], "line")
    note(
        f"{counted(found['queries'], 'query', 'queries')} on {issuing} of {counted(source.files, 'file')} "
        f"({source.lines:,} lines, {counted(found['tables'], 'table')}): {found['as_sql']:,} as SQL, {found['partial']:,} of them in part."
    )
    if source.exact:
        note("The tables are those that the project's own interpreter tells (--import).")
    for reason, count in found["not_as_sql"].items():
        note(f"  {count} not as SQL: {reason}")
    if source.problems:
        first = source.problems[0]
        note(
            f"{counted(len(source.problems), 'place')} could not be read, the first: {first.file}:{first.line} {first.reason}"
        )
