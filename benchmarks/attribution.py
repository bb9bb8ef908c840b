"""How much of a specimen's database time is led back to lines: the application runs on a private server, pg_stat_statements counts.

.venv/bin/python benchmarks/attribution.py [--scale 0.1] [--requests 200] [--verbose]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dbwright.acquire import Request, acquire
from dbwright.embedded import EmbeddedServer
from dbwright.source import read
from dbwright.source.attribution import attribute

ROOT = Path(__file__).parent.parent / "specimens" / "boltpromo"
SETTINGS = {"DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "dbname", "DB_USER": "user", "PGPASSFILE": "passfile"}


def manage(address: str, *arguments: str) -> None:
    parts = conninfo_to_dict(address)
    ours = {name: str(parts[part]) for name, part in SETTINGS.items() if parts.get(part) is not None}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DB_", "PG"))}
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT / "backend", env=environment | ours, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="0.1")
    parser.add_argument("--requests", default="200")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with EmbeddedServer.start(settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        address = server.create_database("boltpromo")
        manage(address, "migrate", "--verbosity", "0")
        manage(address, "load_specimen", "--scale", options.scale)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("SELECT pg_stat_statements_reset()")
        manage(address, "run_workload", "--requests", options.requests, "--seed", "1")
        workload = acquire(Request(ROOT, (address,)), os.environ).workload
    source = read(ROOT)
    began = time.perf_counter()
    result = attribute(workload, source)
    seconds = time.perf_counter() - began
    texts = {row.query_id: " ".join(row.query.split()) for row in workload.statements}
    print(
        f"{len(result.statements)} statements, {len(source.queries)} queries read, {result.milliseconds / 1000:.2f} s of database time: "
        f"{result.share or 0:.1%} led back to lines, in {seconds:.2f} s"
    )
    for origin in result.statements if options.verbose else result.statements[:12]:
        where = ", ".join(map(str, origin.issued[:3])) or origin.reason
        print(
            f"{origin.milliseconds / result.milliseconds:6.1%} {origin.match or '-':12} {where:60} {texts[origin.query_id][:120]}"
        )


if __name__ == "__main__":
    main()
