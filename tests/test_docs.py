"""The documentation tells what the code does: generated pages are up to date, and what is written by hand agrees with it."""

import doctest
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from dbwright import ranking, rules

DOCS = Path(__file__).parent.parent / "docs"
SCORING = DOCS / "scoring.md"


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "docs_generate", module)  # its dataclasses look themselves up there
        spec.loader.exec_module(module)
        yield module


def test_generated_pages_are_up_to_date(generate: ModuleType) -> None:
    assert [str(path) for path in generate.differences()] == [], "run python docs/generate.py"


def test_each_check_of_the_field_is_covered_or_has_a_reason_and_every_name_exists(generate: ModuleType) -> None:
    assert generate.mistakes() == []


def test_the_field_is_counted_in_full(generate: ModuleType) -> None:
    names = [check.name for check in generate.checks()]
    assert len(names) == len(set(names)) == 691


def test_mistakes_are_told(generate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    known = generate.checks()
    some = next(check for check in known if check.name in generate.covered())
    found = generate.covered() | {"no-such-check": ("indexes/unused",), "ZZ-01": ("indexes/unused",)}
    monkeypatch.setattr(generate, "covered", lambda: found)
    twice = generate.Check(some.name, some.category, "cat", "noise", own_reason=True)
    neither = generate.Check("never-heard-of", some.category, "cat", None, own_reason=False)
    monkeypatch.setattr(generate, "checks", lambda: (*known, twice, neither))
    told = "\n".join(generate.mistakes())
    assert "COVERS names no-such-check" in told
    assert "COVERS names ZZ-01" in told
    assert f"{some.name} is covered by" in told
    assert "never-heard-of is neither covered nor has it a reason" in told
    assert len(generate.mistakes()) == 4


def test_reasons_name_rules_that_exist(generate: ModuleType) -> None:
    areas = "|".join({name.split("/")[0] for name in rules.names()})
    named = {
        rule
        for check in generate.checks()
        if check.reason
        for rule in re.findall(rf"\b(?:{areas})/[a-z0-9-]+", check.reason)
    }
    assert named <= set(rules.names())


def test_parts_named_for_the_ledger_exist(generate: ModuleType) -> None:
    package = Path(rules.__path__[0]).parent
    elsewhere = generate.field()["ledger"]["elsewhere"]
    for part in elsewhere.values():
        for name in re.findall(r"[a-z_/]+\.py", part):
            assert (package / name).is_file(), name
    for row in [*elsewhere, *generate.field()["ledger"]["titles"]]:
        assert generate._is_ledger_row(row)


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md", "docs/writing-rules.md"])
def test_numbers_of_rules_in_prose_are_right(name: str) -> None:
    text = (DOCS.parent / name).read_text()
    assert {int(number) for number in re.findall(r"\b(\d+) rules\b", text)} <= {len(rules.names())}


def _table(heading: str) -> dict[str, list[str]]:
    """The rows of the table of scoring.md whose first column is headed so."""
    body = SCORING.read_text().split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()[2:]]
    return {row[0]: row[1:] for row in cells}


def test_scoring_names_the_weights_of_the_risks() -> None:
    assert _table("risk") == {risk: [str(weight), ranking.severity(weight)] for risk, weight in ranking.WEIGHTS.items()}


def test_scoring_names_the_factors_of_confidence() -> None:
    assert _table("confidence") == {name: [str(factor)] for name, factor in ranking.CONFIDENCE.items()}


def test_scoring_names_where_severities_begin() -> None:
    assert _table("severity") == {name: [f"{least:g}"] for least, name in ranking.SEVERITY_FROM}


def test_scoring_names_the_weights_of_the_areas() -> None:
    assert _table("area") == {name: [str(weight)] for name, weight in ranking.AREA_WEIGHTS.items()} | {
        "others": ["1.0"]
    }


def test_scoring_gives_the_formulas_of_the_code() -> None:
    text = SCORING.read_text()
    assert f"weight of the risk × ({ranking.FLOOR:g} + {1 - ranking.FLOOR:g} × magnitude) × confidence" in text
    assert f"/ {ranking.LOSS_AT:g}, at most 0.95" in text


def test_the_example_of_scoring_is_computed_so() -> None:
    assert doctest.testfile(str(SCORING), module_relative=False, encoding="utf-8").failed == 0
