"""The HTML report: one file that loads nothing, runs nothing and says everything."""

import dataclasses
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
import shop

from dbwright.model.snapshot import UNKNOWN_VERSION
from dbwright.report import html

VOID = frozenset("meta br img input hr link".split())
ALLOWED = frozenset(
    "html head meta title style body header div p h1 h2 h3 h4 b ul ol li a nav main section span code pre details summary table "
    "thead tbody tr th td svg rect defs marker path g text line dl dt dd fieldset legend label input footer i".split()
)


class Page(HTMLParser):
    """Elements, ids and links of a page; unbalanced markup raises."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, attribute: str) -> list[str]:
        return [str(attrs[attribute]) for _, attrs in self.tags if attribute in attrs]


@pytest.fixture(scope="module", params=["shop", "empty", "hostile", "large"])
def any_page(request: pytest.FixtureRequest) -> tuple[str, Page]:
    rendered = html.render(getattr(shop, request.param)())
    return rendered, Page(rendered)


def test_loads_nothing_and_runs_nothing(any_page: tuple[str, Page]) -> None:
    rendered, page = any_page
    assert {tag for tag, _ in page.tags} <= ALLOWED
    assert not page.values("src")
    assert not page.values("style")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert all(link.startswith("#") for link in page.values("href"))
    style = re.search(r"<style>(.*?)</style>", rendered, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_its_policy_allows_its_style_and_nothing_else(any_page: tuple[str, Page]) -> None:
    rendered, page = any_page
    policy = next(str(a["content"]) for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", rendered, re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_every_link_has_its_place_and_no_id_stands_twice(any_page: tuple[str, Page]) -> None:
    _, page = any_page
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("href")} <= set(ids)


def test_no_character_that_cannot_be_seen(any_page: tuple[str, Page]) -> None:
    rendered, _ = any_page
    assert {c for c in rendered if not c.isprintable()} <= {"\n"}


def test_tables_have_scoped_headings(any_page: tuple[str, Page]) -> None:
    _, page = any_page
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.tags if tag == "th")


def test_says_everything() -> None:
    text = Page(html.render(shop.shop())).text
    for said in (
        "61 / 100",
        "Do these first",
        "ALTER SYSTEM SET fsync = 'on';",
        "ALTER SYSTEM RESET fsync;",
        "CREATE INDEX CONCURRENTLY shop_line_order_id_idx ON public.shop_line (order_id);",
        "DROP INDEX CONCURRENTLY public.shop_line_order_id_idx;",
        "shop/models.py:41",
        "This week",
        "without-index −46%",
        "redundant",
        "missing",
        "People who buy",
        "cascade",
        "Data checksums are on",
        "2 rules: pg_stat_statements is not there",
        "needed at the end of the year",
        "unused ignore",
        "expired ignore",
        "1 new, 1 regressed, 3 unchanged, 1 resolved",
        "shop_order held dead rows",
        "counted in 12 days",
    ):
        assert said in text, said


def test_evidence_is_told_with_units() -> None:
    text = Page(html.render(shop.shop())).text
    assert "total bytes 4.8 MB" in text
    assert "share 25.0%" in text


def test_says_so_when_nothing_was_found_or_could_be_checked() -> None:
    text = Page(html.render(shop.empty())).text
    assert "Nothing found by 0 rules" in text
    assert "No score: nothing could be checked" in text


def test_hostile_text_stays_text() -> None:
    page = Page(html.render(shop.hostile()))
    assert "<script>alert(1)</script>" in page.text
    assert not [tag for tag, _ in page.tags if tag in ("script", "img")]
    assert "characters that cannot be shown" in page.text


def test_a_thousand_findings_stay_below_two_megabytes_and_none_is_lost() -> None:
    report = shop.large(340)
    rendered = html.render(report)
    assert len(report.findings) == 1020
    assert len(rendered.encode()) < 2_000_000
    assert sum(f'id="f-{f.id}"' in rendered for f in report.findings) == 1020


def test_what_is_left_out_is_counted() -> None:
    text = Page(html.render(shop.large(600))).text
    assert "600 more of this rule are left out" in text
    assert "tables left out here" in text


def test_groups_are_open_while_they_are_few() -> None:
    assert '<details class="rule only-critical" open>' in html.render(shop.shop())
    assert not re.search(r'<details class="rule[^>]* open>', html.render(shop.large(100)))


def test_a_managed_server_is_named() -> None:
    report = shop.shop()
    target = dataclasses.replace(report.snapshot.target, managed_by="Amazon RDS")
    text = Page(
        html.render(dataclasses.replace(report, snapshot=dataclasses.replace(report.snapshot, target=target)))
    ).text
    assert "Amazon RDS" in text


def test_without_a_database_the_project_names_the_report_and_nothing_is_called_measured() -> None:
    report = shop.shop()
    target = dataclasses.replace(report.snapshot.target, database="", version_text=UNKNOWN_VERSION)
    project = dataclasses.replace(report.snapshot.project, root="/srv/bakery")
    page = html.render(
        dataclasses.replace(report, snapshot=dataclasses.replace(report.snapshot, target=target, project=project))
    )
    assert "<h1>bakery</h1>" in page
    assert "<title>bakery: " in page
    tables = page.partition('id="tables"')[2].partition("</section>")[0]
    assert "not measured" in tables
    assert not re.search(r"\d (bytes|kB|MB|GB)", tables)
