"""A database of our own for each test, a run on it in this process, and sessions that are in its way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbwright.apply import engine, plan
from dbwright.apply.engine import Door, Entry
from dbwright.apply.plan import Plan
from dbwright.apply.session import Session
from dbwright.model import change as c
from dbwright.options import Patience
from dbwright.postgres import parse_address


@dataclass
class Rehearsal:
    """A run whose journal is a dictionary, and what it told."""

    conninfo: str
    session: Session
    door: Door
    told: list[str]
    entries: dict[str, Entry] = field(default_factory=dict)

    def part(self, *operations: c.Operation, title: str = "a change") -> plan.Part:
        return plan.part_of_change(c.Change(operations), title, self.session.major)

    def carry_out(self, *parts: plan.Part) -> list[Entry]:
        return engine.carry_out(Plan("r", "apply", "d", parts), self.door, self.record)

    def take_back(self, *parts: plan.Part) -> list[Entry]:
        undo = plan.undoing(Plan("r", "apply", "d", parts), self.entries, "u")
        self.entries = {}
        return engine.carry_out(undo, self.door, self.record)

    def record(self, name: str, function: Callable[[], Entry]) -> Entry:
        if name not in self.entries:
            self.entries[name] = function()
        return self.entries[name]

    def refused(self, *parts: plan.Part) -> list[str]:
        return [f"{problem}: {way}" for _, problem, way in engine.refusals(parts, self.session)]

    def ask(self, query: str) -> Any:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else None


@pytest.fixture
def rehearsal(database: str) -> Iterator[Rehearsal]:
    told: list[str] = []
    session = Session(parse_address(database), "test", told.append)
    yield Rehearsal(database, session, Door(session, told.append, patience=Patience(total=20)), told)
    session.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "store.sqlite3"
    monkeypatch.setenv("DBWRIGHT_STORE", str(path))
    return path
