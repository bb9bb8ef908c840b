"""Paths of relations: where they go round."""

import pytest

from dbwright.model.repeats import cut


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("author", "author"),
        ("author__publisher", "author__publisher"),
        ("parent__parent", "parent"),
        ("parent__parent__parent__owner", "parent"),
        ("user__profile__user", "user__profile"),
    ],
)
def test_cut(path: str, short: str) -> None:
    assert cut(path) == short
