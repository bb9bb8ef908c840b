"""A statement that a user names: as SQL text, by a place in the source, or by the fingerprint of a recorded one."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from dbwright.errors import DbwrightError
from dbwright.model.snapshot import Snapshot
from dbwright.model.workload import WorkloadStatement

_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)\Z")
_FINGERPRINT = re.compile(r"-?\d{6,20}\Z")


class NoStatement(DbwrightError):
    """What was named is no statement that is known."""


def read_named(what: str, snapshot: Snapshot) -> tuple[WorkloadStatement, ...]:
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
        return (WorkloadStatement(rows[0].query, origin=what),)
    return (WorkloadStatement(what, origin="statement"),)


def _at(file: str, line: int, snapshot: Snapshot) -> tuple[WorkloadStatement, ...]:
    queries = [
        query
        for query in snapshot.source.queries
        if query.sql and any(p.line == line and _is_same(p.file, file) for p in (query.issued, query.made))
    ]
    if not queries:
        raise NoStatement(
            f"No query was read at {file}:{line}.",
            "`dbwright queries` lists each with its line, and what could not be read.",
        )
    texts = dict.fromkeys((query.sql or "", str(query.issued)) for query in queries)
    return tuple(WorkloadStatement(sql, origin=origin) for sql, origin in texts)


def _is_same(known: str, named: str) -> bool:
    """Whether two names may be of one file, seen from two folders: the shorter ends the longer."""
    one, other = PurePosixPath(known).parts, tuple(part for part in PurePosixPath(named).parts if part != "..")
    shorter = min(len(one), len(other))
    return bool(shorter) and one[-shorter:] == other[-shorter:]
