"""Changes of real rules, carried out and taken back on the databases of their samples: a share of the rules, told by their names."""

import itertools
import sys
from pathlib import Path
from zlib import crc32

import pytest

from servers import available_majors

sys.path.append(str(Path(__file__).parents[1] / "rules"))
import samples

MAJOR = available_majors()[-1]
_numbers = itertools.count()
CHOSEN = [
    pytest.param(rule, sample, id=f"{rule.id}-{number}")
    for rule, number, sample in samples.all_samples(MAJOR)
    if number == 0 and crc32(rule.id.encode()) % 12 == 0
]


@pytest.mark.parametrize(("rule", "sample"), CHOSEN)
def test_done_found_no_more_and_taken_back_without_a_trace(server, rule, sample):
    assert samples.carry_out_and_back(server, rule, sample, f"applied_{next(_numbers)}") == []


def test_enough_rules_are_looked_at():
    assert len(CHOSEN) >= 8
