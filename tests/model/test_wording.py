"""Figures and names in sentences."""

import pytest

from dbwright.model import wording


def test_counts_agree_with_their_noun() -> None:
    assert wording.counted(1, "index", "indexes") == "1 index"
    assert wording.counted(2000, "index", "indexes") == "2,000 indexes"
    assert wording.counted(0, "scan") == "0 scans"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.2 s"), (75, "75 s"), (600, "10 minutes"), (90000, "25.0 hours"), (864000, "10 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1536, "2 kB"),
        (3.5 * 2**20, "3.5 MB"),
        (200 * 2**30, "200 GB"),
        (2**40, "1.0 TB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert wording.bytes_text(count) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcdef"), "a, b, c, d and 2 more"),
    ],
)
def test_lists(names: list[str], text: str) -> None:
    assert wording.listed(names) == text


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("orders has 1 rows and 1 indexes.", "orders has 1 row and 1 index."),
        ("1 of 1 tables, 1 queries", "1 of 1 table, 1 query"),
        ("≈1 columns", "≈1 column"),
    ],
)
def test_one_is_told_in_the_singular(made: str, said: str) -> None:
    assert wording.in_singular(made) == said


@pytest.mark.parametrize(
    "text",
    [
        "11 rows",
        "2,001 rows",
        "0.1 rows",
        "-1 rows",
        "$1 rows",
        "t1 rows",
        "1 rowset",
        "1 keystone",
        "1 status",
        "1,000 rows",
    ],
)
def test_what_is_not_one_stays_as_it_is(text: str) -> None:
    assert wording.in_singular(text) == text
