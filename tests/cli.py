"""Running the command line as users do: a process of its own, its output and exit code."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def dbwright(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> Outcome:
    """Run dbwright in a folder with a clean environment: no database is named but those the test names."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "DATABASE", "DBWRIGHT", "DB_", "DJANGO"))}
    ours = kept | {"HOME": str(folder / "home"), "DBWRIGHT_STORE": f"{folder}/store.sqlite3"} | (environment or {})
    process = subprocess.run(
        [sys.executable, "-W", "error", "-m", "dbwright", *arguments],
        cwd=folder,
        env=ours,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Outcome(process.returncode, process.stdout, process.stderr)


def assert_one_clear_error(outcome: Outcome) -> None:
    """Exit code 2, nothing on standard output, a line that says what is wrong and one that says what to do."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 2, outcome.err
    assert lines[0].startswith("dbwright: ")
    assert lines[1].startswith("  ")
    assert lines[1].strip()
