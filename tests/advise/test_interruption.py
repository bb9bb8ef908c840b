"""Ctrl-C during dbwright advise: the best so far, marked, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbwright.advise.advice import advise
from dbwright.advise.selection import Limits
from dbwright.model.advice import Advice
from dbwright.model.workload import WorkloadStatement
from dbwright.options import interruptible
from dbwright.phantom import Phantom
from dbwright.report.advice import render
from dbwright.snapshots import encode

COLUMNS = ("product", "amount", "price", "shipped", "line")


def statements(count: int) -> list[WorkloadStatement]:
    return [
        WorkloadStatement(
            f"select {COLUMNS[n % 5]} from item join orders on id = order_id where {COLUMNS[n // 5 % 5]}::text = 'v{n}' and"
            f" customer_id = {n}",
            origin=f"q{n}",
        )
        for n in range(count)
    ]


def after(calls: int) -> Callable[[], bool]:
    left = [calls]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


def advised(shop: Any, stop: Callable[[], bool]) -> Advice:
    with Phantom.of(shop.snapshot) as phantom:
        return advise(phantom, statements(20), Limits(count=3), stop=stop)


def test_a_stop_while_statements_are_looked_at_gives_the_best_so_far_without_a_proof(shop: Any) -> None:
    found = advised(shop, after(60))
    assert found.interrupted
    assert 0 < len(found.effects) < 20
    assert found.gap is None
    assert len(found.indexes) >= 1
    assert any("interrupted before" in note for note in found.notes)
    told = json.loads(render(found, shop.snapshot, (), "15", "json"))
    assert told["interrupted"] is True
    assert told["certified_gap"] is None
    for format_ in ("text", "markdown", "html", "sql"):
        assert "interrupted" in render(found, shop.snapshot, (), "15", format_).lower()
        assert "not proven" in render(found, shop.snapshot, (), "15", format_)


def test_a_stop_after_all_were_looked_at_still_has_a_proof(shop: Any) -> None:
    whole = advised(shop, lambda: False)
    assert not whole.interrupted
    looked = [0]

    def stop() -> bool:
        looked[0] += 1
        return looked[0] > whole.looks + 60  # each look and each statement asks once

    found = advised(shop, stop)
    assert found.interrupted
    assert found.gap is not None
    assert len(found.effects) == 20


def test_a_stop_at_once_finds_nothing(shop: Any) -> None:
    assert advised(shop, lambda: True).effects == ()


def test_one_signal_asks_and_a_second_ends() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Open to the account that the server runs as, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_command_ends_with_130_and_leaves_nothing(shop: Any, temporary: Path, tmp_path: Path) -> None:
    """Interrupted while it plans, which takes minutes for so many statements: its databases are made by then."""
    queries = tmp_path / "sql"
    queries.mkdir()
    for number, statement in enumerate(statements(400)):
        (queries / f"q{number}.sql").write_text(statement.sql)
    (tmp_path / "shop.json").write_bytes(encode(shop.snapshot))
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dbwright",
            "advise",
            ".",
            "--snapshot",
            "shop.json",
            "--sql-dir",
            "sql",
            "--format",
            "json",
        ],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        deadline = time.monotonic() + 240
        databases = 3 + min(os.cpu_count() or 1, 4)  # the server's own, and one for each session
        while len(list(temporary.glob("*/data/base/[0-9]*"))) < databases and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(4)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err
    assert json.loads(out)["interrupted"] is True
    assert list(temporary.iterdir()) == []
