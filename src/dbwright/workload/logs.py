"""PostgreSQL's own log as csv or JSON: statements with their duration (``log_min_duration_statement`` and friends) and ``auto_explain``.

Statements that differ in constants only are one, with as many calls as lines.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from dbwright.model.query_plan import Plan
from dbwright.model.statements import is_users
from dbwright.model.workload import StatementProblem, WorkloadRead, WorkloadStatement
from dbwright.sqltext import mask_secrets, normalize
from dbwright.workload.explained import plan_of, rows_of

LONGEST_FIELD = 8 * 1024 * 1024
"""Characters of one field of a csv log."""
TYPICAL = 0.5
"""Share of a statement's calls with the same constants from which these stand for all."""
MOST_TEXTS = 1000
"""Different constants that are counted of one statement; where there are more, none stand for all."""
_CSV_COLUMNS = (23, 24, 26)
"""Columns of a csv log: up to PostgreSQL 12, 13, and from 14."""
_DURATION = re.compile(
    r"\Aduration: (?P<ms>\d+(?:\.\d+)?) ms(?:\s+(?P<kind>statement|execute|plan|parse|bind)(?: [^:\n]{0,200})?:\s*(?P<text>.*))?\Z",
    re.S,
)
_STATEMENT = re.compile(r"\A(?:statement|execute(?: [^:\n]{0,200})?): (?P<text>.*)\Z", re.S)
_QUERY_TEXT = re.compile(r"\A\s*Query Text: (?P<text>.*?)(?=^\S[^\n]*\(cost=|^Query Parameters: |\Z)", re.S | re.M)
_PARAMETERS = re.compile(r"\A(?:Parameters|parameters): (?P<text>.*)\Z", re.S)
_PARAMETER = re.compile(r"\$(?P<number>\d+) = (?:'(?P<text>(?:[^']++|'')*+)'|NULL)(?:, )?")


@dataclass(frozen=True, slots=True)
class _Line:
    """What counts of a line of the log."""

    message: str
    detail: str
    session: str
    database: str


@dataclass(slots=True)
class _Calls:
    texts: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[tuple[int, str | None], ...]] = field(default_factory=Counter)
    milliseconds: float = 0.0
    count: int = 0
    origin: str = ""
    rows: list[float] = field(default_factory=list)
    executed: tuple[float, Plan] | None = None
    """The plan of the longest call that was logged with one, and its milliseconds."""

    def explained(self, plan: Plan, milliseconds: float) -> None:
        rows = rows_of(plan)
        if rows is None:
            return
        self.rows.append(rows)
        if self.executed is None or milliseconds > self.executed[0]:
            self.executed = milliseconds, plan

    def add(self, text: str, values: tuple[tuple[int, str | None], ...], milliseconds: float) -> None:
        self.count += 1
        self.milliseconds += milliseconds
        if text in self.texts or len(self.texts) < MOST_TEXTS:
            self.texts[text] += 1
        if values and (values in self.values or len(self.values) < MOST_TEXTS):
            self.values[values] += 1


def read_logs(paths: Iterable[Path], database: str | None = None) -> WorkloadRead:
    """The statements of logs, those that took the longest in total first; only those of ``database`` where it is given. A statement keeps
    its constants when most of its calls have the same; else they are parameters. Files that cannot be read, and lines that are of no
    such log, are problems. The origin is
    the file that told it first."""
    calls: defaultdict[str, _Calls] = defaultdict(_Calls)
    problems: list[StatementProblem] = []
    for path in paths:
        reading = _Reading(path.name, calls, database)
        try:
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                reading.read(file)
        except OSError as error:
            problems.append(StatementProblem(path.name, f"cannot be read: {error.strerror}"))
            continue
        if reading.strange:
            problems.append(StatementProblem(path.name, f"{reading.strange:,} lines are of no csv or JSON log"))
        elif not reading.timed:
            problems.append(
                StatementProblem(path.name, "no statement in it has a duration (log_min_duration_statement)")
            )
    statements = [_statement(normal, of) for normal, of in calls.items()]
    statements.sort(key=lambda s: (-s.calls * (s.mean_milliseconds or 0.0), s.sql))
    return WorkloadRead(tuple(statements), tuple(problems))


@dataclass
class _Reading:
    name: str
    calls: defaultdict[str, _Calls]
    database: str | None
    strange: int = 0
    timed: int = 0
    waiting: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The statement whose duration a session tells next, with its parameters."""

    def read(self, file: TextIO) -> None:
        for line in self.lines(file):
            if self.database is None or line.database == self.database:
                self.line(line)

    def lines(self, file: TextIO) -> Iterator[_Line]:
        start = file.read(1)
        file.seek(0)
        yield from self.json_lines(file) if start == "{" else self.csv_lines(file)

    def json_lines(self, file: TextIO) -> Iterator[_Line]:
        for text in file:
            try:
                row = json.loads(text)
            except (ValueError, RecursionError):
                self.strange += 1
                continue
            if not isinstance(row, dict):
                self.strange += 1
                continue
            parts = (row.get(name) for name in ("message", "detail", "session_id", "dbname"))
            yield _Line(*(part if isinstance(part, str) else "" for part in parts))

    def csv_lines(self, file: TextIO) -> Iterator[_Line]:
        before = csv.field_size_limit(LONGEST_FIELD)
        try:
            rows = csv.reader(line.replace("\0", "") for line in file)
            while True:
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except csv.Error:
                    self.strange += 1
                    continue
                if len(row) in _CSV_COLUMNS:
                    yield _Line(row[13], row[14], row[5], row[2])
                elif row:
                    self.strange += 1
        finally:
            csv.field_size_limit(before)

    def line(self, line: _Line) -> None:
        if found := _DURATION.match(line.message):
            text, kind = found["text"], found["kind"]
            if kind in ("parse", "bind"):
                return
            self.timed += 1
            plan = None
            if text is None:
                text, detail = self.waiting.pop(line.session, ("", ""))
            else:
                detail = line.detail
                if kind == "plan":
                    plan = plan_of(text)
                    text = _planned(text)
            if text:
                self.keep(text, detail, float(found["ms"]), plan)
        elif found := _STATEMENT.match(line.message):
            self.waiting[line.session] = (found["text"], line.detail)

    def keep(self, text: str, detail: str, milliseconds: float, plan: Plan | None) -> None:
        if not is_users(text):
            return
        text = text.strip().rstrip(";")
        of = self.calls[normalize(text)]
        of.origin = of.origin or self.name
        of.add(text, _values(detail), milliseconds)
        if plan is not None:
            of.explained(plan, milliseconds)


def _planned(text: str) -> str:
    """The statement of a plan that auto_explain wrote, as text or as JSON."""
    if text.lstrip().startswith("{"):
        try:
            told = json.loads(text).get("Query Text")
        except (ValueError, RecursionError):
            return ""
        return told if isinstance(told, str) else ""
    found = _QUERY_TEXT.match(text)
    return found["text"] if found else ""


def _values(detail: str) -> tuple[tuple[int, str | None], ...]:
    """The parameters that a line's detail tells; none when one of them is cut short."""
    found = _PARAMETERS.match(detail)
    if not found:
        return ()
    text, position = found["text"], 0
    values: list[tuple[int, str | None]] = []
    while position < len(text):
        value = _PARAMETER.match(text, position)
        if value is None:
            return ()
        values.append((int(value["number"]), None if value["text"] is None else value["text"].replace("''", "'")))
        position = value.end()
    return tuple(values)


def _statement(normal: str, of: _Calls) -> WorkloadStatement:
    text, often = of.texts.most_common(1)[0]
    if often < of.count * TYPICAL:
        text = normal
    values: dict[int, str | None] = {}
    if of.values:
        known, times = of.values.most_common(1)[0]
        if times >= of.count * TYPICAL:
            values = dict(known)
    return WorkloadStatement(
        mask_secrets(text),
        float(of.count),
        of.milliseconds / of.count,
        of.origin,
        values,
        mean_rows=sum(of.rows) / len(of.rows) if of.rows else None,
        executed=of.executed[1] if of.executed else None,
    )
