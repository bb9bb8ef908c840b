"""The report as one HTML file: no script, no request to anywhere, readable on a phone, in the dark and on paper.

Everything that comes from a database passes ``plaintext.clean`` and Jinja's escaping: both are set on the environment, so no template can
forget them. The style sheet is allowed by its hash, everything else is refused by the page's own policy.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dbwright import plaintext, ranking, rules
from dbwright.fixes import sql
from dbwright.model import wording
from dbwright.model.finding import SEVERITIES, Finding
from dbwright.model.report import Report
from dbwright.report import diagram, figures, inventory, plan, relations, workload
from dbwright.report.carrying_out import carrying_out
from dbwright.rules import Rule

MOST_FINDINGS = 1500
"""Findings told in full; what exceeds it is counted, and said to be in the JSON report."""
MOST_OF_A_RULE = 1200
MOST_TABLES = 250
MOST_COLUMNS = 3000
MOST_RELATIONS = 800
MOST_STATEMENTS = 25
LEAST_SCALE = 0.8
"""A wide diagram shrinks to this share before it scrolls."""
OPEN_INDEXES_UP_TO = 150
OPEN_UP_TO = 30
"""With so few findings the groups are open from the start."""


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """What one rule found. ``shown`` are told in full."""

    id: str
    title: str
    rule: Rule | None
    shown: tuple[Finding, ...]
    count: int

    @property
    def worst(self) -> Finding:
        return self.shown[0]


@dataclass(frozen=True, slots=True)
class Area:
    name: str
    groups: tuple[RuleGroup, ...]
    severities: Counter[str]

    @property
    def count(self) -> int:
        return self.severities.total()


def render(report: Report) -> str:
    return _environment().get_template("report.html").render(**_context(report)) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dbwright.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters |= {
        "size": wording.bytes_text,
        "moment": figures.moment,
        "duration": wording.duration,
        "hours": plan.hours_text,
        "label": figures.label,
        "prose": _prose,
    }
    environment.globals |= {
        "count_of": wording.counted,
        "evidence": figures.value,
        "forward": lambda change: sql.script(sql.forward(change)),
        "backward": lambda change: sql.script(sql.backward(change)),
        "carrying_out": carrying_out,
        "was_changed": plaintext.was_changed,
        "anchor": _anchor,
    }
    return environment


def _harmless(content: object) -> object:
    """Runs on every value that a template puts out."""
    return plaintext.clean(content) if isinstance(content, str) and not isinstance(content, Markup) else content


_CODE = re.compile(r"(`{1,2})([^`\n]+)\1")


def _prose(text: str) -> Markup:
    """Paragraphs and code spans of a rule's documentation."""
    paragraphs = [_CODE.sub(r"<code>\2</code>", str(escape(plaintext.clean(part)))) for part in text.split("\n\n")]
    return Markup("".join(f"<p>{part}</p>" for part in paragraphs if part.strip()))  # noqa: S704  escaped above


def _anchor(name: str) -> str:
    """The fragment of a rule, table or finding: no character of it can leave an attribute or a selector."""
    return (
        re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        + "-"
        + sha256(name.encode(errors="replace")).hexdigest()[:6]
    )


def _context(report: Report) -> dict[str, Any]:
    style = Markup(_environment().loader.get_source(_environment(), "report.css")[0])  # type: ignore[union-attr]  # noqa: S704
    snapshot = report.snapshot
    groups = inventory.groups(report)
    areas = _areas(report)
    found = relations.relations(report)
    picture = _diagram(report, groups, found)
    if picture:
        style += f".erd {{ max-width: {picture.width}px; min-width: {picture.width * LEAST_SCALE:.0f}px; }}\n"
    return {
        "style": style,
        "style_hash": b64encode(sha256(style.encode()).digest()).decode(),
        "report": report,
        "snapshot": snapshot,
        "target": snapshot.target,
        "title": figures.title(snapshot),
        "severities": SEVERITIES,
        "counts": Counter(finding.severity for finding in report.findings),
        "leading": ranking.leading(report.findings),
        "costliest": workload.costliest(report, MOST_STATEMENTS),
        "matches": workload.MATCHES,
        "tone": _tone,
        "periods": plan.plan(report),
        "effort_table": plan.HOURS,
        "plan_again": plan.AGAIN,
        "areas": areas,
        "told": {finding.id for area in areas for group in area.groups for finding in group.shown},
        "rules_told": {group.id for area in areas for group in area.groups},
        "open_indexes": sum(g.index_count for g in groups) <= OPEN_INDEXES_UP_TO,
        "open_groups": len(report.findings) <= OPEN_UP_TO,
        "groups": groups,
        **_tables(groups),
        "verdicts": Counter(i.verdict for g in groups for t in g.tables for i in t.indexes),
        "relations": found[:MOST_RELATIONS],
        "relations_left_out": max(0, len(found) - MOST_RELATIONS),
        "ties": relations.many_to_many(report, found),
        "diagram": picture,
        "not_checked": _not_checked(report),
        "states": Counter(life.state for id_, life in report.lives.items() if id_ in {f.id for f in report.findings}),
        "changed": [(f, report.lives[f.id]) for f in report.findings if _is_change(report, f)],
        "window": inventory.window_text(snapshot),
        "weights": ranking.WEIGHTS,
        "area_weights": ranking.AREA_WEIGHTS,
    }


def _tone(score: int | None) -> str:
    return "unknown" if score is None else "good" if score >= 90 else "fair" if score >= 70 else "poor"


def _is_change(report: Report, finding: Finding) -> bool:
    life = report.lives.get(finding.id)
    return life is not None and life.state in ("new", "regressed")


def _areas(report: Report) -> list[Area]:
    """Findings by area and rule, the worst area first."""
    by_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_rule[finding.rule].append(finding)
    by_area: defaultdict[str, list[RuleGroup]] = defaultdict(list)
    severities: defaultdict[str, Counter[str]] = defaultdict(Counter)
    room = MOST_FINDINGS
    for rule_id, findings in by_rule.items():
        shown = findings[: max(1, min(room, MOST_OF_A_RULE))]
        room -= len(shown)
        area = rule_id.split("/")[0]
        rule = rule_of(rule_id)
        by_area[area].append(RuleGroup(rule_id, rule.title if rule else rule_id, rule, tuple(shown), len(findings)))
        severities[area].update(finding.severity for finding in findings)
    return [Area(name, tuple(groups), severities[name]) for name, groups in by_area.items()]


def rule_of(rule_id: str) -> Rule | None:
    """The rule, or None when this version does not have it."""
    return rules.load(rule_id) if rule_id in rules.names() else None


def _tables(groups: tuple[inventory.Group, ...]) -> dict[str, Any]:
    """What of the tables is told in full: those with an index to act on first, then the largest."""
    every = [table for group in groups for table in group.tables]
    ordered = sorted(every, key=lambda t: (not t.is_urgent, -t.total_bytes, t.name))
    chosen = ordered[:MOST_TABLES]
    columns: set[int] = set()
    room = MOST_COLUMNS
    for table in chosen:
        if room >= len(table.columns):
            columns.add(table.table.oid)
            room -= len(table.columns)
    return {
        "coverage": [table for table in chosen if table.indexes],
        "bare_tables": [table for table in chosen if not table.indexes],
        "tables_left_out": len(every) - len(chosen),
        "with_columns": columns,
        "without_columns": len(every) - len(columns),
    }


def _diagram(
    report: Report, groups: tuple[inventory.Group, ...], found: tuple[relations.Relation, ...]
) -> diagram.Diagram | None:
    worst: dict[tuple[str | None, str | None], str] = {}
    for finding in reversed(report.findings):
        for ref in finding.objects:
            worst[ref.schema, ref.table] = finding.severity
    boxes = [
        diagram.Box(
            t.name, t.name, f"≈ {wording.counted(t.rows, 'row')}", t.rows, worst.get((t.table.schema, t.table.name), "")
        )
        for group in groups
        for t in group.tables
    ]
    return diagram.draw(boxes, found)


def _not_checked(report: Report) -> list[tuple[str, str, list[str], bool]]:
    """(reason, remedy, rules, partly) for each reason."""
    by_reason: defaultdict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for entry in report.not_checked:
        by_reason[entry.reason, entry.remedy, entry.partial].append(entry.rule)
    return [(reason, remedy, names, partial) for (reason, remedy, partial), names in by_reason.items()]
