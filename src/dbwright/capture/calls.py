"""What was sent: each statement once, with its calls, its time, the lines that sent it and the parameters that it had."""

from __future__ import annotations

import json
import re
import sys
import sysconfig
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from dbwright.model.source_table import Place
from dbwright.snapshots import write_private
from dbwright.source.placeholders import NO_TEXT, as_text
from dbwright.source.sql import CannotTakeApart, take_apart
from dbwright.sqltext import SECRET_COLUMNS, mask_secrets
from dbwright.workload.captured import FORMAT

MOST_VALUES = 200
"""Different sets of parameters that are counted of one statement."""
LONGEST_VALUE = 200
"""Characters of a parameter; longer ones (documents, pictures) are not kept, and then none of that call."""
Values = tuple[str | None, ...]
_ROWS = re.compile(r"(?:\s|--[^\n]*+\n|/\*.*?\*/|\()*+(?:select|with|insert|update|delete|merge)\b", re.I | re.S)
_OUTSIDE = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_OURS = str(Path(__file__).resolve().parents[1]) + "/"


@dataclass
class Call:
    """A statement: PostgreSQL's SQL with ``$1``. ``milliseconds`` were measured where it ran; ``on_postgresql``: that was PostgreSQL."""

    sql: str
    on_postgresql: bool
    calls: int = 0
    milliseconds: float = 0.0
    places: Counter[Place] = field(default_factory=Counter)
    values: Counter[Values] = field(default_factory=Counter)
    tests: dict[str, None] = field(default_factory=dict)


class Calls:
    """The statements sent so far; threads may add at the same time. ``test`` names what is running, where somebody watches tests."""

    def __init__(self, root: Path) -> None:
        self.root = str(root.resolve()) + "/"
        self.began = time.time()
        self.test: str | None = None
        self.untranslated: Counter[str] = Counter()
        self._by_sql: dict[str, Call] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._by_sql.values()))

    def __len__(self) -> int:
        return len(self._by_sql)

    def add(self, sql: str, values: Sequence[Any], milliseconds: float, *, on_postgresql: bool) -> None:
        """One call of a statement that reads or writes rows; others do not count. Called from where it is sent, because the line is looked
        for on the stack."""
        if not _ROWS.match(sql):
            return
        place = self._place()
        kept = _kept(values)
        with self._lock:
            call = self._by_sql.get(sql)
            if call is None:
                call = self._by_sql[sql] = Call(sql, on_postgresql)
            call.calls += 1
            call.milliseconds += milliseconds
            if place is not None:
                call.places[place] += 1
            if kept is not None and (kept in call.values or len(call.values) < MOST_VALUES):
                call.values[kept] += 1
            if self.test is not None:
                call.tests[self.test] = None

    def cannot_translate(self, reason: str) -> None:
        """A statement was sent that could not be written as PostgreSQL's."""
        with self._lock:
            self.untranslated[reason] += 1

    def _place(self) -> Place | None:
        """The innermost line of the project on the stack."""
        for frame in _frames():
            file = frame.f_code.co_filename
            if not file.startswith(self.root) or file.startswith((*_OUTSIDE, _OURS)) or "/site-packages/" in file:
                continue
            name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
            function = name.rpartition("<locals>.")[2].replace(".<listcomp>", "").replace(".<genexpr>", "")
            return Place(file[len(self.root) :], frame.f_lineno, "" if function == "<module>" else function)
        return None

    def rows(self) -> list[dict[str, Any]]:
        """What was sent, in builtin types, as another process can take it over with `merge`."""
        return [_as_json(call) for call in self]

    def merge(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add what another process saw."""
        for row in rows:
            call = self._by_sql.setdefault(row["sql"], Call(row["sql"], row["milliseconds"] is not None))
            call.calls += row["calls"]
            call.milliseconds += row["milliseconds"] or 0.0
            for file, line, function, count in row["places"]:
                call.places[Place(file, line, function)] += count
            for values, count in row["values"]:
                call.values[tuple(values)] += count
            call.tests |= dict.fromkeys(row["tests"])

    def write(self, path: Path) -> None:
        """As JSON lines: one of the capture, then one for each statement."""
        head = {
            "dbwright_capture": FORMAT,
            "seconds": round(time.time() - self.began, 3),
            "untranslated": dict(self.untranslated),
        }
        lines = [json.dumps(head)]
        lines += [json.dumps(row) for row in self.rows()]
        write_private(path, ("\n".join(lines) + "\n").encode())


def _frames() -> Iterator[FrameType]:
    """From here outwards, and from a greenlet on to where it was switched to: SQLAlchemy's asyncio runs its statements in one."""
    frame: FrameType | None = sys._getframe(1)
    greenlet = sys.modules.get("greenlet")
    current = greenlet.getcurrent() if greenlet is not None else None
    while frame is not None:
        yield frame
        frame = frame.f_back
        if frame is None and current is not None:
            current = current.parent
            frame = current.gr_frame if current is not None else None


def _kept(values: Sequence[Any]) -> Values | None:
    """As text that PostgreSQL reads; None where one of them has no short text."""
    texts = []
    for value in values:
        text = as_text(value)
        if text is NO_TEXT or len(text or "") > LONGEST_VALUE:
            return None
        texts.append(text)
    return tuple(texts)


def _may_be_kept(sql: str) -> bool:
    """Whether the parameters of a statement may be written down: of a SELECT that compares nothing whose name tells of a secret. What is
    stored is not."""
    try:
        query = take_apart(sql)
    except CannotTakeApart:
        return False
    if query.verb != "select" or _SECRET_CALL.search(sql):
        return False
    # Columns that are only read tell nothing of the parameters.
    head, _, tail = re.split(r"(\bFROM\b)", sql + " FROM ", maxsplit=1, flags=re.I)
    return not _SECRET.search(tail) and not ("$" in head and _SECRET.search(head))


_SECRET = re.compile(SECRET_COLUMNS, re.I)
_SECRET_CALL = re.compile(r"\b(?:crypt|pgp_\w+|hmac|digest|encrypt\w*|decrypt\w*|set_config)\s*\(", re.I)


def _as_json(call: Call) -> dict[str, Any]:
    kept = call.values if _may_be_kept(call.sql) else Counter[Values]()
    return {
        "sql": mask_secrets(call.sql),
        "calls": call.calls,
        "milliseconds": round(call.milliseconds, 3) if call.on_postgresql else None,
        "places": [[place.file, place.line, place.function, count] for place, count in call.places.most_common(20)],
        "values": [[list(values), count] for values, count in kept.most_common(20)],
        "tests": list(call.tests)[:20],
    }
