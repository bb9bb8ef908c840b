"""``dbwright fix`` on the specimens: the findings of the code that have a change go, and Django itself finds nothing left to migrate."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli import dbwright

SPECIMENS = Path(__file__).parent.parent.parent / "specimens"


@pytest.mark.parametrize(
    ("name", "written"), [("boltpromo", 1), ("chapters", 10), ("daylog", 2), ("wellbeing", 3)], ids=lambda one: str(one)
)
def test_models_and_migrations_agree(name: str, written: int, tmp_path: Path) -> None:
    root = tmp_path / name
    shutil.copytree(SPECIMENS / name, root)
    (root / "home").mkdir()
    done = dbwright("fix", "--no-db", "--severity", "info", "--yes", folder=root)
    assert done.code == 0, done.err
    assert done.err.count("Written: ") >= written
    assert "gone" in done.err
    environment = {**os.environ, "SQLITE_PATH": str(tmp_path / "empty.sqlite3")}
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run"],
        cwd=root / "backend",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.strip() == "No changes detected", told.stdout + told.stderr
