"""A few of the kills that `benchmarks/apply_faults.py` makes hundreds of."""

import faults
import pytest

from servers import available_majors, start

NAMES = [
    "an index",
    "an index dropped",
    "an index built anew",
    "rows filled, then required",
    "a unique key",
    "what deletes do",
    "a wider type",
    "a parameter of a table",
    "a row that must come once",
]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    with start(available_majors()[-1], **faults.DURABLE) as server:
        made = faults.Ground(server, tmp_path_factory.mktemp("faults"), 20_000, [faults.Group(NAMES)])
        made.prepare()
        yield made


@pytest.mark.parametrize("number", range(2 * len(faults.KINDS)))
def test_a_run_converges_after_one_restart(ground, number):
    trial = ground.trial(20261201 + number, faults.KINDS[number % len(faults.KINDS)], ground.groups[0])
    assert trial.problems == [], trial
