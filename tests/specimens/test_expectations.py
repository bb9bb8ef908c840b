"""The files of expectations are whole: every row has an entry, every entry points at one line of a file that is there."""

import re

import expectations
import pytest

FIELDS = {"row", "key", "area", "file", "line", "after", "table", "columns", "note"}


@pytest.mark.parametrize("name", expectations.NAMES)
def test_every_row_has_an_entry_and_no_other_has(name: str) -> None:
    expected = expectations.read(name)
    assert expected.specimen == name
    assert {entry["row"] for entry in expected.find if "row" in entry} == set(expected.rows)
    assert len(set(expected.rows)) == len(expected.rows)
    assert all(re.fullmatch(r"[A-Z]{2}-\d\d", row) for row in expected.rows)


@pytest.mark.parametrize("name", expectations.NAMES)
def test_every_entry_is_complete_and_points_at_one_line(name: str) -> None:
    expected = expectations.read(name)
    keys = [entry["key"] for entry in expected.entries()]
    assert len(set(keys)) == len(keys)
    for entry in expected.entries():
        assert entry.keys() <= FIELDS, entry["key"]
        assert {"key", "area", "note"} <= entry.keys(), entry["key"]
        assert ("file" in entry) == ("line" in entry), entry["key"]
        assert "file" in entry or "table" in entry or "row" in entry, entry["key"]
        assert "columns" not in entry or "table" in entry, entry["key"]
        if "file" in entry:
            assert expected.line_number(entry) > 0


@pytest.mark.parametrize("name", expectations.NAMES)
def test_right_code_is_written_down_too(name: str) -> None:
    """A file that only says what to find could not catch an auditor that cries wolf."""
    assert len(expectations.read(name).right) >= 5
