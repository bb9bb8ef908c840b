"""What ``dbwright.capture`` wrote down of a running application: statements with calls, lines and parameters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from dbwright.model.workload import StatementProblem, WorkloadRead, WorkloadStatement
from dbwright.workload.logs import TYPICAL

FORMAT = 1


class CapturedCalls(msgspec.Struct):
    """A statement of a capture. ``places``: file, line, function, calls; ``values``: parameters, calls; ``tests`` sent it."""

    sql: str
    calls: int
    milliseconds: float | None = None
    places: list[tuple[str, int, str, int]] = []
    values: list[tuple[list[str | None], int]] = []
    tests: list[str] = []


class _Head(msgspec.Struct):
    dbwright_capture: int
    untranslated: dict[str, int] = {}


def read_captured(paths: Iterable[Path]) -> WorkloadRead:
    """The statements of captures, those with most calls first. Time counts where it was measured on PostgreSQL. A statement keeps the
    parameters that most of its calls had. Files that are no capture, and what the frameworks could not write as PostgreSQL's SQL, are
    problems."""
    merged, problems = read_calls(paths)
    statements = sorted(map(_statement, merged), key=lambda s: (-s.calls, s.sql))
    return WorkloadRead(tuple(statements), problems)


def read_calls(paths: Iterable[Path]) -> tuple[tuple[CapturedCalls, ...], tuple[StatementProblem, ...]]:
    """The statements of all files, each once, and what could not be used."""
    merged: dict[str, CapturedCalls] = {}
    problems: list[StatementProblem] = []
    for path in paths:
        try:
            lines = path.read_bytes().splitlines()
            head = msgspec.json.decode(lines[0] if lines else b"", type=_Head)
            read = [msgspec.json.decode(line, type=CapturedCalls) for line in lines[1:]]
        except OSError as error:
            problems.append(StatementProblem(path.name, f"cannot be read: {error.strerror}"))
            continue
        except msgspec.DecodeError:
            problems.append(StatementProblem(path.name, "is no file that dbwright.capture wrote"))
            continue
        if head.dbwright_capture != FORMAT:
            problems.append(StatementProblem(path.name, f"has capture format {head.dbwright_capture}, not {FORMAT}"))
            continue
        problems += [
            StatementProblem(path.name, f"{count:,} statements could not be written as PostgreSQL's: {reason}")
            for reason, count in sorted(head.untranslated.items())
        ]
        for line in read:
            merged[line.sql] = _together(merged[line.sql], line) if line.sql in merged else line
    return tuple(merged.values()), tuple(problems)


def _together(one: CapturedCalls, other: CapturedCalls) -> CapturedCalls:
    timed = one.milliseconds is not None and other.milliseconds is not None
    milliseconds = (one.milliseconds or 0.0) + (other.milliseconds or 0.0) if timed else None
    places, values = one.places + other.places, one.values + other.values
    tests = list(dict.fromkeys(one.tests + other.tests))
    return CapturedCalls(one.sql, one.calls + other.calls, milliseconds, places, values, tests)


def _statement(line: CapturedCalls) -> WorkloadStatement:
    places: Counter[str] = Counter()
    for file, number, _, count in line.places:
        places[f"{file}:{number}"] += count
    values: Counter[tuple[str | None, ...]] = Counter()
    for given, count in line.values:
        values[tuple(given)] += count
    typical: dict[int, Any] = {}
    if values:
        known, count = min(values.items(), key=lambda item: (-item[1], json.dumps(item[0])))
        if count >= line.calls * TYPICAL:
            typical = dict(enumerate(known, 1))
    origin = min(places.items(), key=lambda item: (-item[1], item[0]))[0] if places else "captured"
    mean = line.milliseconds / line.calls if line.milliseconds is not None and line.calls else None
    return WorkloadStatement(line.sql, float(line.calls), mean, origin, typical)
