"""A statement that a user names: as SQL text, by a place in the source, or by the fingerprint of a recorded one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dbwright.errors import DbwrightError
from dbwright.model.snapshot import Snapshot

_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)\Z")
_FINGERPRINT = re.compile(r"-?\d{6,20}\Z")


class NoStatement(DbwrightError):
    """What was named is no statement that is known."""


@dataclass(frozen=True, slots=True)
class Named:
    """A statement and what it is called."""

    name: str
    sql: str


def named(what: str, snapshot: Snapshot) -> tuple[Named, ...]:
    """The statements that ``what`` names. Raises NoStatement."""
    if place := _PLACE.match(what):
        return _at(place["file"], int(place["line"]), snapshot)
    if _FINGERPRINT.match(what):
        rows = [row for row in snapshot.workload.statements if row.query_id == int(what)]
        if not rows:
            raise NoStatement(
                f"No recorded statement has the fingerprint {what}.",
                "`dbwright audit` lists them; or give the SQL itself.",
            )
        return (Named(what, rows[0].query),)
    return (Named("statement", what),)


def _at(file: str, line: int, snapshot: Snapshot) -> tuple[Named, ...]:
    places = [
        query
        for query in snapshot.source.queries
        if query.sql and any(p.line == line and p.file.endswith(file.lstrip("./")) for p in (query.issued, query.made))
    ]
    if not places:
        raise NoStatement(
            f"No query was read at {file}:{line}.",
            "`dbwright queries` lists each with its line, and what could not be read.",
        )
    texts = dict.fromkeys((str(query.issued), query.sql or "") for query in places)
    return tuple(Named(name, sql) for name, sql in texts)
