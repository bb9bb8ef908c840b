"""What an application that writes all the time notices of `dbwright apply`.

    PYTHONPATH=src python benchmarks/apply_under_load.py --rows 5000000 --seconds 60 --output load.json

A table of so many rows, writers that insert and update at a steady rate. Their latency is measured while nothing else goes on, then
from the beginning to the end of a run that builds indexes, fills rows in batches, makes them required, adds a checked foreign key and a
range, drops an index and sets a default, and once more while nothing goes on. Printed: percentiles and the longest of each, and for how
long anybody stood behind a lock of ours (sampled ten times a second).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/apply")]

from dbwright.apply import plan as plans  # noqa: E402
from dbwright.model import change as c  # noqa: E402
from servers import available_majors, start  # noqa: E402

DDL = """
CREATE TABLE account (id int PRIMARY KEY, name text);
CREATE TABLE event (id bigserial PRIMARY KEY, account_id int, kind text, amount int, payload text, created timestamptz DEFAULT now());
CREATE INDEX event_kind ON event (kind);
INSERT INTO account SELECT i, 'account ' || i FROM generate_series(1, 10000) i;
INSERT INTO event (account_id, kind, amount, payload)
  SELECT 1 + i % 10000, 'kind ' || i % 20, nullif(i % 10, 3), repeat(md5(i::text), 3) FROM generate_series(1, {rows}) i
"""
PARTS = {
    "an index": (c.CreateIndex("public", "event", "event_account", (c.IndexKey("account_id"), c.IndexKey("created"))),),
    "a partial index": (c.CreateIndex("public", "event", "event_large", (c.IndexKey("amount"),), predicate="amount > 7"),),
    "rows filled, then required": (
        c.Backfill("public", "event", "id", "amount = 3", "amount IS NULL", "amount = NULL", "amount = 3"),
        c.SetNotNull("public", "event", "amount"),
    ),
    "a foreign key": (
        c.AddConstraint("public", "event", "event_account_fk", "FOREIGN KEY (account_id) REFERENCES public.account(id)", validate=True),
    ),
    "a range": (c.AddRangeCheck("public", "event", "event_amount", "amount", 0, 1000),),
    "a default": (c.SetDefault("public", "event", "kind", None, "'none'"),),
    "an index dropped": (c.DropIndex("public", "event_kind", "CREATE INDEX event_kind ON public.event USING btree (kind)"),),
}  # fmt: skip


class Writers:
    """Threads that write at a steady rate and keep how long each statement took, with when it began."""

    def __init__(self, conninfo: str, rows: int, threads: int, rate: float) -> None:
        self.conninfo, self.rows, self.rate = conninfo, rows, rate
        self.samples: list[tuple[float, float]] = []
        self.errors: list[str] = []
        self.written = 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(n,)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def write(self, number: int) -> None:
        chance = random.Random(number)
        with psycopg.connect(self.conninfo, autocommit=True, application_name="writer") as connection:
            due = time.monotonic()
            while not self.over.is_set():
                due += chance.expovariate(self.rate)
                time.sleep(max(0.0, due - time.monotonic()))
                began = time.monotonic()
                try:
                    if chance.random() < 0.5:
                        connection.execute(
                            "INSERT INTO event (account_id, kind, amount, payload) VALUES (%s, 'new', 5, 'x')",
                            (chance.randint(1, 10000),),
                        )
                        self.written += 1
                    else:
                        connection.execute(
                            "UPDATE event SET payload = 'y' WHERE id = %s", (chance.randint(1, self.rows),)
                        )
                except psycopg.Error as error:
                    self.errors.append(str(error))
                self.samples.append((began, time.monotonic() - began))
                due = max(due, time.monotonic() - 1.0)

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


class Watch:
    """Samples who stands behind a lock of our session, and since when."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.longest = 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self) -> None:
        since: dict[int, float] = {}
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            while not self.over.is_set():
                now = time.monotonic()
                blocked = connection.execute(
                    "SELECT w.pid FROM pg_stat_activity w JOIN pg_stat_activity o ON o.pid = ANY (pg_blocking_pids(w.pid)) "
                    "WHERE w.application_name = 'writer' AND w.wait_event_type = 'Lock' AND o.application_name LIKE 'dbwright apply%'"
                ).fetchall()
                since = {pid: since.get(pid, now) for (pid,) in blocked}
                self.longest = max([self.longest, *(now - began for began in since.values())])
                time.sleep(0.1)

    def stop(self) -> None:
        self.over.set()
        self.thread.join()


def percentiles(samples: list[tuple[float, float]], begin: float, end: float) -> dict[str, float]:
    found = sorted(latency for began, latency in samples if begin <= began < end)
    return {
        "n": len(found),
        "p50": round(1000 * found[len(found) // 2], 2),
        "p99": round(1000 * found[len(found) * 99 // 100], 2),
        "p999": round(1000 * found[len(found) * 999 // 1000], 2),
        "max": round(1000 * found[-1], 2),
        "seconds": round(end - begin, 1),
    }


def measure(conninfo: str, folder: Path, options: argparse.Namespace, major: int) -> dict[str, object]:
    writers = Writers(conninfo, options.rows, options.threads, options.rate)
    time.sleep(5)
    first = time.monotonic()
    time.sleep(options.seconds)
    planned = plans.Plan(
        "load", "apply", "load", tuple(plans.part_of_change(c.Change(o), name, major) for name, o in PARTS.items())
    )
    (folder / "plan.json").write_text(plans.encode(planned))
    watch = Watch(conninfo)
    begun = time.monotonic()
    runner = [sys.executable, str(ROOT / "tests/apply/runner.py"), str(folder / "plan.json"), conninfo]
    done = subprocess.run(
        runner,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DBWRIGHT_STORE": str(folder / "store.sqlite3")},
    )
    ended = time.monotonic()
    watch.stop()
    print(done.stdout + done.stderr, flush=True)
    time.sleep(options.seconds)
    last = time.monotonic()
    writers.stop()
    with psycopg.connect(conninfo) as connection:
        (count,) = connection.execute("SELECT count(*) FROM event").fetchone() or (0,)
    return {
        "ended": done.stdout.strip().splitlines()[-1],
        "before": percentiles(writers.samples, first, begun),
        "during": percentiles(writers.samples, begun, ended),
        "after": percentiles(writers.samples, ended, last),
        "longest_behind_our_lock_seconds": round(watch.longest, 2),
        "errors_of_writers": writers.errors,
        "rows_lost": options.rows + writers.written - count,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=25, help="writes a second, of each thread")
    parser.add_argument("--major", type=int, default=available_majors()[-1])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    settings = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
    }
    with start(options.major, **settings) as server, tempfile.TemporaryDirectory() as folder:
        conninfo = server.create_database("load")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for statement in DDL.format(rows=options.rows).split(";\n"):
                connection.execute(statement.encode())
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
            (size,) = connection.execute("SELECT pg_size_pretty(pg_total_relation_size('event'))").fetchone() or ("",)
        found = measure(conninfo, Path(folder), options, server.major)
    print(
        f"PostgreSQL {server.version}, {options.rows:,} rows ({size}), {options.threads} writers at {options.rate}/s each"
    )
    for phase in ("before", "during", "after"):
        print(phase, found[phase])
    print({name: value for name, value in found.items() if name not in ("before", "during", "after")})
    if options.output:
        options.output.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
