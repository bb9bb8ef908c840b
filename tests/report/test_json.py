"""The JSON contract, held to ``docs/json-contract.md``."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shop

from dbwright.model.report import REPORT_VERSION
from dbwright.report import json as report_json

CONTRACT = (Path(__file__).parents[2] / "docs" / "json-contract.md").read_text()
OPEN = ("findings[].evidence", "strengths[].evidence", "scores.*.losses")
"""Objects whose keys are data."""


def paths(content: Any, at: str = "") -> Iterator[str]:
    """The path of every key, lists as ``[]``, names that are data as ``*``."""
    if isinstance(content, list):
        for part in content:
            yield from paths(part, at + "[]")
    elif isinstance(content, dict) and at not in OPEN:
        for key, part in content.items():
            here = f"{at}.{'*' if at == 'scores' else key}".lstrip(".")
            yield here
            yield from paths(part, here)


def documented() -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", CONTRACT, re.MULTILINE))


def test_every_field_is_documented_and_every_documented_field_exists() -> None:
    assert set(paths(json.loads(report_json.render(shop.worked())))) == documented()


def test_the_version_stands_in_the_document_and_in_its_description() -> None:
    assert json.loads(report_json.render(shop.empty()))["schema_version"] == REPORT_VERSION
    assert f"version {REPORT_VERSION}" in CONTRACT


def test_what_is_rendered_is_the_document() -> None:
    report = shop.shop()
    read = json.loads(report_json.render(report))
    assert [f["id"] for f in read["findings"]] == [f.id for f in report.findings]
    assert read["findings"][1]["change"]["reverse_sql"] == "DROP INDEX CONCURRENTLY public.shop_line_order_id_idx;"
    assert read["target"]["taken_at"] == "2026-03-09T12:30:00Z"
    assert read["findings"][0]["evidence"] == {"rows": 1234, "total_bytes": 5_000_000, "share": 0.25}


def test_hostile_text_comes_back_as_it_was_and_is_written_visibly() -> None:
    rendered = report_json.render(shop.hostile())
    assert {c for c in rendered if not c.isprintable()} <= {"\n"}
    assert json.loads(rendered)["findings"][0]["title"] == shop.UGLY


def test_characters_beyond_the_basic_plane_survive() -> None:
    text = "a\U000e0041b \U0001f40d ü"
    assert json.loads(report_json.text({"key": text}))["key"] == text
