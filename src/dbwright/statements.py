"""Statements that a user names: as SQL text, by a place in the source, by the fingerprint of a recorded one, or as a folder of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dbwright.errors import DbwrightError
from dbwright.model.snapshot import Snapshot

_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)\Z")
_FINGERPRINT = re.compile(r"-?\d{6,20}\Z")
MAX_BYTES = 4 * 1024 * 1024


class NoStatement(DbwrightError):
    """What was named is no statement that is known."""


@dataclass(frozen=True, slots=True)
class Named:
    """A statement and what it is called: its file's name, its place, its fingerprint."""

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


def in_folder(folder: Path) -> Iterator[Named]:
    """The ``.sql`` files of a folder, each as one statement, by name. Raises NoStatement when there is none or one cannot be read."""
    paths = sorted(folder.glob("*.sql"))
    if not paths:
        raise NoStatement(f"{folder} holds no .sql files.", "Give a folder with one statement in each file.")
    for path in paths:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise NoStatement(f"{path} is larger than 4 MiB.", "Give a folder with one statement in each file.")
            yield Named(path.stem, path.read_text("utf-8").strip().rstrip(";"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise NoStatement(
                f"{path} cannot be read: {reason}.", "Give a folder with one statement in each file."
            ) from None
