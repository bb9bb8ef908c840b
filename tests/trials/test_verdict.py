"""What counts as proof that an edit is good."""

from dataclasses import replace

import pytest

from dbwright.trials.runs import Ran, Record
from dbwright.trials.verdict import Verdict, judge

BEFORE = Ran("test_a", "passed", 25, 60, frozenset((1,)), (("GET /", "200 a 1 b"),))
FEWER = replace(BEFORE, statements=2)
OTHER = Ran("test_b", "passed", 3, 3, frozenset(), (("GET /b", "200 x"),))


def record(*tests: Ran) -> Record:
    return {test.name: test for test in tests}


def judged(after: Ran, before: Ran = BEFORE, again: Ran | None = None, other: Ran = OTHER) -> Verdict:
    return judge(record(before, OTHER), [record(again or before, OTHER)], record(after, other), [1])


def test_fewer_statements_and_the_same_result_are_proof() -> None:
    verdict = judged(FEWER)
    assert verdict.is_proven
    assert [str(figure) for figure in verdict.figures] == ["test_a: 25 → 2 statements, same result"]


def test_fewer_rows_with_as_many_statements_are_proof() -> None:
    assert str(judged(replace(BEFORE, rows=1)).figures[0]) == "test_a: 60 → 1 rows fetched, same result"


def test_the_largest_gain_comes_first() -> None:
    small, large = replace(BEFORE, statements=24), replace(BEFORE, name="test_c", statements=2)
    second = replace(BEFORE, name="test_c")
    verdict = judge(record(BEFORE, second), [record(BEFORE, second)], record(small, large), [1])
    assert [figure.test for figure in verdict.figures] == ["test_c", "test_a"]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replace(BEFORE), "sends no fewer statements"),
        (replace(BEFORE, rows=70), "sends no fewer statements"),
        (replace(BEFORE, statements=26), "sends 26 statements instead of 25"),
        (replace(FEWER, outcome="failed"), "passes without it and not with it"),
        (replace(FEWER, outcome="skipped"), "passes without it and not with it"),
        (replace(FEWER, name="test_z"), "passes without it and not with it"),
        (replace(FEWER, results=(("GET /", "200 a 2 b"),)), "the result of GET / is another"),
        (replace(FEWER, results=(("GET /", "200 a 1"),)), "the result of GET / is another"),
        (replace(FEWER, results=(("GET /", None),)), "the result of GET / is another"),
        (replace(FEWER, results=()), "asks for other things"),
        (replace(FEWER, results=(("GET /other", "200 a 1 b"),)), "asks for other things"),
    ],
)
def test_what_is_no_proof(after: Ran, words: str) -> None:
    assert words in judged(after).reason


def test_a_cheaper_test_does_not_make_up_for_a_dearer_one() -> None:
    assert "test_b then sends 4" in judged(FEWER, other=replace(OTHER, statements=4)).reason
    assert (
        "in test_b the result of GET /b" in judged(FEWER, other=replace(OTHER, results=(("GET /b", "200 y"),))).reason
    )


def test_words_that_differ_by_themselves_are_not_compared() -> None:
    again = replace(BEFORE, results=(("GET /", "200 a 9 b"),))
    assert judged(replace(FEWER, results=(("GET /", "200 a 5 b"),)), again=again).is_proven
    assert "another" in judged(replace(FEWER, results=(("GET /", "200 a 5 c"),)), again=again).reason


def test_what_changes_as_time_goes_by_is_known_from_a_third_run() -> None:
    later = replace(BEFORE, results=(("GET /", "200 a 2 b"),))
    after = replace(FEWER, results=(("GET /", "200 a 3 b"),))
    verdict = judge(record(BEFORE), [record(BEFORE)], record(after), [1])
    assert verdict.is_other
    assert judge(record(BEFORE), [record(BEFORE), record(later)], record(after), [1]).is_proven
    assert not judged(BEFORE).is_other


@pytest.mark.parametrize(
    "again",
    [
        replace(BEFORE, statements=24),
        replace(BEFORE, outcome="failed"),
        replace(BEFORE, results=(("GET /", "200 a 1 b and more"),)),
        replace(BEFORE, results=()),
    ],
)
def test_a_test_that_is_not_the_same_twice_is_no_proof(again: Ran) -> None:
    assert "or differs each time" in judged(FEWER, again=again).reason


def test_a_result_is_needed() -> None:
    for results in ((), (("page()", None),)):
        assert (
            "nothing comes out of test_a"
            in judged(replace(FEWER, results=results), replace(BEFORE, results=results)).reason
        )
