"""Text from a database made harmless."""

import pytest

from dbwright.plaintext import clean, one_line, was_changed


@pytest.mark.parametrize("text", ["plain", "Größe · 名前", "a\nb", "a  b", ""])
def test_leaves_what_can_be_seen(text: str) -> None:
    assert clean(text) == text
    assert not was_changed(text)


@pytest.mark.parametrize(
    "character", ["\x1b", "\x07", "\x00", "\x9b", "\r", "\u202e", "\u2066", "\u200b", "\u2028", "\x7f", "\ud800"]
)
def test_replaces_what_cannot(character: str) -> None:
    assert clean(f"a{character}b") == "a�b"
    assert was_changed(f"a{character}b")


def test_one_line_has_no_line_end_and_no_run_of_blanks() -> None:
    assert one_line(" a\n\n b\t c ") == "a b c"
