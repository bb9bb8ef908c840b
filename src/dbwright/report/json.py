"""The JSON contract: see ``docs/json-contract.md``. Everything here is public; change it with the version."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dbwright.fixes import sql
from dbwright.model.change import Change
from dbwright.model.finding import Finding, ObjectRef
from dbwright.model.report import REPORT_VERSION, Life, Report
from dbwright.report import plan, workload

MOST_STATEMENTS = 200
"""Of the workload; the costliest."""
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e\n]")


def render(report: Report) -> str:
    return text(document(report))


def text(content: object) -> str:
    """JSON with every character that cannot be seen written as an escape: a terminal may be what reads it."""
    plain = msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
    return _BEYOND_ASCII.sub(_visible, plain) + "\n"


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def document(report: Report) -> dict[str, Any]:
    """The report as JSON values."""
    target = report.snapshot.target
    return {
        "schema_version": REPORT_VERSION,
        "tool": {"name": "dbwright", "version": report.snapshot.tool_version},
        "target": {
            "engine": target.engine,
            "name": target.name,
            "identity": target.identity,
            "database": target.database,
            "version": target.version_text,
            "managed_by": target.managed_by,
            "taken_at": report.snapshot.taken_at,
        },
        "rules_run": list(report.rules_run),
        "findings": [finding_document(finding, report.lives.get(finding.id)) for finding in report.findings],
        "strengths": [
            {"rule": s.rule, "title": s.title, "message": s.message, "evidence": dict(s.evidence)}
            for s in report.strengths
        ],
        "not_checked": [
            {"rule": n.rule, "reason": n.reason, "remedy": n.remedy, "partial": n.partial} for n in report.not_checked
        ],
        "ignored": [
            {"id": held.finding.id, "rule": held.finding.rule, "title": held.finding.title, "reason": held.reason}
            for held in report.ignored
        ],
        "unused_ignores": [msgspec.to_builtins(ignore) for ignore in report.unused_ignores],
        "expired_ignores": [msgspec.to_builtins(ignore) for ignore in report.expired_ignores],
        "resolved": [
            {
                "id": r.id,
                "rule": r.rule,
                "title": r.title,
                "first_seen": r.life.first_seen,
                "resolved_at": r.life.resolved_at,
            }
            for r in report.resolved
        ],
        "scores": {
            score.area: {
                "value": score.value,
                "rules_checked": score.rules_checked,
                "rules_not_checked": score.rules_not_checked,
                "losses": dict(score.losses),
            }
            for score in report.scores
        },
        "workload": [
            {
                "query_id": str(costly.query_id),
                "share": round(costly.share, 4),
                "calls": costly.calls,
                "milliseconds": round(costly.milliseconds, 3),
                "query": costly.text,
                "match": costly.match or None,
                "locations": [{"file": place.file, "line": place.line} for place in costly.places],
            }
            for costly in workload.costliest(report, MOST_STATEMENTS)
        ],
        "plan": [
            {
                "period": period.name,
                "hours": round(period.hours, 2),
                "points": round(period.points, 1),
                "score_after": period.score,
                "items": [
                    {
                        "rule": item.rule,
                        "hours": item.hours,
                        "points": item.points,
                        "kinds": list(item.kinds),
                        "quick_win": item.is_quick,
                        "findings": [finding.id for finding in item.findings],
                    }
                    for item in period.items
                ],
            }
            for period in plan.plan(report)
        ],
        "seconds": {
            "collection": report.snapshot.collection_seconds,
            "server": report.snapshot.server_seconds,
            "audit": report.audit_seconds,
        },
    }


def finding_document(finding: Finding, life: Life | None) -> dict[str, Any]:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "risk": finding.risk,
        "points": finding.points,
        "title": finding.title,
        "message": finding.message,
        "locations": [{"file": place.file, "line": place.line} for place in finding.locations],
        "objects": [_object(ref) for ref in finding.objects],
        "evidence": dict(finding.evidence),
        "impact": {
            "value": finding.impact.value,
            "unit": finding.impact.unit,
            "magnitude": round(finding.impact.magnitude, 3),
            "estimated": finding.impact.estimated,
        },
        "change": change_document(finding.change),
        "edits": [
            {"file": edit.place.file, "line": edit.place.line, "do": edit.do, "names": list(edit.names)}
            for edit in finding.edits
        ],
        "next_step": finding.next_step,
        "state": life.state if life else None,
        "first_seen": life.first_seen if life else None,
    }


def _object(ref: ObjectRef) -> dict[str, Any]:
    return {
        "kind": ref.kind,
        "schema": ref.schema,
        "table": ref.table,
        "name": ref.name,
        "columns": list(ref.columns),
    }


def change_document(change: Change | None) -> dict[str, Any] | None:
    """The change as SQL to run outside a transaction, and the SQL that takes it back."""
    if change is None:
        return None
    return {
        "sql": sql.script(sql.forward(change)),
        "reverse_sql": sql.script(sql.backward(change)) or None,
        "note": change.note,
    }
