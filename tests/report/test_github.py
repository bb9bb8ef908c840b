"""Workflow commands: one line each, escaped, the worst ten of a kind."""

import re

import shop

from dbwright.report import github

COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^,:]*)(?:,[a-z]+=[^,:]*)*)::(.*)")


def commands(text: str) -> list[re.Match[str]]:
    found = [COMMAND.fullmatch(line) for line in text.splitlines()[:-1]]
    assert all(found), text
    return [match for match in found if match]


def test_each_finding_is_a_command_with_its_place() -> None:
    found = commands(github.render(shop.shop()))
    assert [c[1] for c in found] == ["error", "error", "warning", "notice", "notice"]
    assert found[1][2].startswith("file=shop/models.py,line=41,title=high%3A shop_line(order_id)")
    assert "Next step: Ask who writes shop_line." in found[3][3]


def test_ten_of_a_kind_the_worst_and_the_rest_is_counted() -> None:
    text = github.render(shop.large(100))
    kinds = [c[1] for c in commands(text)]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"error": 10, "warning": 10, "notice": 10}
    assert text.splitlines()[-1].startswith(
        "dbwright: 300 findings (100 high, 100 medium, 100 low); the worst 30 are annotated"
    )


def test_hostile_text_gives_no_command_of_its_own() -> None:
    text = github.render(shop.hostile())
    assert len(commands(text)) == 3
    assert "##[" not in text
    assert "%0A" not in text.replace("%250A", "")
    assert {c for c in text if not c.isprintable()} <= {"\n"}


def test_nothing_found_is_one_line() -> None:
    assert github.render(shop.empty()) == "dbwright: 0 findings\n"


def test_the_summary_is_the_markdown_report() -> None:
    assert github.summary(shop.shop()).startswith("# Database audit: shop")
