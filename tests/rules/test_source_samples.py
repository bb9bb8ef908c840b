"""The samples that are projects: read as any project is, without a database."""

from pathlib import Path

import pytest

from dbwright import acquire, rules
from dbwright.audit import audit
from dbwright.model.finding import Finding
from dbwright.model.sample import Sample
from dbwright.rules import Rule


def cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, sample, id=f"{rule.id}-{kind}-{number}")
        for rule in rules.load_all()
        for number, sample in enumerate(getattr(rule, kind))
        if sample.source
    ]


def findings(rule: Rule, sample: Sample, root: Path) -> list[Finding]:
    for name, text in sample.source.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    request = acquire.Request(root, use_database=False)
    snapshot = acquire.acquire(request, {"DBWRIGHT_CACHE": str(root.parent / "cache")})
    snapshot = sample.edit(snapshot) if sample.edit else snapshot
    report = audit(snapshot, only=[rule.id], limits={rule.id: sample.limits})
    broken = [n for n in report.not_checked if "the rule failed" in n.reason]
    assert not broken, broken
    assert not [p for p in snapshot.source.problems if "could not be walked" in p.reason], snapshot.source.problems
    return list(report.findings)


@pytest.mark.parametrize(("rule", "sample"), cases("bad"))
def test_found_at_a_line(rule: Rule, sample: Sample, tmp_path: Path) -> None:
    root = tmp_path / "project"
    found = findings(rule, sample, root)
    assert len(found) == sample.findings, [f.title for f in found]
    for finding in found:
        assert finding.locations, "a finding about source names its line"
        for location in finding.locations:
            assert 1 <= location.line <= len((root / location.file).read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("rule", "sample"), cases("good"))
def test_silent(rule: Rule, sample: Sample, tmp_path: Path) -> None:
    found = findings(rule, sample, tmp_path / "project")
    assert not found, [f"{f.title}: {f.message}" for f in found]
