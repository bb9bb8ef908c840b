"""The report as SARIF 2.1.0, for code scanning and editors.

What is accepted or resolved is not among the results: GitHub shows every result as an open alert, suppressed or absent ones too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from dbwright.model.finding import SEVERITIES, Finding, NotChecked, ObjectRef, Severity
from dbwright.model.report import Report
from dbwright.plaintext import clean, one_line
from dbwright.report import json, markdown
from dbwright.report.html import rule_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
FINGERPRINT = "dbwright/v1"
_FALLBACK = ("pyproject.toml", 1)
"""Where a finding is shown that no file of the project speaks of: GitHub drops results without a place."""
_STATES = {"new": "new", "regressed": "new", "unchanged": "unchanged"}


def render(report: Report) -> str:
    return json.text(document(report))


def document(report: Report) -> dict[str, Any]:
    """The log as JSON values."""
    ids = sorted({f.rule for f in report.findings} | {entry.rule for entry in report.not_checked})
    numbers = {rule_id: number for number, rule_id in enumerate(ids)}
    run = {
        "tool": {
            "driver": {
                "name": "dbwright",
                "version": report.snapshot.tool_version,
                "rules": [_rule(rule_id, report) for rule_id in ids],
            }
        },
        "automationDetails": {"id": f"dbwright/{one_line(report.snapshot.target.identity)}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, numbers)],
        "results": [_result(finding, report, numbers) for finding in report.findings],
        "properties": {
            "target": one_line(report.snapshot.target.name),
            "score": report.overall.value if report.overall else None,
            "accepted": len(report.ignored),
            "resolved": [{"id": r.id, "rule": r.rule, "title": one_line(r.title)} for r in report.resolved],
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule_id: str, report: Report) -> dict[str, Any]:
    findings = [finding for finding in report.findings if finding.rule == rule_id]
    rule = rule_of(rule_id)
    title = rule.title if rule else rule_id
    why = f"{rule.why}\n\nWhen to ignore: {rule.when_to_ignore}" if rule else title
    risk = rule.risk if rule else findings[0].risk if findings else "hygiene"
    worst: Severity = min((f.severity for f in findings), key=SEVERITIES.index, default="info")
    properties: dict[str, Any] = {"tags": list(dict.fromkeys((rule_id.split("/")[0], risk)))}
    if risk == "security" and findings:
        properties["security-severity"] = f"{max(f.points for f in findings) / 10:.1f}"
    return {
        "id": rule_id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": why.split("\n\n")[0]},
        "help": {"text": why, "markdown": why},
        "defaultConfiguration": {"level": LEVELS[worst]},
        "properties": properties,
    }


def _result(finding: Finding, report: Report, numbers: dict[str, int]) -> dict[str, Any]:
    life = report.lives.get(finding.id)
    result = {
        "ruleId": finding.rule,
        "ruleIndex": numbers[finding.rule],
        "level": LEVELS[finding.severity],
        "rank": finding.points,
        "message": {"text": _text(finding), "markdown": _markdown(finding)},
        "locations": list(_locations(finding)),
        "partialFingerprints": {FINGERPRINT: finding.id},
        "properties": {
            "severity": finding.severity,
            "confidence": finding.confidence,
            "risk": finding.risk,
            "points": finding.points,
            "state": life.state if life else None,
            "change": json.change_document(finding.change),
        },
    }
    if life and life.state in _STATES:
        result["baselineState"] = _STATES[life.state]
    return result


def _text(finding: Finding) -> str:
    """Plain text in which nothing is a link: SARIF reads ``[text](place)`` in messages, and ``{0}`` as an argument."""
    parts = [f"{finding.title}.", finding.message, f"Next step: {finding.next_step}" if finding.next_step else ""]
    plain = one_line(" ".join(filter(None, parts)))
    return plain.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _markdown(finding: Finding) -> str:
    lines = [
        f"**{markdown.escaped(finding.title)}**",
        "",
        markdown.escaped(finding.message),
        "",
        *markdown.step(finding),
    ]
    return "\n".join(lines).strip().replace("{", "{{").replace("}", "}}")


def _locations(finding: Finding) -> Iterable[dict[str, Any]]:
    places = [(place.file, place.line) for place in finding.locations] or [_FALLBACK]
    logical = [_logical(ref) for ref in finding.objects]
    for file, line in places:
        place: dict[str, Any] = {
            "physicalLocation": {
                "artifactLocation": {"uri": quote(clean(file)), "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": max(1, line)},
            }
        }
        if logical:
            place["logicalLocations"] = logical
        yield place


def _logical(ref: ObjectRef) -> dict[str, str]:
    parts = (ref.schema, ref.table if ref.table != ref.name else None, ref.name)
    return {
        "name": one_line(ref.name),
        "fullyQualifiedName": one_line(".".join(part for part in parts if part)),
        "kind": ref.kind,
    }


def _invocation(report: Report, numbers: dict[str, int]) -> dict[str, Any]:
    snapshot = report.snapshot
    end = snapshot.taken_at + timedelta(seconds=snapshot.collection_seconds + report.audit_seconds)
    return {
        "executionSuccessful": True,
        "startTimeUtc": msgspec.to_builtins(snapshot.taken_at),
        "endTimeUtc": msgspec.to_builtins(end),
        "toolConfigurationNotifications": [_notification(entry, numbers) for entry in report.not_checked],
    }


def _notification(entry: NotChecked, numbers: dict[str, int]) -> dict[str, Any]:
    looked = "Checked in part" if entry.partial else "Not checked"
    rule = {"id": entry.rule, "index": numbers[entry.rule]}
    return {
        "associatedRule": rule,
        "level": "note" if entry.partial else "warning",
        "message": {"text": one_line(f"{looked}: {entry.reason}. To let it look: {entry.remedy}").replace("{", "{{").replace("}", "}}")},
    }  # fmt: skip
