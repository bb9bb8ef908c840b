"""The share of equal SQL among call sites drawn over all applications, from what ``queries --sites`` wrote of each.

    python -m benchmarks.reader.sample FILE … [--number 300] [--seed 11]

Drawn are lines of the applications that call the ORM themselves and have SQL; those left out are counted with the reason. Equal are sites
whose every recorded statement is one of the reader's; written columns do not count, as the select list does not.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.reader.queries import is_direct, percent

Row = dict[str, Any]
EQUAL = ("", "differs in written")


def sites(files: Iterable[Path]) -> dict[tuple[str, str, int], list[Row]]:
    found: defaultdict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[(row["app"], row["file"], row["line"])].append(row)
    return dict(sorted(found.items()))


def left_out(rows: list[Row]) -> str | None:
    """Why a site is not judged; None where it is."""
    if not any(is_direct(row["through"]) for row in rows):
        return "a library acts there"
    if rows[0].get("sql", True) and any(not row["reason"].startswith("no query at the line") for row in rows):
        return None
    missing = all(row["reason"].startswith("no query at the line") for row in rows)
    return "no query is known there" if missing else "the statement is not known"


def is_equal(rows: list[Row]) -> bool:
    return all(row["reason"] in EQUAL for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    everything = sites(given.files)
    judged = [(site, rows) for site, rows in everything.items() if left_out(rows) is None]
    for app in dict.fromkeys(site[0] for site in everything):
        own = [rows for site, rows in judged if site[0] == app]
        reasons = Counter(reason for site, rows in everything.items() if site[0] == app and (reason := left_out(rows)))
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        print(f"{app:<14} equal {percent(sum(map(is_equal, own)), len(own))} of {len(own)}; left out: {told}")
    every = [rows for _site, rows in judged]
    print(f"{'all':<14} equal {percent(sum(map(is_equal, every)), len(every))} of {len(every)}")
    drawn = random.Random(given.seed).sample(every, min(given.number, len(every)))
    print(
        f"{'sample':<14} equal {percent(sum(map(is_equal, drawn)), len(drawn))} of {len(drawn)}, drawn with seed {given.seed}"
    )


if __name__ == "__main__":
    main()
