"""Rows of the real database that would break a migration, counted read-only and within a time limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import psycopg

from dbwright import postgres
from dbwright.model.wording import counted
from dbwright.safety.judge import Judgement
from dbwright.safety.judged import Finding

SECONDS = 10
"""A count that takes longer is left to the user: it would read a large table beside its users."""


def with_counts(judgements: Iterable[Judgement], address: str) -> Iterator[Judgement]:
    """The judgements with the counts that their findings ask for. What could not be counted is said. Raises CannotConnect."""
    with postgres.connect(postgres.parse_address(address)) as connection:
        for one in judgements:
            gaps: list[str] = []
            findings = tuple(_counted(connection, finding, gaps) for finding in one.findings)
            lost = tuple(replace(part, count=_answer(connection, part.counting, gaps)) for part in one.lost)
            yield replace(one, findings=findings, lost=lost, gaps=(*one.gaps, *gaps))


def _counted(connection: postgres.Connection, finding: Finding, gaps: list[str]) -> Finding:
    rows = _answer(connection, finding.counting, gaps)
    if rows is None:
        return finding
    words = (
        f" {counted(rows, 'row')} in the database would make it fail."
        if rows
        else " No row in the database would make it fail."
    )
    return replace(finding, rows=rows, severity="error" if rows else finding.severity, message=finding.message + words)


def _answer(connection: postgres.Connection, counting: str | None, gaps: list[str]) -> int | None:
    """The number that a query counts; None where there is none or it could not be told, which then is a gap."""
    if counting is None:
        return None
    try:
        connection.execute("begin transaction read only")
        connection.execute(f"set local statement_timeout = '{SECONDS}s'; set local lock_timeout = '200ms'".encode())
        row = connection.execute(counting.encode()).fetchone()
    except psycopg.Error as error:
        gaps.append(f"not counted: {counting} ({error.diag.message_primary or type(error).__name__})")
        return None
    finally:
        connection.rollback()
    return int(row[0]) if row else 0
