"""Code against the schema of the other side of a deployment.

While a deployment is under way, old code runs on the new schema, and, where code comes first, new code on the old one. Each statement that
the code can send is prepared by the scratch server before and after a migration: one that the server understood before and refuses after
breaks old code; the other way round it tells that the migration must have run first. An INSERT that leaves a column out, which is required
and has no default by then, is told as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from dbwright.model.source import Source
from dbwright.safety.checks.deployment import BROKEN, LEFT_OUT, TOO_EARLY
from dbwright.safety.judged import Check, Finding, shown
from dbwright.safety.nodes import Name

if TYPE_CHECKING:
    from dbwright.safety.scratch import Scratch

_REFUSED = frozenset(("42703", "42P01", "42883", "42804", "42704", "3F000", "42P10"))
"""States of errors that a statement gets for what it names."""
MOST_PLACES = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement of the code: its text with ``$1`` … for parameters, where it is sent, the columns that it writes."""

    sql: str
    file: str
    line: int
    inserts_into: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """What one version of the code sends. ``name``: how people call it (``the code``, ``the code at main``)."""

    name: str
    sent: tuple[Sent, ...]
    is_old: bool = False

    def about(self, tables: Iterable[str]) -> list[Sent]:
        """The statements that name one of these tables."""
        names = set(tables)
        return [one for one in self.sent if names & set(re.findall(r"[\w$]+", one.sql))]


def code_of(source: Source, name: str, *, is_old: bool = False) -> Code:
    """The statements of a project that was read; each once for each line that sends it."""
    found = {}
    for query in source.queries:
        if query.sql is None or query.query is None:
            continue
        inserts = query.query.verb == "insert" and query.query.tables
        found[query.sql, query.issued.file, query.issued.line] = Sent(
            query.sql,
            query.issued.file,
            query.issued.line,
            query.query.tables[0].name if inserts else None,
            tuple(query.query.set_columns) if inserts else (),
        )
    return Code(name, tuple(found.values()), is_old)


Verdicts = Mapping[Sent, str | None]
"""What the server said of each statement; None where it understood."""


def verdicts(scratch: Scratch, sent: Sequence[Sent]) -> dict[Sent, str | None]:
    """Prepare each statement on the schema as it is."""
    found: dict[Sent, str | None] = {}
    of_text: dict[str, str | None] = {}
    if sent:
        with scratch.session() as connection:
            for one in sent:
                if one.sql not in of_text:
                    of_text[one.sql] = _refusal(connection, one.sql)
                found[one] = of_text[one.sql]
    return found


def _refusal(connection: psycopg.Connection[object], sql: str) -> str | None:
    try:
        connection.execute(f"PREPARE dbwright_code AS {sql}".encode())
    except psycopg.Error as error:
        return (error.diag.message_primary or "refused") if error.sqlstate in _REFUSED else ""
    connection.execute("DEALLOCATE dbwright_code")
    return None


def compare(code: Code, before: Verdicts, after: Verdicts, required: Mapping[Name, set[str]]) -> list[Finding]:
    """Findings on statements whose fate the migration changes. ``required``: columns by table that are required and have no default after
    it, and were not before."""
    found = []
    broken: dict[str, list[Sent]] = {}
    early: dict[str, list[Sent]] = {}
    for one, said in after.items():
        if before.get(one) is None and said:
            broken.setdefault(said, []).append(one)
        elif before.get(one) and said is None:
            early.setdefault(str(before[one]), []).append(one)
    found += [_finding(BROKEN, code, said, places) for said, places in broken.items()]
    found += [_finding(TOO_EARLY, code, said, places) for said, places in early.items() if not code.is_old]
    for name, columns in required.items():
        inserts = [one for one in after if one.inserts_into == name[1] and one.columns and columns - set(one.columns)]
        if inserts:
            left = sorted({column for one in inserts for column in columns - set(one.columns)})
            found.append(_finding(LEFT_OUT, code, f"{', '.join(left)} of {shown(name)} is left out", inserts))
    return found


def _finding(check: Check, code: Code, said: str, places: list[Sent]) -> Finding:
    lines = list(dict.fromkeys(f"{one.file}:{one.line}" for one in places))
    more = f" and {len(lines) - MOST_PLACES} more" if len(lines) > MOST_PLACES else ""
    where = ", ".join(lines[:MOST_PLACES]) + more
    return Finding(check.id, check.severity, f"{said}: {code.name} sends it at {where}.", check.why, 1, observed=True)
