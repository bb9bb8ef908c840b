"""The changes of every rule's BAD samples, carried out and taken back.

    PYTHONPATH=src python benchmarks/apply_samples.py --major 18

Each sample is a database of its own. Printed: what was refused, could not be done, was still found afterwards, or left a trace when it was
taken back; then how many samples there were.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "apply"), str(TESTS / "rules")]

import samples  # noqa: E402

from servers import available_majors, start  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--major", type=int, default=available_majors()[-1])
    options = parser.parse_args()
    number = failed = 0
    with start(options.major) as server:
        for rule, position, sample in samples.all_samples(server.major):
            number += 1
            problems = samples.carry_out_and_back(server, rule, sample, f"sample_{number}")
            if problems:
                failed += 1
                print(f"{rule.id}, sample {position}", *problems, sep="\n    ", flush=True)
    print(f"PostgreSQL {options.major}: {number} samples, {failed} with a problem")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
