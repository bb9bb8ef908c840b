"""How near rows made from statistics come to the real ones: the same statements on both, their plans, blocks and rows.

python benchmarks/filler.py SNAPSHOT.json CAPTURED.jsonl "ADDRESS of the real database"
"""

from __future__ import annotations

import argparse
import time
from math import log
from pathlib import Path
from statistics import median

import psycopg

from dbwright import snapshots
from dbwright.prove import copies, filler
from dbwright.prove.draws import CannotDraw, draws_of
from dbwright.prove.running import Copy, RunFailed, is_write, why_not_runnable
from dbwright.workload.captured import read_calls, read_captured

DRAWS = 3
LONGEST = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("captured", type=Path)
    parser.add_argument("real")
    given = parser.parse_args()
    snapshot = snapshots.load(given.snapshot)
    called = {row.sql: row.values for row in read_calls([given.captured])[0]}
    needed = filler.estimate(snapshot, 1.0)
    with copies.own_server(snapshot.target.major, needed) as (server, password):
        address = copies.new_database(server, password, "before")
        began = time.perf_counter()
        for note in filler.fill(snapshot, 1.0, 1, server, address, lambda _step, _share: None):
            print("note:", note)
        print(f"filled in {time.perf_counter() - began:.0f} s")
        with psycopg.connect(server.conninfo("before"), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
        real, made = Copy(given.real, LONGEST), Copy(address, LONGEST)
        counts = {"statements": 0, "same plan": 0, "failed": 0}
        ratios: dict[str, list[float]] = {"blocks": [], "rows": []}
        for statement in read_captured([given.captured]).statements:
            if why_not_runnable(statement.sql) or is_write(statement.sql):
                continue
            try:
                drawn = draws_of(statement, called, snapshot, real.connection, DRAWS, 1)
            except CannotDraw:
                continue
            for text in drawn.texts:
                counts["statements"] += 1
                try:
                    counts["same plan"] += real.shape(text) == made.shape(text)
                    pair = [copy.explain(text) for copy in (real, made)]
                    rows = [copy.run(text).rows for copy in (real, made)]
                except RunFailed:
                    counts["failed"] += 1
                    continue
                ratios["blocks"].append((pair[1].buffers + 5) / (pair[0].buffers + 5))
                ratios["rows"].append((rows[1] + 5) / (rows[0] + 5))
        print(counts)
        for name, found in ratios.items():
            apart = [abs(log(ratio)) for ratio in found]
            print(
                f"{name}: within a factor of 2: {sum(a <= log(2) for a in apart)} of {len(apart)}; median ratio {median(found):.2f}"
            )


if __name__ == "__main__":
    main()
