"""Every rule's samples, on the newest server here (and, with ``DBWRIGHT_TEST_MAJOR``, on another)."""

import itertools
import os

import pytest
from proof import SampleDatabase, prove_found, prove_silent

from dbwright import rules
from dbwright.model.sample import Sample
from dbwright.rules import Rule
from servers import available_majors

_numbers = itertools.count()
MAJOR = int(os.environ.get("DBWRIGHT_TEST_MAJOR", available_majors()[-1]))


def cases(kind: str) -> list[object]:
    found = []
    for rule in rules.load_all():
        samples = [
            s for s in getattr(rule, kind) if s.engine == "postgresql" and s.minimum_major <= MAJOR and not s.source
        ]
        if rule.minimum_major <= MAJOR:
            found += [pytest.param(rule, sample, id=f"{rule.id}-{kind}-{n}") for n, sample in enumerate(samples)]
    return found


@pytest.fixture
def sample_database(servers, request):
    rule, sample = request.param
    server = servers(MAJOR)
    database = SampleDatabase(server, f"sample_{next(_numbers)}", sample)
    yield rule, database
    database.close()


def _indirect(kind: str):
    found = cases(kind)
    return pytest.mark.parametrize(
        "sample_database", [pytest.param(case.values, id=case.id) for case in found], indirect=True
    )


@_indirect("bad")
def test_found_then_fixed_then_back(sample_database: tuple[Rule, SampleDatabase]) -> None:
    prove_found(*sample_database)


@_indirect("good")
def test_silent(sample_database: tuple[Rule, SampleDatabase]) -> None:
    prove_silent(*sample_database)


@pytest.mark.parametrize("rule", rules.load_all(), ids=lambda rule: rule.id)
def test_every_rule_shows_both_sides(rule: Rule) -> None:
    assert rule.needs, "a rule that needs nothing would speak of a database that was never reached"
    assert rule.bad, "a rule without a BAD sample proves nothing"
    assert len(rule.good) >= 2, "near misses are what keeps a rule quiet"
    assert all(isinstance(sample, Sample) for sample in (*rule.bad, *rule.good))
    if all(sample.source for sample in (*rule.bad, *rule.good)):
        return  # the code is the same whatever the engine
    for engine in rule.engines:
        assert {engine} <= {sample.engine for sample in rule.bad}, f"no BAD sample on {engine}"
        assert {engine} <= {sample.engine for sample in rule.good}, f"no GOOD sample on {engine}"
    assert {sample.engine for sample in (*rule.bad, *rule.good)} <= set(rule.engines), "a sample that is never run"
