"""How fast the command line answers: ``--help``, and the audit of a saved 40-table snapshot.

    python benchmarks/startup.py [--runs 15]

Prints the median wall seconds of whole processes, and the ratio to a Python process that does nothing, measured in the same run
interleaved: the ratio is what can be compared between machines. Bytecode is compiled first, as an installer does.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from large_database import build

import dbwright
from dbwright import snapshots
from dbwright.collect.postgres import collect
from dbwright.embedded import EmbeddedServer
from dbwright.postgres import connect, parse_address


def save_snapshot(path: Path) -> None:
    with EmbeddedServer.start() as server:
        conninfo = server.create_database("forty")
        build(conninfo, 40, 5)
        parameters = parse_address(conninfo)
        with connect(parameters) as connection:
            snapshots.write_private(path, snapshots.encode(collect(connection, parameters)))


def seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    compileall.compile_dir(str(Path(dbwright.__file__).parent), quiet=2)
    with tempfile.TemporaryDirectory() as folder:
        snapshot = Path(folder, "forty.json")
        save_snapshot(snapshot)
        environment = dict(os.environ) | {"DBWRIGHT_STORE": str(Path(folder, "store.sqlite3"))}
        script = str(Path(sys.executable).with_name("dbwright"))
        commands = {
            "nothing": [sys.executable, "-c", "pass"],
            "--help": [script, "--help"],
            "audit of a saved 40-table snapshot": [script, "audit", folder, "--snapshot", str(snapshot)],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(seconds(command, environment))
    base = statistics.median(times["nothing"])
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:<36} {median:.3f} s (lowest {min(measured):.3f} s), {median / base:.1f} times an empty process")


if __name__ == "__main__":
    main()
