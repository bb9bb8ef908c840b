"""A project that was judged before is not judged again, and what is told is the same; whatever changes is judged anew."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dbwright import judged, snapshots
from dbwright.acquire import Request, acquire
from dbwright.audit import audit
from dbwright.model.planned import Planned
from dbwright.model.report import Ignore, Report
from dbwright.model.snapshot import Project, Snapshot
from dbwright.report import html, text
from dbwright.report.json import render as as_json

SPECIMEN = Path(__file__).parents[1] / "specimens" / "chapters"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def snapshot(cache: Path) -> Snapshot:
    return acquire(Request(SPECIMEN, use_database=False), {**os.environ, "DBWRIGHT_CACHE": str(cache)})


@pytest.fixture
def judgements(monkeypatch: pytest.MonkeyPatch) -> list[Snapshot]:
    """The snapshots that the rules really looked at."""
    seen: list[Snapshot] = []

    def counted(snapshot: Snapshot, **given: Any) -> Report:
        seen.append(snapshot)
        return audit(snapshot, **given)

    monkeypatch.setattr(judged, "audit", counted)
    return seen


def test_the_second_report_is_the_first_without_a_look(
    tmp_path: Path, snapshot: Snapshot, judgements: list[Snapshot]
) -> None:
    first, second = judged.judge(snapshot, tmp_path), judged.judge(snapshot, tmp_path)
    assert len(judgements) == 1
    assert first.findings
    assert any(finding.change for finding in first.findings)
    assert [f.change for f in second.findings] == [f.change for f in first.findings], (
        "operations have their types again"
    )
    second = replace(second, audit_seconds=first.audit_seconds)
    assert as_json(second) == as_json(first)
    assert text.render(second) == text.render(first)
    assert html.render(second) == html.render(first)


def test_what_the_report_depends_on_is_judged_anew(
    tmp_path: Path, snapshot: Snapshot, judgements: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged.judge(snapshot, tmp_path)
    rule = judgements and audit(snapshot).findings[0].rule
    others: list[tuple[Snapshot, dict[str, Any]]] = [
        (replace(snapshot, taken_at=snapshot.taken_at + timedelta(days=1)), {}),
        (replace(snapshot, source=replace(snapshot.source, key="another")), {}),
        (replace(snapshot, project=Project()), {}),
        (snapshot, {"only": ("models",)}),
        (snapshot, {"ignores": (Ignore(str(rule), "known"),)}),
        (snapshot, {"limits": {"models/undeclared": {"least": 5.0}}}),
        (snapshot, {"baseline": {}}),
    ]
    for number, (one, given) in enumerate(others, 2):
        assert judged.judge(one, tmp_path, **given).snapshot is one
        assert len(judgements) == number, given
    monkeypatch.setattr(judged, "_own_files", lambda: (("rules/new.py", 1, 1),))
    judged.judge(snapshot, tmp_path)
    assert len(judgements) == len(others) + 2


def test_the_time_of_the_day_changes_nothing(tmp_path: Path, snapshot: Snapshot, judgements: list[Snapshot]) -> None:
    judged.judge(snapshot, tmp_path)
    minute = 59 - snapshot.taken_at.minute
    later = replace(snapshot, taken_at=snapshot.taken_at.replace(minute=minute))
    assert judged.judge(later, tmp_path).snapshot.taken_at == later.taken_at
    assert len(judgements) == 1


@pytest.mark.parametrize(
    "unkept",
    [
        lambda s: replace(s, gaps=tuple(gap for gap in s.gaps if gap.section != "server")),
        lambda s: replace(s, source=replace(s.source, key="")),
        lambda s: replace(s, source=replace(s.source, exact=True)),
        lambda s: replace(s, planned=Planned((), 0, "")),
        lambda s: snapshots.decode(snapshots.encode(s)),
    ],
    ids=["a database was read", "no files", "--import", "plans", "a saved snapshot"],
)
def test_what_files_alone_do_not_tell_is_not_kept(
    unkept: Any, tmp_path: Path, snapshot: Snapshot, judgements: list[Snapshot]
) -> None:
    one = unkept(snapshot)
    assert judged.judge(one, tmp_path).findings == judged.judge(one, tmp_path).findings
    assert len(judgements) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\x80"])
def test_a_damaged_file_is_judged_anew(
    damage: Any, tmp_path: Path, snapshot: Snapshot, judgements: list[Snapshot]
) -> None:
    first = judged.judge(snapshot, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    assert judged.judge(snapshot, tmp_path).findings == first.findings
    assert len(judgements) == 2
    judged.judge(snapshot, tmp_path)
    assert len(judgements) == 2, "and kept again"


def test_a_folder_that_cannot_be_used_is_passed_over(tmp_path: Path, snapshot: Snapshot) -> None:
    file = tmp_path / "file"
    file.touch()
    assert judged.judge(snapshot, file / "below").findings


def test_an_edit_of_the_project_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(SPECIMEN, root)
    environment = {**os.environ, "DBWRIGHT_CACHE": str(tmp_path / "cache")}

    def findings() -> set[str]:
        read = acquire(Request(root, use_database=False), environment)
        return {finding.id for finding in judged.judge(read, tmp_path / "cache").findings}

    first = findings()
    assert findings() == first
    moved = next(path for path in sorted(root.rglob("models.py")))
    moved.write_text("")
    assert findings() != first


def test_an_operation_that_nobody_knows_is_judged_anew(
    tmp_path: Path, snapshot: Snapshot, judgements: list[Snapshot]
) -> None:
    first = judged.judge(snapshot, tmp_path)
    kind = next(type(step).__name__ for f in first.findings if f.change for step in f.change.operations)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes().replace(kind.encode(), b"X" * len(kind)))
    assert judged.judge(snapshot, tmp_path).findings == first.findings
    assert len(judgements) == 2
