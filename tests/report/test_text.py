"""The terminal report."""

from io import StringIO

import pytest
import shop

from dbwright.report import text


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_says_what_matters() -> None:
    plain = text.render(shop.shop())
    for said in (
        "app@db.example:5432/shop · PostgreSQL 17.2",
        "1  CRITICAL fsync is off",
        "fix   ALTER SYSTEM SET fsync = 'on';",
        "shop/models.py:41",
        "high confidence · 60 points · new",
        "next  Ask who writes shop_line.",
        "5 findings: 1 critical, 1 high, 1 medium, 1 low, 1 info; 1 held back by ignores and baseline",
        "Score 61/100  foreign-keys 54",
        "Plan, estimated: this week",
        "Resolved since the last audit: 1",
        "Not checked: 2 rules, because pg_stat_statements is not there",
        "Unused ignore: indexes/* old_* (we thought so)",
        "Expired ignore: naming/* * ended 2026-01-01",
    ):
        assert said in plain, said


@pytest.mark.parametrize("make", [shop.shop, shop.empty, shop.hostile])
def test_plain_where_nobody_looks_whatever_the_environment_asks(make: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = StringIO()
    text.show(make(), stream=stream)  # type: ignore[operator]
    shown = stream.getvalue()
    assert {c for c in shown if not c.isprintable()} <= {"\n"}
    assert not [line for line in shown.splitlines() if line != line.rstrip()]


def test_colour_where_a_person_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    text.show(shop.shop(), stream=stream)
    assert "\x1b[" in stream.getvalue()


def test_a_terminal_gets_no_escape_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    text.show(shop.hostile(), stream=stream)
    assert {c for c in stream.getvalue() if not c.isprintable()} <= {"\n"}


def test_nothing_could_be_checked_is_not_nothing_found() -> None:
    assert "Nothing could be checked." in text.render(shop.empty())


def test_the_threshold_is_told() -> None:
    stream = StringIO()
    text.show(shop.shop(), stream=stream, fail_on="high")
    assert "fails on high and above" in " ".join(stream.getvalue().split())
