"""The terminal report."""

from dataclasses import replace
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


def test_says_which_lines_cost_the_time() -> None:
    said = "Where the database's time goes: shop/views.py:145 82% (82% of 50 s led back to lines)"
    assert said in text.render(shop.worked())
    assert "time goes" not in text.render(shop.shop())


@pytest.mark.parametrize("make", [shop.shop, shop.empty, shop.hostile])
def test_plain_where_nobody_looks_whatever_the_environment_asks(make: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = StringIO()
    text.show(make(), stream=stream)  # type: ignore[operator]
    shown = stream.getvalue()
    assert {c for c in shown if not c.isprintable()} <= {"\n"}
    assert not [line for line in shown.splitlines() if line != line.rstrip()]


def of_settings(name: str, *severities: str) -> str:
    """The shop's report for a target of that name, with findings about settings of those severities alone."""
    report = shop.shop()
    (worst, *_) = report.findings
    found = tuple(
        replace(worst, rule=f"settings/rule-{n}", title=f"setting {n}", severity=severity, id=str(n))  # type: ignore[arg-type]
        for n, severity in enumerate(severities)
    )
    target = replace(report.snapshot.target, name=name)
    return text.render(replace(report, findings=found, snapshot=replace(report.snapshot, target=target)))


@pytest.mark.parametrize(
    "name",
    [
        "me@localhost:5432/shop",
        "127.0.0.1/shop",
        "local socket/shop",
        "me@/var/run/postgresql:5433/shop",
        "me@::1:5432/shop",
    ],
)
def test_settings_of_a_server_on_this_machine_are_one_line(name: str) -> None:
    plain = of_settings(name, "high", "medium", "low", "info")
    assert "Settings of the server on your own machine: 3 findings (rule-1, rule-2 and rule-3)" in plain
    assert "setting 0" in plain  # a severe one is told
    assert "setting 1" not in plain
    assert "4 findings: 1 high, 1 medium, 1 low, 1 info" in plain


@pytest.mark.parametrize(
    ("name", "severities"),
    [
        ("me@db.example:5432/shop", ("medium", "low")),
        ("me@localhost.example.com/shop", ("medium", "low")),
        ("localhost@db.example/localhost", ("medium", "low")),
        ("me@localhost/shop", ("medium",)),  # one is no crowd
        ("me@localhost/shop", ("critical", "high")),
    ],
)
def test_settings_of_any_other_server_are_told_one_by_one(name: str, severities: tuple[str, ...]) -> None:
    plain = of_settings(name, *severities)
    assert "your own machine" not in plain
    assert "setting 0" in plain


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
