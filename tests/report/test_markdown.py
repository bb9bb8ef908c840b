"""The Markdown report: short enough for a comment, and nothing in it is markup but ours."""

import re

import pytest
import shop

from dbwright.report import markdown


@pytest.mark.parametrize("make", [shop.shop, shop.empty, shop.hostile, lambda: shop.large(340)])
def test_fits_a_comment(make: object) -> None:
    text = markdown.render(make())  # type: ignore[operator]
    assert len(text) <= markdown.LONGEST
    assert {c for c in text if not c.isprintable()} <= {"\n"}


def test_tells_the_same_story() -> None:
    text = markdown.render(shop.shop())
    for said in (
        "# Database audit: shop",
        "**61 / 100** · 1 critical, 1 high, 1 medium, 1 low, 1 info",
        "ALTER SYSTEM SET fsync = 'on';",
        "Next step: Ask who writes shop_line.",
        "**This week**",
        "| `shop_order` | `shop_order_customer_again` | `customer_id` |  | redundant |",
        "| `shop_customer` | `shop_order (customer_id)` | one to many | cascade | yes |",
        "- **Data checksums are on**: Pages are verified.",
        "- pg_stat_statements is not there. To let them look: CREATE EXTENSION pg_stat_statements",
        "1 new, 1 regressed, 3 unchanged, 1 resolved",
        "in 12 days",
    ):
        assert said in text, said


def test_cut_lists_say_how_much_is_missing() -> None:
    text = markdown.render(shop.large(340))
    assert re.search(r"\*and \d+ more\*", text)
    assert re.search(r"\*[\d,]+ more indexes left out\.\*", text)


def outside_code(text: str) -> str:
    """The text without code blocks and code spans."""
    text = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)


def test_hostile_text_makes_no_markup() -> None:
    text = outside_code(markdown.render(shop.hostile()))
    assert set(re.findall(r"<[a-z/!][^>]*>", text)) <= {
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
        "<!-- -->",
    }
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "@everyone" not in text
    assert "#1" not in text
    assert not re.search(r"(?<!\\)\*\*b(?<!\\)\*\*", text)


def test_every_row_of_a_table_has_the_cells_of_its_head() -> None:
    for make in (shop.shop, shop.hostile):
        width = 0
        for line in markdown.render(make()).splitlines():
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("| ") else 0
            assert not cells or not width or cells == width, line
            width = cells


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("client_ip", "client_ip"),
        ("_a_ *b*", r"\_a\_ \*b\*"),
        ("a|b", r"a\|b"),
        ("# head", r"\# head"),
        ("1. item", r"1\. item"),
        ("- item", r"\- item"),
        ("6 columns", "6 columns"),
        ("> 3", r"\> 3"),
        ("a & <b>", "a &amp; &lt;b>"),
        ("@all", "@<!-- -->all"),
        ("see #12", "see #<!-- -->12"),
        ("https://x.y", "https://<!-- -->x.y"),
    ],
)
def test_escaping(text: str, escaped: str) -> None:
    assert markdown.escaped(text) == escaped


@pytest.mark.parametrize(
    ("text", "span"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", r"`a\|b`"), ("", "")]
)
def test_code_spans(text: str, span: str) -> None:
    assert markdown.code(text) == span


def test_a_code_block_outlasts_the_fences_in_it() -> None:
    assert markdown.block("a\n```\nb").startswith("````sql\n")


def test_the_costliest_statements_stand_beside_their_lines() -> None:
    (row,) = [
        line for line in markdown.render(shop.worked()).splitlines() if "shop/views.py:145" in line and "82.0%" in line
    ]
    assert "`SELECT * FROM shop_orders WHERE placed::date = $1`" in row
    assert "no query of the source has its structure" in markdown.render(shop.worked())
    assert "time goes" not in markdown.render(shop.shop())
