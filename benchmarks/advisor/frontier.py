"""The adviser at the real sizes of the recorded frontier (`ADVISOR.md`): its sets are written as files that the judge reads.

    python benchmarks/advisor/frontier.py --snapshot tpch1.json --queries QUERIES/tpch --budgets 149 202 301 816 2136 --output results/tpch

Budgets are millions of bytes. With the rivals' sets as ``--consider`` the gap is over a choice
that holds every index of theirs. The judge builds the sets:

    evaluate.py --dsn dbname=tpch1 --queries QUERIES/tpch --indexes results/tpch/*.sql --built
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dbwright import snapshots
from dbwright.advise.advice import advise
from dbwright.advise.selection import Limits
from dbwright.advise.sizing import definition_of
from dbwright.fixes.sql import create_index
from dbwright.phantom import Phantom
from dbwright.workload.folder import read_folder

RIVALS = {
    149: "0.656 Dexter", 202: "0.616 Dexter", 301: "0.593 index_advisor", 816: "0.530 DB2Advis", 2136: "0.504 Relaxation",
    64: "0.707 Extend", 124: "0.608 Extend", 192: "0.584 Extend", 332: "0.544 Extend", 868: "0.544 Extend",
}  # fmt: skip
"""The best recorded relative cost at each size, built; TPC-H, then TPC-DS."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshot", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--budgets", type=int, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--consider", type=Path, nargs="*", default=(), help="files of rivals' CREATE INDEX lines")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    snapshot = snapshots.load(arguments.snapshot)
    workload = read_folder(arguments.queries).statements
    lines = dict.fromkeys(line for path in arguments.consider for line in path.read_text().splitlines() if line.strip())
    asked = [definition_of(snapshot, line) for line in lines]
    print("MB  relative  best rival (built)  gap     indexes  MB used  plans   seconds")
    for budget in arguments.budgets:
        with Phantom.of(snapshot) as phantom:
            advice = advise(phantom, workload, Limits(budget * 1_000_000), asked=asked)
        print(
            f"{budget:<4d}{advice.relative:.4f}   {RIVALS.get(budget, '-'):<20s}{advice.gap:.4%} {len(advice.indexes):>4d}"
            f" {advice.bytes / 1e6:>10.0f} {advice.looks:>8d} {advice.seconds:>8.1f}",
            flush=True,
        )
        text = "".join(create_index(row.index, online=False) + ";\n" for row in advice.indexes)
        (arguments.output / f"dbwright_{budget}.sql").write_text(text)


if __name__ == "__main__":
    main()
