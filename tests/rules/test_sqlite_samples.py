"""The SQLite samples of every rule that has some: found, mended, taken back; near misses silent."""

import re
from pathlib import Path

import pytest
from proof import identities, with_statistics

from dbwright import rules
from dbwright.audit import audit
from dbwright.collect import sqlite as collector
from dbwright.fixes import sql
from dbwright.model.finding import Finding
from dbwright.model.sample import Sample
from dbwright.rules import Rule

POSTGRESQL_ONLY = re.compile(
    r"CONCURRENTLY|NOT VALID|ALTER COLUMN|ALTER TABLE|GRANT|::|interval|counters began|jsonb|pg_"
)


def cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, sample, id=f"{rule.id}-{kind}-{number}")
        for rule in rules.load_all()
        for number, sample in enumerate(getattr(rule, kind))
        if sample.engine == "sqlite"
    ]


def run(path: Path, script: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(script)


def findings(rule: Rule, sample: Sample, path: Path) -> list[Finding]:
    snapshot = with_statistics(collector.collect(path), sample.statistics)
    snapshot = sample.edit(snapshot) if sample.edit else snapshot
    report = audit(snapshot, only=[rule.id], limits={rule.id: sample.limits})
    assert not report.not_checked
    return list(report.findings)


@pytest.mark.parametrize(("rule", "sample"), cases("bad"))
def test_found_then_fixed_then_back(rule: Rule, sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "sample.sqlite3"
    run(path, sample.ddl)
    found = findings(rule, sample, path)
    assert len(found) == sample.findings
    changes = [finding.change for finding in found if finding.change]
    assert {change.engine for change in changes} <= {"sqlite"}
    assert all(finding.change or finding.next_step for finding in found)
    assert not [f.next_step for f in found if POSTGRESQL_ONLY.search(f"{f.message} {f.next_step}")]
    if not changes or sample.edit:
        return
    run(path, "".join(sql.script(sql.forward(change)) for change in changes))
    assert not [f.title for f in findings(rule, sample, path) if f.change]
    run(path, "".join(sql.script(sql.backward(change)) for change in reversed(changes)))
    assert identities(findings(rule, sample, path)) == identities(found)


@pytest.mark.parametrize(("rule", "sample"), cases("good"))
def test_silent(rule: Rule, sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "sample.sqlite3"
    run(path, sample.ddl)
    assert not [f"{f.title}: {f.message}" for f in findings(rule, sample, path)]
