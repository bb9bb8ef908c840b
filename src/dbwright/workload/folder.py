"""A folder of SQL files: each holds one statement or several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import postgast

from dbwright.model.statements import is_users
from dbwright.model.workload import StatementProblem, WorkloadRead, WorkloadStatement
from dbwright.source.placeholders import numbered

MAX_BYTES = 4 * 1024 * 1024
"""Of one file; what is larger is a dump rather than queries."""
MOST_FILES = 20_000
_META = re.compile(r"^[ \t]*\\.*$", re.M)
"""Commands of psql and pgbench."""
_SEMICOLON = 59
"""The scanner's number for ``;``."""


def read_folder(folder: Path) -> WorkloadRead:
    """The statements of all ``.sql`` files in a folder and below, by name, each with weight 1. The origin is the file's name, with the line
    where there are several. What cannot be read is a problem; so is a folder without such files."""
    statements: list[WorkloadStatement] = []
    problems: list[StatementProblem] = []
    paths = sorted(path for path in folder.rglob("*.sql") if not _is_hidden(path.relative_to(folder)))
    if not paths:
        problems.append(StatementProblem(str(folder), "holds no .sql files"))
    if len(paths) > MOST_FILES:
        problems.append(StatementProblem(str(folder), f"holds {len(paths):,} files; the first {MOST_FILES:,} are read"))
    for path in paths[:MOST_FILES]:
        name = path.relative_to(folder).as_posix()
        text = _text_of(path)
        if isinstance(text, StatementProblem):
            problems.append(StatementProblem(name, text.reason))
            continue
        found = _split(_META.sub("", text))
        if isinstance(found, str):
            problems.append(StatementProblem(name, found))
            continue
        for line, sql in found:
            origin = name if len(found) == 1 else f"{name}:{line}"
            if is_users(sql):
                statements.append(WorkloadStatement(numbered(sql)[0], origin=origin))
            else:
                problems.append(StatementProblem(origin, "is no query of the users' tables"))
        if not found:
            problems.append(StatementProblem(name, "holds no statement"))
    return WorkloadRead(tuple(statements), tuple(problems))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _text_of(path: Path) -> str | StatementProblem:
    try:
        if not path.is_file():
            return StatementProblem("", "is no file")
        if path.stat().st_size > MAX_BYTES:
            return StatementProblem("", "is larger than 4 MiB")
        return path.read_text("utf-8-sig")
    except OSError as error:
        return StatementProblem("", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return StatementProblem("", "is not UTF-8")


def _split(text: str) -> list[tuple[int, str]] | str:
    """The statements with their lines, or why there are none: split where the scanner sees a semicolon, so that one with a mistake
    leaves the others alone."""
    if "\0" in text:
        return "holds a NUL character"
    try:
        tokens = postgast.scan(text).tokens
    except (postgast.PgQueryError, UnicodeError) as error:
        return f"is not SQL: {error}"
    data = text.encode()
    ends = [(token.start, token.end) for token in tokens if token.token == _SEMICOLON]
    return list(_pieces(data, [*ends, (len(data), len(data))]))


def _pieces(data: bytes, ends: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    begin = 0
    for stop, following in ends:
        piece = data[begin:stop].decode()
        text = piece.strip()
        if _COMMENTS.sub("", text).strip():
            first = begin + len(piece[: len(piece) - len(piece.lstrip())].encode())
            yield data[:first].count(b"\n") + 1, text
        begin = following


_COMMENTS = re.compile(r"--[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/")
