"""Figures for people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dbwright.report import figures


@pytest.mark.parametrize(
    ("key", "content", "text"),
    [
        ("rows", 1234567, "1,234,567"),
        ("query_id", -7234567890123456789, "-7234567890123456789"),
        ("pids", [12345, 6], "12345, 6"),
        ("valid_rows", 12345, "12,345"),  # ends like none of them
        ("total_bytes", 5 * 2**20, "5.0 MB"),
        ("null_share", 0.256, "25.6%"),
        ("flag", True, "yes"),
        ("missing", None, "–"),
        ("columns", ["a", "b"], "a, b"),
        ("columns", [], "none"),
        ("columns", list(range(100)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 … and 88 more"),
        ("map", {"a": {"rows": 1000}}, "a: rows: 1,000"),
        ("when", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04 UTC"),
        ("name", "a\x1bb\nc", "a�b c"),
    ],
)
def test_evidence_as_words(key: str, content: Any, text: str) -> None:
    assert figures.value(key, content) == text
