"""Reading that is shared out among processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dbwright.source import forked, kept, read, reader

pytestmark = pytest.mark.skipif(not forked.CAN_FORK, reason="processes are not copied on this system")
SPECIMENS = Path(__file__).parents[2] / "specimens"


def killed() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def refused() -> bytes:
    raise ValueError("no such thing")


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: begun.append(number := fork()) or number)
    large = b"x" * 3_000_000  # more than a pipe holds
    found = forked.results([lambda: large, refused, lambda: b"", killed, lambda: b"last"], processes)
    assert [one if isinstance(one, bytes) else str(one) for one in found] == [
        large,
        "ValueError: no such thing",
        b"",
        "its process was ended by signal 9",
        b"last",
    ]
    assert len(begun) == 5
    for number in begun:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_what_a_task_changes_stays_with_it() -> None:
    seen: list[int] = []
    assert forked.results([lambda: bytes(seen.append(1) or len(seen)) for _ in range(2)], 2) == [b"\0", b"\0"]
    assert seen == []


@pytest.mark.parametrize("name", ["boltpromo", "daylog"])
def test_groups_find_what_one_finds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(SPECIMENS / name)
    monkeypatch.setattr(reader, "LINES_OF_A_GROUP", 300)
    shared = read(SPECIMENS / name)
    assert shared.tables == whole.tables
    assert set(shared.facts) == set(whole.facts)
    assert shared.migrations == whole.migrations
    assert {(q.issued, q.table) for q in shared.queries if q.sql} >= {
        (q.issued, q.table) for q in whole.queries if q.sql
    }
    assert read(SPECIMENS / name) == shared


def test_a_group_that_ends_early_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LINES_OF_A_GROUP", 300)
    monkeypatch.setattr(reader.Reading, "_walked", lambda *_: killed())
    found = read(SPECIMENS / "boltpromo")
    assert found.tables
    assert found.facts
    assert not found.queries
    lost = [problem for problem in found.problems if "signal 9" in problem.reason]
    assert len(lost) > 1
    assert all(problem.file == "" and ".py" in problem.reason for problem in lost)


def test_a_source_comes_back_as_it_was() -> None:
    source = read(SPECIMENS / "boltpromo")
    assert kept.decode(kept.encode(source)) == source
    for broken in (b"", kept.encode(source)[:-1], b"\x80"):
        with pytest.raises(ValueError):  # noqa: PT011  whatever msgspec says of it
            kept.decode(broken)
