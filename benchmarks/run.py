"""The benchmarks, one after the other: all, or the parts that are named.

    make bench                                   # all that needs nothing but this machine: startup, large_database
    make bench PARTS="phantom advisor" SERVER="host=127.0.0.1 port=5541 user=postgres" QUERIES=queries

``phantom`` and ``advisor`` want the databases tpch1 and tpcds1 and the folders of queries that `advisor/README.md` tells how to make.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
BUDGETS = {"tpch": ("149", "202", "301", "816", "2136"), "tpcds": ("64", "124", "192", "332", "868")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["startup", "large_database"])
    parser.add_argument("--server", help="libpq string of the server of tpch1 and tpcds1")
    parser.add_argument("--queries", type=Path, help="the folder with the folders tpch and tpcds")
    parser.add_argument("--judge", type=Path, help="evaluate.py, to build the sets and the rivals' beside them")
    arguments = parser.parse_args()
    for part in arguments.parts:
        print(f"== {part}", flush=True)
        if part in ("phantom", "advisor") and not (arguments.server and arguments.queries):
            sys.exit(f"{part} needs --server and --queries: see {HERE / 'advisor' / 'README.md'}")
        if part == "phantom":
            phantom(arguments)
        elif part == "advisor":
            advisor(arguments)
        else:
            run(f"{part}.py")


def run(script: str, *arguments: object) -> None:
    subprocess.run([sys.executable, str(HERE / script), *map(str, arguments)], check=True)


def phantom(arguments: argparse.Namespace) -> None:
    for name in BUDGETS:
        of = ("--database", f"{arguments.server} dbname={name}1", "--queries", arguments.queries / name)
        run("phantom.py", *of)
        run("phantom.py", *of, "--indexes", HERE / f"phantom_indexes_{name}.sql")


def advisor(arguments: argparse.Namespace) -> None:
    """Our sets at the recorded sizes, and when the judge is at hand what they cost once built."""
    with tempfile.TemporaryDirectory(prefix="dbwright-bench-") as folder:
        for name, budgets in BUDGETS.items():
            database, queries = f"{arguments.server} dbname={name}1", arguments.queries / name
            snapshot, sets = Path(folder) / f"{name}.json", Path(folder) / name
            words = ["snapshot", folder, "--db", database, "-o", str(snapshot)]
            subprocess.run([sys.executable, "-m", "dbwright", *words], check=True)
            run(
                "advisor/frontier.py", "--snapshot", snapshot, "--queries", queries, "--output", sets,
                "--budgets", *budgets,
            )  # fmt: skip
            if arguments.judge:
                files = sorted(map(str, sets.glob("*.sql")))
                words = [
                    str(arguments.judge),
                    "--dsn",
                    database,
                    "--queries",
                    str(queries),
                    "--indexes",
                    *files,
                    "--built",
                ]
                options = os.environ | {"PGOPTIONS": "-c hypopg.use_real_oids=on"}
                subprocess.run([sys.executable, *words], check=True, env=options)


if __name__ == "__main__":
    main()
