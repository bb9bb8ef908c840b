"""Judgements as text for people and as JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dbwright.model.wording import counted, listed
from dbwright.safety import losses
from dbwright.safety.judge import Judgement, text_of
from dbwright.safety.judged import SEVERITIES, Finding, Severity, shown
from dbwright.safety.losses import Loss
from dbwright.safety.observed import Observation, spoken

SCHEMA_VERSION = 1
LONGEST_LINE = 110


@dataclass(frozen=True)
class Report:
    """What was judged, on which server. ``notes`` are assumptions and gaps of the whole run."""

    judgements: Sequence[Judgement]
    server: str
    target_major: int
    threshold: Severity
    notes: Sequence[str] = ()

    @property
    def findings(self) -> list[Finding]:
        return [finding for one in self.judgements for finding in one.findings]

    @property
    def failing(self) -> list[Finding]:
        """Findings at or above the threshold."""
        return [finding for finding in self.findings if is_at_least(finding.severity, self.threshold)]


def is_at_least(severity: Severity, threshold: Severity) -> bool:
    return SEVERITIES.index(severity) <= SEVERITIES.index(threshold)


# JSON ------------------------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    counts = {level: sum(f.severity == level for f in report.findings) for level in SEVERITIES}
    return {
        "schema_version": SCHEMA_VERSION,
        "server": {"version": report.server, "judged_for": report.target_major},
        "threshold": report.threshold,
        "summary": {"migrations": len(report.judgements), **counts, "failing": len(report.failing)},
        "notes": list(report.notes),
        "migrations": [_migration(one) for one in report.judgements],
    }


def _migration(one: Judgement) -> dict[str, Any]:
    pairs = zip(one.script.statements, one.observations, strict=True)
    return {
        "name": one.script.name,
        "file": one.script.file,
        "framework": one.script.framework,
        "group": one.script.group or None,
        "assumption": one.script.assumption,
        "invented_schema": list(one.invented),
        "not_looked_at": list(one.gaps),
        "statements": [
            {
                "number": number,
                "line": statement.line,
                "sql": statement.sql.strip(),
                "operation": statement.operation or None,
                "transaction": statement.transaction,
                **_observed(observation),
                "findings": [f.check for f in one.findings if f.statement == number],
            }
            for number, (statement, observation) in enumerate(pairs)
        ],
        "loses": [
            {"what": loss.what, "line": loss.line, "count": loss.count, "counting_query": loss.counting}
            for loss in one.lost
        ],
        "way_back_loses": [{"what": loss.what, "line": loss.line} for loss in losses.backward(one.script.statements)],
        "findings": [_finding(f, one.script.file) for f in one.findings],
    }


def _observed(observation: Observation | None) -> dict[str, Any]:
    if observation is None:
        return {"run": False}
    return {
        "run": True,
        "error": observation.error,
        "milliseconds": observation.milliseconds,
        "locks": [
            {
                "relation": shown(lock.relation),
                "kind": lock.kind,
                "mode": spoken(lock.mode),
                "taken_earlier": lock.earlier,
                "held_milliseconds": lock.held_ms,
            }
            for lock in observation.locks
        ],
        "blocks": {
            "reads": sorted(map(shown, observation.reads)),
            "writes": sorted(map(shown, observation.writes)),
            "changed_rows": sorted(map(shown, observation.rows)),
        },
        "waits_behind_a_long_read": observation.waited,
        "reads_queue_behind_it": sorted(map(shown, observation.queued)),
        "scans": sorted(map(shown, observation.scanned)),
        "rewrites": sorted(map(shown, observation.rewritten)),
        "rebuilds_indexes": sorted(map(shown, observation.rebuilt)),
        "rows_changed": {shown(name): count for name, count in observation.touched},
        "bytes_taken": observation.bytes,
    }


def _finding(finding: Finding, file: str) -> dict[str, Any]:
    return {
        "id": finding.check,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "file": file,
        "line": finding.line,
        "statement": finding.statement,
        "table": finding.table,
        "column": finding.column,
        "observed": finding.observed,
        "rewrite": finding.rewrite,
        "counting_query": finding.counting,
        "rows_that_break_it": finding.rows,
        "disk_bytes_estimated": finding.disk,
    }


# Text ------------------------------------------------------------------------------------------------------------------------


def lines(report: Report, *, hints: bool = False) -> Iterator[str]:
    """The report for people: what is info only when ``hints``."""
    explained: set[str] = set()
    for one in report.judgements:
        told = [f for f in one.findings if hints or f.severity != "info"]
        head = (
            f"{one.script.name} ({one.script.framework}; {one.script.assumption})"
            if one.script.assumption
            else one.script.name
        )
        yield head
        if not told:
            yield f"  nothing to say of {counted(len(one.script.statements), 'statement')}."
        for finding in told:
            yield from _told(one, finding, explained)
            explained.add(finding.check)
        if one.invented and told:
            yield "  The schema before was made up from the file:"
            yield from (f"    {statement};" for statement in one.invented)
        if known := [_lost(loss) for loss in one.lost if loss.count is not None]:
            yield f"  Lost for good: {listed(known)}."
        if hints and (back := losses.backward(one.script.statements)):
            yield f"  Lost on the way back: what is written into {listed([loss.what for loss in back])} until then."
        yield from (f"  Not looked at: {gap}" for gap in one.gaps)
        yield ""


def _lost(loss: Loss) -> str:
    kind = "row" if "count(*)" in (loss.counting or "") else "value"
    return f"{loss.what} ({counted(loss.count or 0, kind)})"


def _told(one: Judgement, finding: Finding, explained: set[str]) -> Iterator[str]:
    yield f"  {finding.severity}  {one.script.file}:{finding.line}  {finding.check}"
    if finding.statement is not None:
        statement = one.script.statements[finding.statement]
        text = text_of(statement)
        yield f"      {text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + '…'}"
        observation = one.observations[finding.statement]
        if observation is not None and (seen := _seen(observation)):
            yield f"      {seen}"
    yield f"      {finding.message}"
    if finding.check not in explained:
        yield f"      {finding.why}"
    if finding.rows is not None:
        yield f"      {counted(finding.rows, 'row')} in the database break it: {finding.counting}"
    elif finding.counting:
        yield f"      Count what would break it: {finding.counting}"
    for line in (finding.rewrite or "").splitlines():
        yield f"      | {line}"


def _seen(observation: Observation) -> str:
    """Locks and waiting in a line."""
    strong = [f"{spoken(lock.mode)} on {shown(lock.relation)}" for lock in observation.locks if lock.kind != "index"]
    blocked = []
    if observation.reads:
        blocked.append("reads")
    if observation.writes:
        blocked.append("writes")
    parts = [f"seen: {listed(strong)}" if strong else "", f"{' and '.join(blocked)} waited" if blocked else ""]
    return "; ".join(part for part in parts if part)


def summary(report: Report) -> str:
    """The outcome in a sentence."""
    counts = [counted(sum(f.severity == level for f in report.findings), level) for level in SEVERITIES[:2]]
    hints = sum(f.severity == "info" for f in report.findings)
    return (
        f"{counted(len(report.judgements), 'migration')} on PostgreSQL {report.server}: {' and '.join(counts)}"
        + (f"; {counted(hints, 'hint')}" if hints else "")
        + "."
    )
