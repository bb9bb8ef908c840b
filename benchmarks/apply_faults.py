"""How often a run of `dbwright apply` converges when something is killed at a random point of it.

    PYTHONPATH=src python benchmarks/apply_faults.py --number 200 --seed 1 --output faults.json

Each trial is a fresh copy of a database with one change of every kind that the rules make (``tests/apply/zoo.py``); what is killed, and
how it is judged, stands in ``tests/apply/faults.py``. Prints n, how many converged to done or undone after one restart, and what was left.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "apply")]

import faults  # noqa: E402
import zoo  # noqa: E402

from servers import available_majors, start  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=10, help="changes of a run, about")
    parser.add_argument("--major", type=int, default=available_majors()[-1])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found = []
    began = time.monotonic()
    with start(options.major, **faults.DURABLE) as server, tempfile.TemporaryDirectory() as folder:
        ground = faults.Ground(server, Path(folder), options.rows, faults.groups_of(list(zoo.CHANGES), options.changes))
        ground.prepare()
        print(f"PostgreSQL {server.version}, {options.rows:,} rows; undisturbed runs:", flush=True)
        for group in ground.groups:
            print(f"{len(group.names)} changes in {group.seconds:.1f} s: {', '.join(group.names)}", flush=True)
        for trial in faults.trials(ground, options.seed, options.number):
            found.append(trial)
            mark = "PROBLEM" if trial.problems else "ok"
            print(
                f"{trial.seed} {trial.kind}, {trial.way}, at {trial.after} s ({trial.during}): {trial.ended}: {mark}",
                flush=True,
            )
            for problem in trial.problems:
                print(f"    {problem}", flush=True)
            if options.output:
                options.output.write_text(json.dumps([dataclasses.asdict(t) for t in found], indent=1))
    good = [trial for trial in found if not trial.problems]
    by_kind = Counter((trial.kind, not trial.problems) for trial in found)
    for kind in faults.KINDS:
        print(f"{kind}: {by_kind[kind, True]} of {by_kind[kind, True] + by_kind[kind, False]}")
    bound = f", so at most {3 / len(found):.1%} fail (95 %)" if len(good) == len(found) else ""
    print(f"n {len(found)}, converged {len(good)}{bound}; seeds {options.seed} to {options.seed + options.number - 1}; "
          f"{time.monotonic() - began:.0f} s")  # fmt: skip
    return 0 if len(good) == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
