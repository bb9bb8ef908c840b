"""How fast a project's source is read and judged, and how much memory that takes.

    python benchmarks/source_speed.py FOLDER [--runs 3]

Cold and warm are whole processes of ``dbwright audit FOLDER --no-db`` with an empty cache and with what the first left in it; the lowest of
the runs counts. The parts of the cold run are measured in one process of their own. CPU seconds are of the process with its children;
on a machine that does other work as well they say more than the wall clock.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import dbwright
from dbwright.source.files import find_files

Result = TypeVar("Result")


def parts(root: Path) -> dict[str, Any]:
    """Lines, and CPU and wall seconds of each part of a cold reading in this process."""
    from dbwright import audit
    from dbwright.acquire import Request, acquire
    from dbwright.source import cache, facts
    from dbwright.source.reader import Reading, on_deep_stack, unlike
    from dbwright.source.walk import Walker

    seconds: dict[str, tuple[float, float]] = {}

    def timed(name: str, work: Callable[[], Result]) -> Result:
        cpu, wall = time.process_time(), time.perf_counter()
        result = on_deep_stack(work)
        seconds[name] = (time.process_time() - cpu, time.perf_counter() - wall)
        return result

    texts = [file.path.read_bytes() for file in find_files(root) if file.role != "tests"]
    timed("parsing alone", lambda: [parsed(text) for text in texts])
    reading = timed("files, frameworks' imports, parsing", lambda: Reading(root))
    tables = timed("models", lambda: tuple(reading.tables()))
    schema = {table.name: [column.name for column in table.columns] for table in tables}
    queries = timed(
        "walking", lambda: list(unlike(reading.queries(Walker(reading.interpreter), reading.code(), schema)))
    )
    timed("migrations", lambda: reading.migrations(tables))
    found = timed("facts", lambda: list(facts.read(reading.codebase)))
    source = timed("all of it again, kept", lambda: cache.read_project(root, os.environ))
    snapshot = timed("snapshot of what is kept", lambda: acquire(Request(root, use_database=False), os.environ))
    report = timed("rules", lambda: audit.audit(snapshot))
    return {
        "seconds": seconds,
        "lines": sum(text.count(b"\n") for text in texts),
        "all_lines": sum(file.path.read_bytes().count(b"\n") for file in find_files(root)),
        "tables": len(tables),
        "queries": len(queries),
        "facts": len(found),
        "cut": sum("walked" in problem.reason for problem in source.problems),
        "findings": len(report.findings),
    }


def parsed(text: bytes) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def audited(root: Path, folder: Path) -> tuple[float, float, float]:
    """CPU and wall seconds and the most memory (MiB) of an audit in a process of its own."""
    script = str(Path(sys.executable).with_name("dbwright"))
    environment = os.environ | {
        "DBWRIGHT_CACHE": str(folder / "cache"),
        "DBWRIGHT_STORE": str(folder / "store.sqlite3"),
    }
    command = [script, "audit", str(root), "--no-db", "--format", "json", "--output", str(folder / "report.json")]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the audit ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--parts", action="store_true", help="print the parts of this process as JSON and end")
    given = parser.parse_args()
    root = given.folder.resolve()
    compileall.compile_dir(str(Path(dbwright.__file__).parent), quiet=2)  # as an installer does
    if given.parts:
        print(json.dumps(parts(root) | {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold = audited(root, folder)
        warm = min(audited(root, folder) for _ in range(given.runs))
        environment = os.environ | {"DBWRIGHT_CACHE": str(folder / "parts")}
        command = [sys.executable, "-W", "ignore", __file__, str(root), "--parts"]
        told = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    lines = told["lines"]
    print(
        f"{lines:,} lines of Python without tests ({told['all_lines']:,} with them), {told['tables']} tables, ", end=""
    )
    print(f"{told['queries']:,} queries, {told['findings']} findings, {told['cut']} functions not walked to their end")
    for name, (cpu, wall) in told["seconds"].items():
        print(f"  {name:<36} {cpu:7.2f} s CPU {wall:7.2f} s wall {lines / max(cpu, 0.001):12,.0f} lines/s")
    for name, (cpu, wall, mib) in (("cold", cold), ("warm", warm)):
        print(f"  audit, {name:<29} {cpu:7.2f} s CPU {wall:7.2f} s wall {mib:9,.0f} MiB")


if __name__ == "__main__":
    main()
