"""The lives of findings across audits of one target."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbwright import store
from dbwright.model.finding import Finding, Impact, NotChecked, ObjectRef
from dbwright.model.report import IgnoredFinding, Report
from dbwright.model.snapshot import SCHEMA_VERSION, Snapshot, Target

TARGET = Target("postgresql", "app@db/shop", "f00d", "shop", 160000, "16.0", "app", False, True)
START = datetime(2026, 11, 1, 8, tzinfo=UTC)
RULES = ("indexes/duplicate", "indexes/unused")


def finding(name: str, rule: str = "indexes/duplicate") -> Finding:
    return Finding(name, "", (ObjectRef("index", name),), Impact.certain(), rule=rule, id=name, severity="low")


def report(day: int, *findings: Finding, **changes: object) -> Report:
    snapshot = Snapshot(SCHEMA_VERSION, "0", START + timedelta(days=day), TARGET)
    return replace(Report(snapshot, findings, rules_run=RULES), **changes)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "history.sqlite3"


def states(remembered: Report) -> dict[str, str]:
    return {id_: life.state for id_, life in remembered.lives.items()}


def test_new_unchanged_resolved_regressed(path: Path) -> None:
    a, b = finding("a"), finding("b")
    assert states(store.remember(report(0, a), path)) == {"a": "new"}
    second = store.remember(report(1, a, b), path)
    assert states(second) == {"a": "unchanged", "b": "new"}
    assert second.lives["a"].first_seen == START
    third = store.remember(report(2, b), path)
    assert [(r.id, r.life.state, r.life.resolved_at) for r in third.resolved] == [
        ("a", "resolved", START + timedelta(days=2))
    ]
    assert store.remember(report(3, b), path).resolved == ()
    fourth = store.remember(report(4, a, b), path)
    assert states(fourth) == {"a": "regressed", "b": "unchanged"}
    assert fourth.lives["a"].first_seen == START
    assert states(store.remember(report(5, a, b), path)) == {"a": "unchanged", "b": "unchanged"}


def test_a_finding_that_could_not_be_looked_for_is_not_resolved(path: Path) -> None:
    store.remember(report(0, finding("a"), finding("u", "indexes/unused")), path)
    blind = NotChecked("indexes/unused", "hidden", "GRANT", partial=True)
    assert [r.id for r in store.remember(report(1, not_checked=(blind,)), path).resolved] == ["a"]
    assert store.remember(report(2, rules_run=("indexes/duplicate",)), path).resolved == ()
    assert [r.id for r in store.remember(report(3), path).resolved] == ["u"]


def test_an_ignored_finding_is_still_there(path: Path) -> None:
    store.remember(report(0, finding("a")), path)
    held = IgnoredFinding(finding("a"), "known")
    assert store.remember(report(1, ignored=(held,)), path).resolved == ()


def test_an_older_snapshot_is_compared_but_not_recorded(path: Path) -> None:
    store.remember(report(5, finding("a")), path)
    assert [r.id for r in store.remember(report(1), path).resolved] == ["a"]
    assert states(store.remember(report(6, finding("a")), path)) == {"a": "unchanged"}


def test_targets_do_not_mix(path: Path) -> None:
    store.remember(report(0, finding("a")), path)
    elsewhere = report(1, finding("a"))
    elsewhere = replace(elsewhere, snapshot=replace(elsewhere.snapshot, target=replace(TARGET, identity="beef")))
    assert states(store.remember(elsewhere, path)) == {"a": "new"}


def test_a_file_of_somebody_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE lives (mine text)")
    before = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError, match="wrote it"):
        store.remember(report(0, finding("a")), path)
    assert path.read_bytes() == before
